"""deploy/k8s holds together: shown without a cluster, by rendering it as `kubectl apply -k` does."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
import yaml

from schemas.topics import BY_NAME
from services.attribution.worker.startup import GROUP as ATTRIBUTION_GROUP
from services.cli.main import UNAVAILABLE, koc
from services.settlement.posting.assignment import GROUP as POSTER_GROUP
from tests.kit.acls import PRINCIPALS
from tests.ops import compose, kubernetes, kubernetes_rules
from tests.ops.kubernetes import COMPONENT, OVERLAYS, PROCESSES, ROOT, Document, named, of_kind, workloads

PRODUCTION = OVERLAYS["production"]
Change = Callable[[list[Document]], None]
PAGE = ROOT / "docs/kubernetes.md"


@pytest.fixture(params=sorted(OVERLAYS))
def documents(request: pytest.FixtureRequest) -> list[Document]:
    return kubernetes.render(OVERLAYS[request.param])


@pytest.fixture
def production() -> list[Document]:
    return kubernetes.render(PRODUCTION)


def test_every_object_is_as_its_schema_says(documents: list[Document]) -> None:
    assert list(kubernetes.schema_problems(documents)) == []


def test_nothing_in_it_dangles_and_nothing_has_a_right_that_it_does_not_need(documents: list[Document]) -> None:
    assert kubernetes_rules.problems(documents) == []


def _at(kind: str, name: str, *path: Any, value: Any = None) -> Change:
    """Set a value of one object; None: take it away. `pod` stands for the path to the pod's spec."""

    def change(documents: list[Document]) -> None:
        part: Any = named(documents, kind, name)
        steps = [step for one in path for step in (_pod_path(kind) if one == "pod" else [one])]
        for step in steps[:-1]:
            part = part[step]
        if value is None:
            del part[steps[-1]]
        else:
            part[steps[-1]] = value

    return change


def _pod_path(kind: str) -> list[str]:
    inner = ["spec", "template", "spec"]
    return ["spec", "jobTemplate", *inner] if kind == "CronJob" else inner


def _container(kind: str, name: str, *path: Any, value: Any = None) -> Change:
    return _at(kind, name, "pod", "containers", 0, *path, value=value)


def _variable(kind: str, name: str, variable: str, **entry: Any) -> Change:
    """Set one variable of a container; without an entry it is taken away."""

    def change(documents: list[Document]) -> None:
        part: Any = named(documents, kind, name)
        for step in [*_pod_path(kind), "containers", 0]:
            part = part[step]
        others = [one for one in part["env"] if one["name"] != variable]
        part["env"] = others + ([{"name": variable, **entry}] if entry else [])

    return change


def _temporary(kind: str, name: str, **empty_dir: Any) -> Change:
    """Set what is said of the folder for temporary files."""

    def change(documents: list[Document]) -> None:
        part: Any = named(documents, kind, name)
        for step in _pod_path(kind):
            part = part[step]
        (volume,) = [one for one in part["volumes"] if one["name"] == "tmp"]
        volume["emptyDir"] = empty_dir

    return change


@pytest.mark.parametrize(
    ("kind", "name", "path", "value", "words"),
    [
        ("Deployment", "koc-relay", ("spec", "minReadySecond"), 1, "minReadySecond"),
        ("Deployment", "koc-relay", ("pod", "containers", 0, "ports", 0, "containerPort"), "x", "containerPort"),
        ("CronJob", "koc-run", ("spec", "concurrencyPolicy"), 7, "concurrencyPolicy"),
        ("ScaledObject", "koc-poster", ("spec", "maxReplicas"), 3, "maxReplicas"),
        ("ScaledObject", "koc-poster", ("apiVersion",), "keda.sh/v1", "keda.sh/v1alpha1"),
        ("PodMonitor", "koc-settlement", ("spec", "podMetricsEndpoints", 0, "ports"), "x", "ports"),
        ("TriggerAuthentication", "koc-kafka", ("spec", "secretTargetRef", 0, "key"), None, "'key' is a required"),
    ],
)
def test_a_field_that_the_cluster_does_not_know_is_found(
    production: list[Document], kind: str, name: str, path: tuple[Any, ...], value: Any, words: str
) -> None:
    _at(kind, name, *path, value=value)(production)
    assert any(words in one for one in kubernetes.schema_problems(of_kind(production, kind)))


_WRITER = {"valueFrom": {"secretKeyRef": {"name": "koc-database-owner", "key": "url"}}}
_GRACE = ("pod", "terminationGracePeriodSeconds")
_PEER = ("spec", "egress", 0, "to", 0)
_NOT_ROOT = ("pod", "securityContext", "runAsNonRoot")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_at("StatefulSet", "koc-attribution", *_NOT_ROOT, value=False), "attribution: it may run as root"),
        (_at("Job", "koc-migrate", "pod", "securityContext", "runAsUser", value=1), "migrate: it does not run as the"),
        (_at("CronJob", "koc-run", "pod", "securityContext", "seccompProfile"), "run: it has no seccomp profile"),
        (_at("Deployment", "koc-relay", "pod", "automountServiceAccountToken"), "relay: it gets a token"),
        (_at("Deployment", "koc-relay", "pod", "enableServiceLinks"), "relay: names of services"),
        (_at("Deployment", "koc-relay", "pod", "hostNetwork", value=True), "relay: it has hostNetwork"),
        (_container("Job", "koc-topics", "securityContext", "readOnlyRootFilesystem"), "topics: its root"),
        (_container("Job", "koc-topics", "securityContext", "allowPrivilegeEscalation"), "topics: it may gain"),
        (_container("CronJob", "koc-close", "securityContext", "capabilities"), "close: it keeps capabilities"),
        (_container("Deployment", "koc-poster", "resources", "limits", "memory"), "poster: it has no limits of memory"),
        (_container("Deployment", "koc-poster", "resources", "requests", "cpu"), "poster: it has no requests of cpu"),
        (_container("Deployment", "koc-poster", "resources", "limits", "cpu", value="1"), "hold up heartbeats"),
        (_temporary("Deployment", "koc-console"), "console: volume tmp may grow for ever"),
        (_temporary("Job", "koc-topics", sizeLimit="2Gi"), "topics: volume tmp may be larger than the pod"),
        (_container("Deployment", "koc-poster", "startupProbe"), "poster: startupProbe asks None"),
        (
            _container("StatefulSet", "koc-attribution", "livenessProbe", "httpGet", "path", value="/health"),
            "attribution: livenessProbe asks /health, which nobody serves",
        ),
        (
            _container("StatefulSet", "koc-attribution", "livenessProbe", "httpGet", "path", value="/readyz"),
            "attribution: only /healthz says",
        ),
        (_container("Deployment", "koc-relay", "readinessProbe", "httpGet", "port", value=80), "port that is not open"),
        (_container("Deployment", "koc-relay", "ports", 0, "containerPort", value=8001), "relay: its ports are"),
        (_at("StatefulSet", "koc-attribution", *_GRACE, value=25), "attribution: 25 s are too short"),
        (_at("Deployment", "koc-relay", *_GRACE, value=5), "relay: 5 s are too short"),
        (_variable("Deployment", "koc-poster", "KOC_KAFKA_USER", value="x"), "KOC_KAFKA_USER is no setting"),
        (_variable("Deployment", "koc-poster", "KOC_KAFKA_PASSWORD"), "KOC_KAFKA_PASSWORD is not set"),
        (_variable("StatefulSet", "koc-attribution", "KOC_SNAPSHOT_URL"), "KOC_SNAPSHOT_URL is not set"),
        (_variable("Deployment", "koc-console", "KOC_PAYER_BANK"), "console: KOC_PAYER_BANK is not set"),
        (_variable("CronJob", "koc-close", "KOC_DATABASE_READER_URL"), "KOC_DATABASE_READER_URL is not set"),
        (_variable("Deployment", "koc-poster", "KOC_DATABASE_OWNER_URL", **_WRITER), "is more than it needs"),
        (_variable("Deployment", "koc-poster", "KOC_DATABASE_URL", value="postgresql://x"), "stands in the open"),
        (_variable("Deployment", "koc-relay", "KOC_LOG_FORMAT", value="xml"), "KOC_LOG_FORMAT=xml"),
        (_at("StatefulSet", "koc-attribution", "spec", "volumeClaimTemplates"), "volume state is not there"),
        (_container("Deployment", "koc-relay", "volumeMounts", value=[]), "relay: /tmp/run lies on no volume"),
        (_at("Job", "koc-migrate", "pod", "restartPolicy", value="OnFailure"), "needs restartPolicy Never"),
        (_at("Job", "koc-migrate", "spec", "podFailurePolicy"), "migrate: it is not tried again after []"),
        (_at("Job", "koc-migrate", "spec", "activeDeadlineSeconds"), "migrate: nothing ends it"),
        (
            _at("Deployment", "koc-relay", "spec", "selector", "matchLabels", "app.kubernetes.io/component", value="x"),
            "relay selects pods of nobody",
        ),
        (_at("Service", "koc-attribution", "spec", "selector", "app.kubernetes.io/component", value="x"), "nobody"),
        (_at("NetworkPolicy", "koc-nothing", "spec", "podSelector", "matchLabels", value={"a": "b"}), "denies all"),
        (_at("NetworkPolicy", "koc-to-kafka", "spec", "egress", value=[]), "no policy lets it reach port 9093"),
        (_at("NetworkPolicy", "koc-to-dns", "spec", "egress", value=[]), "no policy lets it reach port 53"),
        (
            _at("NetworkPolicy", "koc-to-postgres", "spec", "podSelector", value={}),
            "attribution: a policy lets it reach port 5432, which it does not need",
        ),
        (_at("NetworkPolicy", "koc-to-snapshots", "spec", "egress", 0, "to", value=[{}]), "egress to every pod"),
        (_at("NetworkPolicy", "koc-to-snapshots", "spec", "egress", 0, "to"), "opens egress to everybody"),
        (_at("NetworkPolicy", "koc-to-snapshots", *_PEER, "ipBlock", "cidr", value="0.0.0.0/0"), "to everybody"),
        (_at("NetworkPolicy", "koc-from-prometheus", "spec", "ingress", 0, "ports"), "opens ingress to everybody"),
        (_at("NetworkPolicy", "koc-from-prometheus", "spec", "ingress", value=[]), "policies let others reach []"),
        (_at("PodDisruptionBudget", "koc-poster", "spec", "maxUnavailable", value=0), "poster: no budget lets one pod"),
        (lambda documents: documents.append({"kind": "Secret", "metadata": {"name": "x"}}), "Secret x is contained"),
    ],
)  # fmt: skip
def test_the_check_sees_what_was_broken(production: list[Document], change: Change, words: str) -> None:
    change(production)
    found = kubernetes_rules.problems(production)
    assert any(words in problem for problem in found), found


def test_each_process_is_started_as_in_compose(documents: list[Document]) -> None:
    services = compose.load()["services"]
    for component, workload in workloads(documents).items():
        assert workload.container["image"].partition(":")[0].endswith("koc-settlement")
        assert "command" not in workload.container, "the image has no entry point: arguments are the command"
        service, arguments = services[component], workload.container["args"]
        assert service["image"] == "koc-settlement"
        if "entrypoint" in service:  # what follows, a person gives in compose
            assert arguments[: len(service["entrypoint"])] == service["entrypoint"], component
        else:
            assert arguments == service["command"], component


def test_who_makes_large_temporary_files_has_as_much_room_for_them_as_in_compose(documents: list[Document]) -> None:
    (mount,) = compose.load()["services"]["console"]["tmpfs"]
    for component in ("console", "close"):
        (volume,) = [one for one in workloads(documents)[component].pod["volumes"] if one["name"] == "tmp"]
        assert volume["emptyDir"]["sizeLimit"] == mount.partition("size=")[2].replace("g", "Gi"), component


def test_each_command_is_one_that_koc_takes(documents: list[Document]) -> None:
    for workload in workloads(documents).values():
        program, *words = workload.container["args"]
        assert program == "koc"
        _parse(typer.main.get_command(koc), words)


@pytest.mark.parametrize("words", [["settlement", "run", "--as-off", "today"], ["period", "close"], ["period", "shut"]])
def test_a_command_that_koc_does_not_take_is_found(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"(No such|Missing)"):
        _parse(typer.main.get_command(koc), words)


def _parse(command: Any, words: list[str]) -> None:
    """Let the command line read its words, group after group, without running the command."""
    context = command.make_context("koc", list(words))
    while hasattr(context.command, "resolve_command"):
        name, command, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


def test_each_process_has_the_kafka_login_that_has_its_rights(production: list[Document]) -> None:
    for component, workload in workloads(production).items():
        username = workload.environment(production).get("KOC_KAFKA_USERNAME")
        if username is not None:
            principal = username["secretKeyRef"]["name"].replace("koc-kafka-", "koc-")
            assert principal == {"run": "koc-operator", "close": "koc-operator"}.get(component, f"koc-{component}")
            assert principal in PRINCIPALS
    keda = named(production, "TriggerAuthentication", "koc-kafka")["spec"]["secretTargetRef"]
    assert {one["name"].replace("koc-kafka-", "koc-") for one in keda} == {"koc-scaler"} <= set(PRINCIPALS)


def test_topics_of_production_wait_for_three_brokers_and_are_tried_again(production: list[Document]) -> None:
    topics = workloads(production)["topics"]
    assert topics.environment(production)["KOC_KAFKA_REPLICATION"] == "3"
    assert topics.job is not None
    final = {
        code
        for rule in topics.job["podFailurePolicy"]["rules"]
        for code in rule.get("onExitCodes", {}).get("values", ())
    }
    assert UNAVAILABLE not in final


def test_a_timetable_and_the_books_count_in_one_zone(documents: list[Document]) -> None:
    for component in ("run", "close"):
        workload = workloads(documents)[component]
        minutes = int(workload.environment(documents)["KOC_SETTLEMENT_ZONE_MINUTES"])
        zone = ZoneInfo(workload.document["spec"]["timeZone"])
        for month in (1, 7):
            offset = datetime(2026, month, 1, tzinfo=UTC).astimezone(zone).utcoffset()
            assert offset is not None
            assert offset.total_seconds() == minutes * 60, component


def test_a_late_job_ends_on_the_day_that_it_settles(documents: list[Document]) -> None:
    """`today` and `last` must mean the same at its first attempt and at its last."""
    for component in ("run", "close"):
        spec = workloads(documents)[component].document["spec"]
        minute, hour = map(int, spec["schedule"].split()[:2])
        seconds = spec["startingDeadlineSeconds"] + spec["jobTemplate"]["spec"]["activeDeadlineSeconds"]
        assert hour * 3600 + minute * 60 + seconds < 86_400
        assert spec["concurrencyPolicy"] == "Forbid"


def test_a_run_has_time_for_what_it_waits_for(documents: list[Document]) -> None:
    for component in ("run", "close"):
        workload = workloads(documents)[component]
        arguments = workload.container["args"]
        assert workload.job is not None
        assert int(arguments[arguments.index("--timeout") + 1]) * 2 <= workload.job["activeDeadlineSeconds"]


def test_keda_adds_as_many_as_there_are_partitions_and_asks_where_they_read(production: list[Document]) -> None:
    scaled = {one["spec"]["scaleTargetRef"]["name"]: one["spec"] for one in of_kind(production, "ScaledObject")}
    assert set(scaled) == {"koc-attribution", "koc-poster"}
    for name, group, topics in (
        ("koc-attribution", ATTRIBUTION_GROUP, {"commerce.clicks.v1", "commerce.orders.v1"}),
        ("koc-poster", POSTER_GROUP, {"attribution.credits.v1"}),
    ):
        spec, metadata = scaled[name], [trigger["metadata"] for trigger in scaled[name]["triggers"]]
        target = named(production, spec["scaleTargetRef"]["kind"], name)
        assert "replicas" not in target["spec"], "an apply would set back what KEDA chose"
        assert {one["topic"] for one in metadata} == topics
        assert {one["consumerGroup"] for one in metadata} == {group}
        assert {BY_NAME[topic].partitions for topic in topics} == {spec["maxReplicaCount"]}
        assert 1 <= spec["minReplicaCount"] == spec["fallback"]["replicas"], "lag must never take the last one away"
        bootstrap = workloads(production)["relay"].environment(production)["KOC_KAFKA_BOOTSTRAP"]
        assert {one["bootstrapServers"] for one in metadata} == {bootstrap}
        logins = {trigger["authenticationRef"]["name"] for trigger in spec["triggers"]}
        assert logins == {one["metadata"]["name"] for one in of_kind(production, "TriggerAuthentication")}


def test_prometheus_finds_each_process_under_the_job_of_the_rules(production: list[Document]) -> None:
    monitor = named(production, "PodMonitor", "koc-settlement")["spec"]
    pods = {component: workload.labels for component, workload in workloads(production).items()}
    found = kubernetes_rules.selected(monitor["selector"], pods)
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert {pods[one][monitor["jobLabel"]] for one in found} == {one["job_name"] for one in config["scrape_configs"]}
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["interval"] == config["global"]["scrape_interval"]
    for component in found:
        assert endpoint["port"] in {one["name"] for one in workloads(production)[component].container["ports"]}


def test_prometheus_gets_the_rules_that_compose_has(production: list[Document]) -> None:
    rule = named(production, "PrometheusRule", "koc-settlement")
    assert rule["spec"] == yaml.safe_load((ROOT / "deploy/prometheus/rules/koc.yml").read_text())
    assert len(rule["spec"]["groups"]) > 1


def test_dashboards_are_the_files_that_compose_has(production: list[Document]) -> None:
    folder = ROOT / "deploy/grafana/dashboards"
    maps = [one for one in of_kind(production, "ConfigMap") if one["metadata"]["labels"].get("grafana_dashboard")]
    told = {name: text for one in maps for name, text in one["data"].items()}
    assert told == {file.name: file.read_text() for file in folder.glob("*.json")}
    assert all(len(text) < 1 << 20 for text in told.values()), "a ConfigMap takes 1 MiB"


def test_what_is_applied_before_a_rollout_is_all_that_its_jobs_need(documents: list[Document]) -> None:
    later = {*PROCESSES, "run", "close"}
    assert f"{COMPONENT} notin ({', '.join((*PROCESSES, 'run', 'close'))})" in PAGE.read_text()
    first = [one for one in documents if one["metadata"].get("labels", {}).get(COMPONENT) not in later]
    assert set(workloads(first)) == {"topics", "migrate"}
    for workload in workloads(first).values():
        assert workload.environment(first) == workload.environment(documents)
        assert named(first, "ServiceAccount", workload.pod["serviceAccountName"])
    assert of_kind(first, "NetworkPolicy") == of_kind(documents, "NetworkPolicy")
    assert of_kind(first, "ScaledObject") == []


def test_every_rollout_of_the_page_is_waited_for_in_every_process(documents: list[Document]) -> None:
    waits = re.findall(r"rollout status((?: \\\n|[^\n])*)", PAGE.read_text())
    assert waits
    stays = {f"{one.document['kind'].lower()}/koc-{name}" for name, one in workloads(documents).items() if not one.job}
    for wait in waits:
        assert set(re.findall(r"\w+/koc-\w+", wait)) == stays


def test_one_line_sets_the_image_of_every_process(tmp_path: Path) -> None:
    digest = "sha256:" + "a" * 64
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(ROOT / "deploy/k8s/base", tmp_path.resolve())],
        "images": [{"name": "koc-settlement", "newName": "images.example/koc", "digest": digest}],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    images = {one.container["image"] for one in workloads(kubernetes.render(tmp_path)).values()}
    assert images == {f"images.example/koc@{digest}"}


def test_the_page_names_every_secret_and_certificate_that_must_be_there(documents: list[Document]) -> None:
    page = PAGE.read_text()
    rendered = yaml.safe_dump_all(documents)
    own = {one["metadata"]["name"] for one in of_kind(documents, "ConfigMap")}
    for workload in workloads(documents).values():
        for value in workload.environment(documents).values():
            if isinstance(value, dict) and (secret := value.get("secretKeyRef")):
                assert f"`{secret['name']}`" in page, secret
                assert f"`{secret['key']}`" in page, secret
        for volume in workload.pod["volumes"]:
            name = volume.get("configMap", {}).get("name")
            assert name is None or name in own or f"`{name}`" in page, name
    for one in of_kind(documents, "TriggerAuthentication"):
        for secret in one["spec"]["secretTargetRef"]:
            assert f"`{secret['name']}`" in page, secret
            assert f"`{secret['key']}`" in page, secret
    assert "password: " not in rendered.lower().replace("parameter: password", "")


def test_the_page_names_every_network_policy(production: list[Document]) -> None:
    page = PAGE.read_text()
    for policy in of_kind(production, "NetworkPolicy"):
        assert f"`{policy['metadata']['name']}`" in page

"""What we refuse in deploy/k8s beyond what the cluster refuses: a sentence a problem."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.attribution.worker import app
from services.console import server
from services.runtime.health import Health
from services.runtime.settings import Settings, variable_of
from services.settlement.domain.remittance.payee_accounts import PayerDetails
from services.settlement.relay import process as relay
from tests.ops.kubernetes import PROCESSES, ROOT, Document, Workload, of_kind, workloads

IMAGE = dict(re.findall(r"(KOC_\w+)=(\S+)", (ROOT / "deploy/docker/Dockerfile").read_text()))
"""What the image sets, so that the manifests need not."""
KNOWN = {f"KOC_{name.upper()}" for name in Settings.model_fields} | {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"),
    "AWS_ALLOW_HTTP",
}
_KAFKA = {"KOC_KAFKA_BOOTSTRAP", "KOC_KAFKA_SECURITY_PROTOCOL"}
_WRITER = {"KOC_DATABASE_URL"}
_PERSON = {"KOC_DATABASE_OPERATOR_URL", "KOC_DATABASE_READER_URL"}
_PAYER = {variable_of(f"payer_{name}") for name in PayerDetails._fields}
DEMANDED = {
    "attribution": _KAFKA | {"KOC_INSTANCE_ID", "KOC_LEAVE_ON_STOP", "KOC_SNAPSHOT_URL"},
    "poster": _KAFKA | _WRITER | {"KOC_INSTANCE_ID", "KOC_SETTLEMENT_ZONE_MINUTES"},
    "relay": _KAFKA | _WRITER | {"KOC_INSTANCE_ID"},
    "console": _KAFKA
    | _PAYER
    | {"KOC_INSTANCE_ID", "KOC_DATABASE_READER_URL", "KOC_CONSOLE_TOKEN", "KOC_SETTLEMENT_ZONE_MINUTES"},
    "topics": _KAFKA,
    "migrate": {"KOC_DATABASE_OWNER_URL"},
    "run": _KAFKA | _PERSON | {"KOC_SETTLEMENT_ZONE_MINUTES"},
    "close": _KAFKA | _PERSON | {"KOC_SETTLEMENT_ZONE_MINUTES"},
}
"""By component, what production needs. Logins of the database that are not listed must not be there."""
STOP_SECONDS = {
    "attribution": app._STOP_SECONDS, "poster": 8.0, "relay": relay.STOP_SECONDS, "console": server.STOP_SECONDS,
}  # fmt: skip
"""How long each process takes at most to stop in order; a poster ends its transaction first (SESSION, 8 s)."""
SPARE_SECONDS = 5
NOT_TO_BE_TRIED_AGAIN = {2, 65, 70, 78}
"""docs/operations.md: another attempt ends the same way before a person has acted."""
POSTGRES_PORT = 5432
S3_PORT = 443


def problems(documents: Sequence[Document]) -> list[str]:
    """Everything that is wrong with what an overlay renders."""
    found = list(_secrets(documents))
    for component, workload in workloads(documents).items():
        environment = workload.environment(documents)
        checks = (_pod, _container, _settings, _writes, _ends)
        found += [f"{component}: {one}" for check in checks for one in check(workload, environment)]
    return [*found, *_selectors(documents), *_network(documents), *_disruption(documents)]


def _pod(workload: Workload, _: Mapping[str, Any]) -> Iterator[str]:
    """Rights of the pod: none."""
    pod, security = workload.pod, workload.pod.get("securityContext", {})
    if pod.get("automountServiceAccountToken") is not False:
        yield "it gets a token of the service account"
    if pod.get("enableServiceLinks") is not False:
        yield "names of services become variables, which may look like settings of ours"
    if security.get("runAsNonRoot") is not True:
        yield "it may run as root"
    if f"\nUSER {security.get('runAsUser')}:{security.get('runAsGroup')}\n" not in _dockerfile():
        yield "it does not run as the user of the image"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "it has no seccomp profile"
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"it has {field}"


def _container(workload: Workload, _: Mapping[str, Any]) -> Iterator[str]:
    """Rights, resources, ports and probes of the container."""
    container, security = workload.container, workload.container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False:
        yield "it may gain rights"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "its root is not read-only"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "it keeps capabilities"
    resources = container.get("resources", {})
    for kind, names in (
        ("requests", {"cpu", "memory", "ephemeral-storage"}),
        ("limits", {"memory", "ephemeral-storage"}),
    ):
        if missing := names - set(resources.get(kind, {})):
            yield f"it has no {kind} of {', '.join(sorted(missing))}"
    yield from _temporary(workload, resources)
    if "cpu" in resources.get("limits", {}):
        yield "a limit of CPU would hold up heartbeats"
    if workload.job is None:
        yield from _probes(workload.component, container)


def _temporary(workload: Workload, resources: Mapping[str, Any]) -> Iterator[str]:
    """The folder for temporary files is bounded, and the pod may hold all that the folder may."""
    for volume in workload.pod.get("volumes", ()):
        if "emptyDir" in volume:
            most = volume["emptyDir"].get("sizeLimit")
            if most is None:
                yield f"volume {volume['name']} may grow for ever"
            elif _bytes(most) > _bytes(resources.get("limits", {}).get("ephemeral-storage", "0Mi")):
                yield f"volume {volume['name']} may be larger than the pod"


def _bytes(quantity: str) -> int:
    """A size such as 64Mi."""
    units = {"Mi": 1 << 20, "Gi": 1 << 30}
    return int(quantity[:-2]) * units[quantity[-2:]]


def _probes(component: str, container: Document) -> Iterator[str]:
    """Each probe asks a path that the process serves, at the port that it listens on."""
    ports = {one["name"]: one["containerPort"] for one in container.get("ports", ())}
    served = {"metrics": int(IMAGE["KOC_HTTP_PORT"])} | ({"pages": server.PORT} if component == "console" else {})
    if ports != served:
        yield f"its ports are {ports}, it listens on {served}"
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container.get(kind, {}).get("httpGet", {})
        if Health("probed").answer(probe.get("path", ""))[0] == 404:
            yield f"{kind} asks {probe.get('path')}, which nobody serves"
        if probe.get("port") not in {*ports, *ports.values()}:
            yield f"{kind} asks a port that is not open"
    if container.get("livenessProbe", {}).get("httpGet", {}).get("path") != "/healthz":
        yield "only /healthz says that a restart helps"


def _settings(workload: Workload, environment: Mapping[str, Any]) -> Iterator[str]:
    """Every variable is a setting, every setting that is needed is there, and no login beyond."""
    if unknown := sorted(set(environment) - KNOWN):
        yield f"{', '.join(unknown)} is no setting"
    demanded = set(DEMANDED[workload.component])
    if str(environment.get("KOC_KAFKA_SECURITY_PROTOCOL", "")).startswith("SASL"):
        demanded |= {"KOC_KAFKA_SASL_MECHANISM", "KOC_KAFKA_USERNAME", "KOC_KAFKA_PASSWORD", "KOC_KAFKA_CA_FILE"}
    if missing := sorted(demanded - set(environment)):
        yield f"{', '.join(missing)} is not set"
    logins = {name for name in environment if name.startswith("KOC_DATABASE_")}
    if surplus := sorted(logins - demanded):
        yield f"{', '.join(surplus)} is more than it needs"
    for name, value in environment.items():
        if isinstance(value, str):
            yield from _refused_value(name, value)


def _refused_value(name: str, value: str) -> Iterator[str]:
    """A value that settings refuse, and a secret that stands in the open."""
    field = Settings.model_fields.get(name.removeprefix("KOC_").lower())
    if "SecretStr" in str(field.annotation if field else "") or name in {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}:
        yield f"{name} is a secret and stands in the open"
    elif field:
        try:
            Settings.model_validate({name.removeprefix("KOC_").lower(): value})
        except ValueError as refusal:
            yield f"{name}={value}: {refusal}"


def _writes(workload: Workload, environment: Mapping[str, Any]) -> Iterator[str]:
    """Where the process writes there is a volume, and each volume that is mounted is there."""
    mounts = {one["name"]: one["mountPath"] for one in workload.container.get("volumeMounts", ())}
    volumes = {one["name"] for one in workload.pod.get("volumes", ())}
    claims = {one["metadata"]["name"] for one in workload.document["spec"].get("volumeClaimTemplates", ())}
    yield from (f"volume {name} is not there" for name in mounts if name not in volumes | claims)
    yield from (f"volume {name} is used by nobody" for name in volumes if name not in mounts)
    written = [IMAGE["KOC_RUN_DIR"]]
    if workload.component == "attribution":
        written.append(IMAGE["KOC_STATE_DIR"])
    snapshots = str(environment.get("KOC_SNAPSHOT_URL", ""))
    if snapshots.startswith("file://"):
        written.append(snapshots.removeprefix("file://"))
    for folder in written:
        if not any(f"{folder}/".startswith(f"{mount}/") for mount in mounts.values()):
            yield f"{folder} lies on no volume"
    state = [mount for name, mount in mounts.items() if name in claims]
    if workload.component == "attribution" and not any(IMAGE["KOC_STATE_DIR"].startswith(mount) for mount in state):
        yield "its state does not outlive the pod"
    for name in ("KOC_KAFKA_CA_FILE",):
        if name in environment and not any(environment[name].startswith(f"{mount}/") for mount in mounts.values()):
            yield f"{name} lies on no volume"


def _ends(workload: Workload, _: Mapping[str, Any]) -> Iterator[str]:
    """Time to stop in order, and what happens to one that failed."""
    grace = workload.pod.get("terminationGracePeriodSeconds", 0)
    if workload.job is None:
        if grace < STOP_SECONDS[workload.component] + SPARE_SECONDS:
            yield f"{grace} s are too short for its stop"
        return
    if workload.pod.get("restartPolicy") != "Never":
        yield "a failure policy needs restartPolicy Never"
    rules = workload.job.get("podFailurePolicy", {}).get("rules", ())
    final = {code for one in rules if one["action"] == "FailJob" for code in one["onExitCodes"]["values"]}
    if final != NOT_TO_BE_TRIED_AGAIN:
        yield f"it is not tried again after {sorted(final)}, and should not be after {sorted(NOT_TO_BE_TRIED_AGAIN)}"
    if not any(one["action"] == "Ignore" for one in rules):
        yield "an eviction counts as a failure"
    if not 0 < workload.job.get("activeDeadlineSeconds", 0) <= 4 * 3600:
        yield "nothing ends it"


def _secrets(documents: Sequence[Document]) -> Iterator[str]:
    """No secret lies in the repository."""
    yield from (f"Secret {one['metadata']['name']} is contained" for one in of_kind(documents, "Secret"))


def _selectors(documents: Sequence[Document]) -> Iterator[str]:
    """Each selector finds the pods that it is meant for; no two workloads share pods."""
    pods = {component: workload.labels for component, workload in workloads(documents).items()}
    for component, workload in workloads(documents).items():
        selector = workload.document["spec"].get("selector")
        if selector is not None and selected(selector, pods) != {component}:
            yield f"{component} selects pods of {', '.join(sorted(selected(selector, pods))) or 'nobody'}"
        for constraint in workload.pod.get("topologySpreadConstraints", ()):
            if selected(constraint["labelSelector"], pods) != {component}:
                yield f"{component} is spread by other pods"
    for service in of_kind(documents, "Service"):
        if not selected({"matchLabels": service["spec"]["selector"]}, pods):
            yield f"Service {service['metadata']['name']} selects nobody"


def selected(selector: Mapping[str, Any], pods: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Components whose pods a label selector finds."""
    return {name for name, labels in pods.items() if _matches(selector, labels)}


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items()
    for one in selector.get("matchExpressions", ()):
        assert one["operator"] == "In", "other operators are not needed"
        if labels.get(one["key"]) not in one["values"]:
            return False
    return all(labels.get(key) == value for key, value in wanted)


def _network(documents: Sequence[Document]) -> Iterator[str]:
    """A policy denies all; the others allow each workload exactly the ports that its settings lead to."""
    policies = of_kind(documents, "NetworkPolicy")
    denials = [one for one in policies if not {"ingress", "egress"} & set(one["spec"])]
    if not any(one["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} for one in denials):
        yield "no policy denies all"
    pods = {component: workload.labels for component, workload in workloads(documents).items()}
    for component, workload in workloads(documents).items():
        mine = [one["spec"] for one in policies if component in selected(one["spec"]["podSelector"], pods)]
        leads_to = {port for spec in mine for port in _ports(spec, "egress", "to")}
        needed = _needed_ports(workload.environment(documents))
        if missing := sorted(needed - leads_to):
            yield f"{component}: no policy lets it reach port {', '.join(map(str, missing))}"
        if surplus := sorted(leads_to - needed):
            yield f"{component}: a policy lets it reach port {', '.join(map(str, surplus))}, which it does not need"
        reached = {port for spec in mine for port in _ports(spec, "ingress", "from")}
        opened = {one["containerPort"] for one in workload.container.get("ports", ())}
        if reached != opened:
            yield f"{component}: it opens {sorted(opened)}, policies let others reach {sorted(reached)}"
    for policy in policies:
        yield from _open_rules(policy)


def _needed_ports(environment: Mapping[str, Any]) -> set[int]:
    """DNS, and where the settings lead."""
    found = {53}
    if bootstrap := environment.get("KOC_KAFKA_BOOTSTRAP"):
        found |= {int(address.rpartition(":")[2]) for address in bootstrap.split(",")}
    if any(name.startswith("KOC_DATABASE_") for name in environment):
        found.add(POSTGRES_PORT)
    if str(environment.get("KOC_SNAPSHOT_URL", "")).startswith("s3://"):
        found.add(S3_PORT)
    return found


def _ports(spec: Mapping[str, Any], direction: str, peers: str) -> set[int]:
    """Ports that a policy opens in one direction."""
    return {port["port"] for rule in spec.get(direction, ()) if rule.get(peers) for port in rule.get("ports", ())}


def _open_rules(policy: Document) -> Iterator[str]:
    """A rule without a peer or without a port is open to all of them."""
    name, spec = policy["metadata"]["name"], policy["spec"]
    for direction, peers in (("egress", "to"), ("ingress", "from")):
        for rule in spec.get(direction, ()):
            addresses = {peer.get("ipBlock", {}).get("cidr") for peer in rule.get(peers, ())}
            if not rule.get(peers) or not rule.get("ports") or addresses & {"0.0.0.0/0", "::/0"}:
                yield f"NetworkPolicy {name} opens {direction} to everybody or every port"
            if {} in rule.get(peers, ()):
                yield f"NetworkPolicy {name} opens {direction} to every pod"


def _disruption(documents: Sequence[Document]) -> Iterator[str]:
    """Each process that stays may lose one pod at a time, and one of one pod does not hold up a drained node."""
    pods = {component: workload.labels for component, workload in workloads(documents).items()}
    covered = {}
    for budget in of_kind(documents, "PodDisruptionBudget"):
        for component in selected(budget["spec"]["selector"], pods):
            covered[component] = budget["spec"].get("maxUnavailable")
    for process in PROCESSES:
        if covered.get(process) != 1:
            yield f"{process}: no budget lets one pod go at a time"


def _dockerfile() -> str:
    return (ROOT / "deploy/docker/Dockerfile").read_text()

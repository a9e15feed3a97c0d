"""Processes of ours as a cluster would run them: with the arguments, settings and patience of deploy/k8s."""

import contextlib
import logging
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from kafka.errors import KafkaError
from pydantic import SecretStr

from services.runtime.kafka import admin
from services.runtime.settings import settings
from tests.kit.command import KOC, NOWHERE
from tests.kit.processes import KocProcess
from tests.kit.waiting import until
from tests.ops.kubernetes import OVERLAYS, ROOT, render, workloads

_POLL_SECONDS = 0.05
OVERLAY = OVERLAYS["small"]
"""The one that needs neither TLS nor S3; what a process does when it is asked to stop is said in their common base."""

_IMAGE = dict(re.findall(r"(KOC_\w+)=(\S+)", (ROOT / "deploy/docker/Dockerfile").read_text()))
_OF_THE_MACHINE = {"KOC_HTTP_HOST", "KOC_HTTP_PORT", "KOC_STATE_DIR", "KOC_RUN_DIR"}
"""What the image sets and what cannot be the same for several processes of one machine."""

CONSOLE_TOKEN = "a-token-that-nobody-guesses"


class Pod(KocProcess):
    """A process with the settings of a workload; settings() must lead to the servers.

    Args:
        folder: a folder a pod is made below it, and one for the snapshots of all.
        component: attribution, poster, relay …
        name: of the pod.
    """

    def __init__(self, folder: Path, component: str, name: str) -> None:
        documents = render(OVERLAY)
        workload = workloads(documents)[component]
        self.arguments = workload.container["args"]
        self.patience_seconds = float(workload.pod["terminationGracePeriodSeconds"])
        given = workload.environment(documents) | {"KOC_SNAPSHOT_URL": (folder / "snapshots").as_uri()}
        environment = _resolved(name, given)
        image = {key: value for key, value in _IMAGE.items() if key not in _OF_THE_MACHINE}
        super().__init__(folder / name, name, _on_loopback(component, self.arguments[1:]), image | environment)

    def _inherited(self) -> Mapping[str, str]:
        """Nothing of ours but what the workload gives, so that a missing setting shows."""
        return without_settings()

    def stop(self) -> float:
        """SIGTERM, and wait as long as the cluster would; how many seconds it took.

        Raises:
            AssertionError: it ended with another status than 0.
            subprocess.TimeoutExpired: the cluster would have killed it.
        """
        began = time.monotonic()
        self.send_signal(signal.SIGTERM)
        status = self.process.wait(self.patience_seconds)
        assert status == 0, f"{self.name} ended with {status}: {self.last_words()}"
        return time.monotonic() - began


def _on_loopback(component: str, words: Sequence[str]) -> list[str]:
    """The words of a command that opens no port to others, and none that may be taken."""
    here = [word.replace("0.0.0.0", "127.0.0.1") for word in words]  # noqa: S104 - it does not stay so
    return [*here, "--port", "0"] if component == "console" else here


def _resolved(pod: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Variables as the cluster would fill them in, addresses and logins of the servers here."""
    found = {variable: _value(pod, variable, value) for variable, value in given.items()}
    return {variable: value for variable, value in found.items() if value is not None}


def _value(pod: str, variable: str, value: Any) -> str | None:
    """One of them; None = the key of a secret that need not be there."""
    if variable == "KOC_KAFKA_BOOTSTRAP":
        return settings().kafka_bootstrap
    if not isinstance(value, dict):
        return str(value)
    if "fieldRef" in value:
        assert value["fieldRef"] == {"fieldPath": "metadata.name"}
        return pod
    if variable == "KOC_CONSOLE_TOKEN":
        return CONSOLE_TOKEN
    secret = getattr(settings(), variable.removeprefix("KOC_").lower())
    assert secret is not None or value["secretKeyRef"].get("optional"), variable
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret


def attempt(component: str) -> subprocess.CompletedProcess[str]:
    """Run a workload that ends to its end, with its settings; one attempt of its job."""
    command, environment = _command_of(component)
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def attempt_measured(component: str) -> tuple[int, float]:
    """The same, where it must succeed: the most memory that it had, bytes, and its CPU time, seconds."""
    command, environment = _command_of(component)
    silent = subprocess.DEVNULL
    process, found = subprocess.Popen(command, env=environment, stdout=silent, stderr=silent), (0, 0.0)
    while process.poll() is None:
        with contextlib.suppress(OSError, psutil.Error, IndexError):  # it ends in between
            found = most_memory(process.pid), cpu_seconds(process.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
    assert process.returncode == 0, component
    return found


def most_memory(pid: int) -> int:
    """The most memory that a running process ever had, bytes; Linux only."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[0]) * 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of a running process."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _command_of(component: str) -> tuple[list[str], dict[str, str]]:
    """Command and variables of a workload that ends."""
    documents = render(OVERLAY)
    workload = workloads(documents)[component]
    program, *words = workload.container["args"]
    assert program == "koc"
    given = _resolved(f"koc-{component}-1", workload.environment(documents))
    return [KOC, *words], {**without_settings(), "KOC_ENVIRONMENT": _IMAGE["KOC_ENVIRONMENT"], **given}


def without_settings() -> dict[str, str]:
    """This process's variables without any setting of ours, and without the way to a local stack's."""
    others = {key: value for key, value in os.environ.items() if not key.startswith("KOC_")}
    return others | {"KOC_LOCAL_DIR": NOWHERE["KOC_LOCAL_DIR"]}


def partitions_held(group: str) -> dict[str, int]:
    """How many partitions each member of a group holds, by its instance id; none while it is in a rebalance."""
    try:
        with admin() as client:
            found = client.describe_groups([group])[group]
    except (KafkaError, ConnectionError):
        return {}
    if found["group_state"] != "Stable":
        return {}
    return {
        member["group_instance_id"]: sum(
            len(topic["partitions"]) for topic in member["member_assignment"]["assigned_partitions"]
        )
        for member in found["members"]
    }


def seconds_until_held(group: str, members: set[str], partitions: int) -> float:
    """Wait until just these members hold all partitions of a group; how many seconds that took."""
    logging.getLogger("kafka.admin._groups").setLevel(logging.ERROR)  # it cannot read Faust's metadata, and need not
    began = time.monotonic()

    def held() -> bool:
        found = partitions_held(group)
        return set(found) == members and sum(found.values()) == partitions

    until(held, f"{', '.join(sorted(members))} hold the {partitions} partitions of {group}")
    return time.monotonic() - began

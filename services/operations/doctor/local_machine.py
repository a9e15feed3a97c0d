"""What the local stack needs of this machine, and whether its processes are ready."""

from collections.abc import Iterator

from services.operations.doctor.findings import DoctorFinding, Severity, run_check
from services.runtime.local import broker, requirements
from services.runtime.local.stack import Stack
from services.runtime.settings import local_dir


def check_machine() -> Iterator[DoctorFinding]:
    """Java, Kafka's jars and room on the disk."""
    yield run_check("java", _java)
    yield run_check("kafka's jars", _jars)
    yield run_check("disk", _disk)


def _java() -> str:
    found = requirements.java()
    return f"{found.version} at {found.path}"


def _jars() -> str:
    if broker.jars_folder().exists():
        return f"already in {broker.jars_folder()}"
    return f"{requirements.maven()} fetches them at the first start"


def _disk() -> str:
    folder = next(folder for folder in (local_dir(), *local_dir().parents) if folder.exists())
    requirements.room(folder)
    return f"enough room below {folder}"


def check_processes() -> Iterator[DoctorFinding]:
    """Every process of the local stack."""
    stack = Stack(local_dir())
    if not stack.running:
        yield DoctorFinding("local stack", Severity.PROBLEM, "it does not run; start it with `koc local up`")
        return
    for process in stack.processes():
        reason = stack.not_ready(process)
        restarts = f", restarted {process['restarts']} times" if process["restarts"] else ""
        if reason is None:
            yield DoctorFinding(process["name"], Severity.OK, f"ready{restarts}")
        else:
            detail = f"{reason}{restarts}; its log is {process['log']}"
            yield DoctorFinding(process["name"], Severity.PROBLEM, detail)

"""The policy file: read and validated as a whole, and identified by its revision and the hash of its bytes."""

import hashlib
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from schemas.topics import CLICKS, ORDERS
from services.attribution.domain.horizons import Horizons
from services.attribution.domain.policy import Policy, Rules
from services.attribution.domain.timetable import Term, gaps, overlaps, timetables
from services.attribution.policy.tables import HorizonsTable, PolicyTable, Problems, Revision
from services.kernel.errors import StartRefused
from services.kernel.time import DAY, HOUR
from services.runtime.settings import settings

POLICY_FILE = Path(__file__).parents[1] / "policies.toml"
"""The shipped file; KOC_POLICY_FILE names another one."""
_MILLI = 1000


class PolicyFile(NamedTuple):
    """The content of a policy file."""

    rules: Rules
    horizons: Horizons


class PolicyFileRefused(StartRefused):
    """A policy file is invalid.

    Attributes:
        problems: all problems of the file, a sentence each.
    """

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(f"{path.name}: {'; '.join(problems)}")
        self.problems = problems


def policy_path() -> Path:
    """The policy file of this process."""
    return settings().policy_file or POLICY_FILE


def read_policy_file(path: Path | None = None) -> PolicyFile:
    """Read and validate a policy file; by default the one that the settings name.

    Raises:
        PolicyFileRefused: the file is invalid or cannot be read.
    """
    path = path or policy_path()
    try:
        content = path.read_bytes()
        stated = tomllib.loads(content.decode())
    except OSError as problem:
        raise PolicyFileRefused(path, [f"{path} cannot be read: {problem.strerror}"]) from problem
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise PolicyFileRefused(path, [f"it is no TOML: {problem}"]) from problem
    found = Problems()
    file = _parse(stated, hashlib.sha256(content).hexdigest(), found)
    if found.sentences or file is None:
        raise PolicyFileRefused(path, found.sentences)
    return file


def _parse(stated: dict[str, Any], sha256: str, found: Problems) -> PolicyFile | None:
    """The content of a file. Each part is checked even if another one is invalid, so that all problems are found."""
    for name in sorted(stated.keys() - {"revision", "horizons", "policies"}):
        found.sentences.append(f"{name}: there is no such key")
    revision = found.read(Revision, {"revision": stated.get("revision")})
    horizons = _horizons(stated, found)
    terms = _terms(stated, horizons, found)
    if revision is None or horizons is None or terms is None:
        return None
    return PolicyFile(Rules(revision.revision, sha256, *timetables(terms)), horizons)


def _horizons(stated: dict[str, Any], found: Problems) -> Horizons | None:
    table = found.read(HorizonsTable, stated.get("horizons", {}), "horizons")
    if table is None:
        return None
    horizons = Horizons(
        table.candidate_window_days * DAY,
        table.touch_lateness_days * DAY,
        table.order_lateness_days * DAY,
        table.order_memory_days * DAY,
    )
    found.sentences += _retention_problems(horizons)
    return horizons


def _terms(stated: dict[str, Any], horizons: Horizons | None, found: Problems) -> list[Term] | None:
    """The policies; None if one of them is invalid, or if they do not give every order exactly one policy."""
    entries = stated.get("policies")
    if not isinstance(entries, list) or not entries:
        found.sentences.append("policies: wants one [[policies]] at least")
        return None
    tables = [found.read(PolicyTable, entry, f"policies[{number}]") for number, entry in enumerate(entries, start=1)]
    terms = [table.term() for table in tables if table is not None]
    names = [term.policy.name for term in terms]
    wrong = [f"policies: the name {name!r} is given twice" for name in sorted(set(names)) if names.count(name) > 1]
    if horizons is not None:
        wrong += [problem for term in terms for problem in _window_problems(term.policy, horizons)]
    wrong += overlaps(terms)
    all_understood = len(terms) == len(entries)
    if all_understood:
        wrong += gaps(terms)
    found.sentences += wrong
    return terms if all_understood and not wrong else None


def _window_problems(policy: Policy, horizons: Horizons) -> list[str]:
    """Sentences on windows that are longer than the candidate window: an older touch is never a candidate."""
    windows = {
        **{f"window_hours.{kind}": window for kind, window in policy.windows.items()},
        **{f"content_window_hours.{content}": window for content, window in policy.content_windows.items()},
    }
    return [
        f"policy {policy.name!r}: {field} of {window // HOUR} h is longer than horizons.candidate_window_days, "
        f"{horizons.candidate_window // HOUR} h"
        for field, window in windows.items()
        if window > horizons.candidate_window
    ]


def _retention_problems(horizons: Horizons) -> list[str]:
    """Sentences on topics that are kept for a shorter time than the rules look back."""
    clicks_wanted = horizons.candidate_window + horizons.order_lateness + horizons.touch_lateness
    orders_wanted = horizons.order_memory + horizons.order_lateness
    return [
        f"{topic.name} is kept {topic.retention_ms // (DAY // _MILLI)} d, the horizons need {wanted // DAY} d"
        for topic, wanted in ((CLICKS, clicks_wanted), (ORDERS, orders_wanted))
        if topic.retention_ms * _MILLI < wanted
    ]

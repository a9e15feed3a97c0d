"""The policy file: read whole, validated, and named by its revision and the hash of its bytes."""

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec

from schemas.topics import CLICKS, ORDERS
from services.attribution.domain.horizons import Horizons
from services.attribution.domain.models import MODELS
from services.attribution.domain.policy import EVIDENCE, SCOPES, Policy, Rules, always
from services.kernel.errors import StartRefused
from services.kernel.time import DAY, HOUR

POLICY_FILE = Path(__file__).parents[1] / "policies.toml"
_MILLI = 1000

Span = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class _HorizonsTable(msgspec.Struct, forbid_unknown_fields=True):
    candidate_window_days: Span
    touch_lateness_days: Span
    order_lateness_days: Span
    order_memory_days: Span


class _PolicyTable(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,64}$")]
    model: str
    widest_scope: Literal["product", "shop", "brand"]
    window_hours: dict[str, Span]
    content_window_hours: dict[Literal["video", "live", "note", "shop_window", "link"], Span] = {}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    revision: Annotated[int, msgspec.Meta(ge=1)]
    horizons: _HorizonsTable
    policy: _PolicyTable


class PolicyFile(NamedTuple):
    """What a policy file says."""

    rules: Rules
    horizons: Horizons


def read_policy_file(path: Path = POLICY_FILE) -> PolicyFile:
    """Read and validate a policy file.

    Raises:
        StartRefused: it is not as it should be; a sentence that names the field.
    """
    try:
        content = path.read_bytes()
        stated = msgspec.convert(tomllib.loads(content.decode()), _File)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as problem:
        raise StartRefused(f"{path.name}: {problem}") from problem
    spans = stated.horizons
    horizons = Horizons(
        spans.candidate_window_days * DAY,
        spans.touch_lateness_days * DAY,
        spans.order_lateness_days * DAY,
        spans.order_memory_days * DAY,
    )
    policy = Policy(
        stated.policy.name,
        stated.policy.model,
        SCOPES[stated.policy.widest_scope],
        {kind: hours * HOUR for kind, hours in stated.policy.window_hours.items()},
        {content: hours * HOUR for content, hours in stated.policy.content_window_hours.items()},
    )
    if problems := [*_policy_problems(policy, horizons), *_retention_problems(horizons)]:
        raise StartRefused(f"{path.name}: {'; '.join(problems)}")
    return PolicyFile(Rules(stated.revision, hashlib.sha256(content).hexdigest(), always(policy), {}), horizons)


def _policy_problems(policy: Policy, horizons: Horizons) -> list[str]:
    """What the types of the fields cannot say."""
    problems = []
    if policy.model not in MODELS:
        problems.append(f"policy.model: {policy.model!r} is none of {', '.join(sorted(MODELS))}")
    if set(policy.windows) != set(EVIDENCE):
        problems.append(f"policy.window_hours: wants exactly {', '.join(sorted(EVIDENCE))}")
    longest = max([*policy.windows.values(), *policy.content_windows.values()])
    if longest > horizons.candidate_window:
        problems.append(f"a window of {longest // HOUR} h is longer than horizons.candidate_window_days")
    return problems


def _retention_problems(horizons: Horizons) -> list[str]:
    """The logs must be kept at least as long as the rules look back over them."""
    clicks_wanted = horizons.candidate_window + horizons.order_lateness + horizons.touch_lateness
    orders_wanted = horizons.order_memory + horizons.order_lateness
    return [
        f"{topic.name} is kept {topic.retention_ms // (DAY // _MILLI)} d, the horizons need {wanted // DAY} d"
        for topic, wanted in ((CLICKS, clicks_wanted), (ORDERS, orders_wanted))
        if topic.retention_ms * _MILLI < wanted
    ]

"""`koc policy`: which rule credits an order, by its platform and by when it was paid."""

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.options import AsJson

if TYPE_CHECKING:
    from services.attribution.domain.policy import Policy
    from services.attribution.policy.file import PolicyFile

app = typer.Typer(no_args_is_help=True, help="Which rule credits an order, by its platform and by when it was paid.")
_ELSEWHERE = "*"


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Default: KOC_POLICY_FILE, else the one we ship.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say all that is wrong with a policy file, a sentence each; exit 1 if anything is. Needs no broker.

    --json prints one object: file, ok, problems, and of a good file revision, sha256 and the names of its policies.

    Examples: koc policy check · koc policy check new-policies.toml --json
    """
    from services.attribution.policy.file import PolicyFileRefused, policy_path, read_policy_file

    path = file or policy_path()
    answer: dict[str, Any] = {"file": str(path), "ok": True, "problems": []}
    try:
        rules = read_policy_file(path).rules
    except PolicyFileRefused as refused:
        answer |= {"ok": False, "problems": refused.problems}
        lines = refused.problems
    else:
        timetables = (rules.everywhere, *rules.platforms.values())
        names = sorted({policy.name for timetable in timetables for _, policy in timetable})
        answer |= {"revision": rules.revision, "sha256": rules.sha256, "policies": names}
        lines = [f"{path} is as it should be: revision {rules.revision}, policies {', '.join(names)}"]
    print(json.dumps(answer, ensure_ascii=False) if as_json else "\n".join(lines))
    sys.exit(0 if answer["ok"] else 1)


@app.command()
def show(
    platform: Annotated[
        str | None, typer.Option(metavar="PLATFORM", help="Only for orders from this platform.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Only for orders paid then, RFC 3339.")] = None,
    as_json: AsJson = False,
) -> None:
    """The policies in force: all of them, those of a platform, those of a moment, or the one for both.

    `*` is every platform that has none of its own. KOC_POLICY_FILE names the file; else it is the one we ship.
    --json prints one object: file, revision, sha256, horizons, and policies as a list with platform, effective_from,
    effective_to (null: without a beginning, without an end), name, model, widest_scope and windows in hours.

    Examples: koc policy show · koc policy show --platform douyin --at 2026-11-11T00:00:00+08:00 --json
    """
    from services.attribution.policy.file import policy_path, read_policy_file

    file = read_policy_file()
    rows = list(_rows(file, platform, _micros(at)))
    if as_json:
        print(json.dumps(_everything(file, rows) | {"file": str(policy_path())}, ensure_ascii=False))
        return
    print(f"{policy_path()}, revision {file.rules.revision}")
    for row in rows:
        print("\n".join(_text(row)))


def _check_platform(platform: str) -> None:
    """Refuse what no order can have as its platform: it would silently be answered with the rule for all others."""
    from schemas.fields import WORD_PATTERN

    if re.fullmatch(WORD_PATTERN, platform) is None:
        sentence = f"there is no platform {platform}: platforms are lower-case words such as douyin"
        raise typer.BadParameter(sentence, param_hint="--platform")


def _micros(at: str | None) -> int | None:
    """The moment asked for."""
    from services.kernel.time import parse_rfc3339

    try:
        return None if at is None else parse_rfc3339(at)
    except ValueError as problem:
        raise typer.BadParameter(str(problem), param_hint="--at") from None


def _rows(file: "PolicyFile", platform: str | None, at: int | None) -> Any:
    """Each policy with its platform and span, in time, of the platform and the moment if they are given."""
    rules = file.rules
    tables = {**rules.platforms, _ELSEWHERE: rules.everywhere}
    if platform is not None:
        _check_platform(platform)
        tables = {platform: rules.platforms.get(platform, rules.everywhere)}
    for name, timetable in tables.items():
        until = None
        rows = []
        for since, policy in timetable:
            if at is None or (since <= at and (until is None or at < until)):
                rows.append(_row(name, since, until, policy))
            until = since
        yield from reversed(rows)


def _row(platform: str, since: int, until: int | None, policy: "Policy") -> dict[str, Any]:
    from services.attribution.domain.policy import ALWAYS, SCOPES
    from services.kernel.time import HOUR, format_rfc3339

    return {
        "platform": platform,
        "effective_from": None if since == ALWAYS else format_rfc3339(since),
        "effective_to": None if until is None else format_rfc3339(until),
        "name": policy.name,
        "model": policy.model,
        "widest_scope": next(word for word, scope in SCOPES.items() if scope == policy.widest_scope),
        "window_hours": {kind: window // HOUR for kind, window in policy.windows.items()},
        "content_window_hours": {content: window // HOUR for content, window in policy.content_windows.items()},
    }


def _everything(file: "PolicyFile", rows: list[dict[str, Any]]) -> dict[str, Any]:
    from services.kernel.time import DAY

    horizons = {f"{name}_days": span // DAY for name, span in file.horizons._asdict().items()}
    return {
        "revision": file.rules.revision,
        "sha256": file.rules.sha256,
        "horizons": horizons,
        "policies": rows,
    }


def _text(row: dict[str, Any]) -> list[str]:
    """A policy for a person."""
    whose = "every other platform" if row["platform"] == _ELSEWHERE else row["platform"]
    span = f"from {row['effective_from'] or 'ever'} to {row['effective_to'] or 'further notice'}"
    windows = {**row["window_hours"], **row["content_window_hours"]}
    return [
        f"{whose}, orders paid {span}: {row['name']}",
        f"  model {row['model']}, to {row['widest_scope']} scope; windows: "
        + ", ".join(f"{what} {hours} h" for what, hours in windows.items()),
    ]

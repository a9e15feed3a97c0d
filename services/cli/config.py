"""`koc config`: every setting of this process, and where it comes from."""

import json
import os
import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from services.cli.options import AsJson
from services.kernel.errors import StartRefused

app = typer.Typer(add_completion=False)

HIDDEN = "***"
_SECRET_PARAMETERS = {"password", "sslpassword"}
_NO_SETTINGS = {"KOC_LOCAL_DIR", "KOC_SECRETS_DIR", "KOC_SUPERVISED_BY", "KOC_WITHOUT"}
"""Variables of ours that say where settings are, or that tests and the local stack use."""


@app.command()
def config(
    as_json: AsJson = False,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]…", help="only these settings")] = None,
) -> None:
    """Print every setting with its value and where that comes from; passwords are shown as ***.

    The first of these has the last word: the environment, a file in the folder KOC_SECRETS_DIR, the local stack that
    `koc local up` started, the default. Exit 78 if a setting is wrong.

    Examples: koc config · koc config KOC_KAFKA_BOOTSTRAP · koc config --json
    """
    from services.runtime.settings import found_settings

    found = [one for one in found_settings() if not names or one.name in names]
    if unknown := set(names or ()) - {one.name for one in found}:
        raise typer.BadParameter(f"there is no setting {', '.join(sorted(unknown))}")
    shown = [(one, _shown(one.value, is_secret=one.is_secret)) for one in found]
    if as_json:
        rows = [{**one._asdict(), "value": text} for one, text in shown]
        print(json.dumps({"settings": rows, "unknown": _unknown_variables()}, default=str))
    else:
        for one, text in shown:
            print(f"{one.name} = {'(unset)' if text is None else text}  [{one.origin}]\n    {one.meaning}")
        for name in _unknown_variables():
            print(f"{name} is set, and there is no such setting", file=sys.stderr)
    if wrong := [f"{one.name}: {one.wrong}" for one in found if one.wrong]:
        raise StartRefused(f"a setting is wrong: {'; '.join(wrong)}")


def _unknown_variables() -> list[str]:
    """Variables that look like settings and are none: a slip of the pen, perhaps."""
    from services.runtime.settings import Settings, variable_of

    known = {variable_of(name) for name in Settings.model_fields} | _NO_SETTINGS
    return sorted(name for name in os.environ if name.upper().startswith("KOC_") and name.upper() not in known)


def _shown(value: Any, *, is_secret: bool) -> str | None:
    """A value for a person's eyes: of a database's address all but its passwords."""
    if value is None or not is_secret:
        return None if value is None else str(value)
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(str(value))
    except (ArgumentError, ValueError):
        return HIDDEN
    if "@" in f"{address.host}{address.database}":
        return HIDDEN  # a password that is not escaped spoils the address: a part of it would show
    hidden = dict.fromkeys(_SECRET_PARAMETERS & address.query.keys(), HIDDEN)
    return address.update_query_dict(hidden).render_as_string(hide_password=True).replace(quote(HIDDEN, ""), HIDDEN)

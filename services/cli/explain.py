"""`koc explain`: why an order earned whom what, and why it earned somebody nothing."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from services.operations.explain.why_not import Rulebook

app = typer.Typer()


@app.command()
def explain(
    order_id: Annotated[str, typer.Argument(metavar="ORDER_ID")],
    content: Annotated[
        str | None, typer.Option(metavar="CONTENT_ID", help="Why not me? What became of this content.")
    ] = None,
    koc: Annotated[str | None, typer.Option(metavar="KOC_ID", help="Why not me? What became of this KOC.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object; amounts in minor units.")] = False,
) -> None:
    """Why an order earned whom what: touches and verdicts, credits, plan versions, splits, entries.

    With --content or --koc: whether that content or KOC is credited on each line, or lost, to whom and by which rule,
    or was no candidate, as far as the clicks log and what was refused of it tell.

    Exit 1, with a sentence, for an order that was never published, is still on its way, was refused, or has neither a
    touch nor a declaration. An order that no plan prices is explained, with the amount that waits for one.

    Examples: koc explain o_1 · koc explain o_1 --json · koc explain o_1 --koc k_9
    """
    from services.operations.explain.explain import NotExplained

    try:
        print(
            _ordinary(order_id, as_json) if content is None and koc is None else _asked(order_id, content, koc, as_json)
        )
    except NotExplained as answer:
        print(json.dumps({"order_id": order_id, "not_explained": str(answer)}) if as_json else f"koc: {answer}")
        sys.exit(1)


def _ordinary(order_id: str, as_json: bool) -> str:
    from services.operations.explain import forms
    from services.operations.explain.library import explain_order

    explained = explain_order(order_id)
    return json.dumps(forms.as_json(explained)) if as_json else "\n".join(forms.as_text(explained))


def _asked(order_id: str, content: str | None, koc: str | None, as_json: bool) -> str:
    from services.operations.explain import why_not_forms as forms
    from services.operations.explain.library import answer_why_not
    from services.operations.explain.why_not import Asked

    answered = answer_why_not(order_id, Asked(content, koc), _rulebook())
    return json.dumps(forms.as_json(answered)) if as_json else "\n".join(forms.as_text(answered))


def _rulebook() -> "Rulebook":
    """The policy file at hand, in the words of an explanation."""
    from services.attribution.policy.file import read_policy_file
    from services.operations.explain.why_not import Rulebook

    file = read_policy_file()
    timetables = [file.rules.everywhere, *file.rules.platforms.values()]
    models = {policy.name: policy.model for timetable in timetables for _, policy in timetable}
    return Rulebook(file.rules.revision, models, file.horizons.candidate_window)

"""`koc explain`: why an order earned whom what, and why it earned somebody nothing."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from services.operations.explain.inquiry import Rulebook

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
    or was no candidate, as far as the clicks log and its refused events tell.

    Exit 1, with a sentence, for an order that was never published, is still on its way, was refused, or has neither a
    touch nor a declaration. An order that no plan prices is explained, with the amount that waits for one.

    Examples: koc explain o_1 · koc explain o_1 --json · koc explain o_1 --koc k_9
    """
    from services.operations.explain.explanation_json import not_explained_json
    from services.operations.explain.sources import NotExplained

    try:
        if content is None and koc is None:
            print(_explanation(order_id, as_json))
        else:
            print(_why_not(order_id, content, koc, as_json))
    except NotExplained as answer:
        print(json.dumps(not_explained_json(order_id, answer)) if as_json else f"koc: {answer}")
        sys.exit(1)


def _explanation(order_id: str, as_json: bool) -> str:
    """Why the order earned whom what."""
    from services.operations.explain.explanation_json import order_json
    from services.operations.explain.explanation_text import order_text
    from services.operations.explain.library import explain_order

    explanation = explain_order(order_id)
    return json.dumps(order_json(explanation)) if as_json else "\n".join(order_text(explanation))


def _why_not(order_id: str, content: str | None, koc: str | None, as_json: bool) -> str:
    """What became of the content or KOC."""
    from services.operations.explain.inquiry import Inquiry
    from services.operations.explain.library import answer_why_not
    from services.operations.explain.why_not_forms import why_not_json, why_not_text

    answered = answer_why_not(order_id, Inquiry(content, koc), _rulebook())
    return json.dumps(why_not_json(answered)) if as_json else "\n".join(why_not_text(answered))


def _rulebook() -> "Rulebook":
    """The policy file at hand, in the words of an explanation."""
    from services.attribution.policy.file import read_policy_file
    from services.operations.explain.inquiry import Rulebook

    file = read_policy_file()
    timetables = [file.rules.everywhere, *file.rules.platforms.values()]
    models = {policy.name: policy.model for timetable in timetables for _, policy in timetable}
    return Rulebook(file.rules.revision, models, file.horizons.candidate_window)

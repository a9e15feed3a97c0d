"""`koc explain`: who earns what from an order and why, and why somebody earns nothing."""

import json
import sys
from typing import Annotated

import typer

app = typer.Typer()


def _in_utf8(text: str) -> str:
    """An argument as it is; bytes that are no UTF-8 are the user's mistake, and no database takes them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("it is not UTF-8") from None
    return text


@app.command()
def explain(
    order_id: Annotated[str, typer.Argument(metavar="ORDER_ID", callback=_in_utf8)],
    content: Annotated[
        str | None, typer.Option(metavar="CONTENT_ID", help="Why not me? What became of this content.")
    ] = None,
    koc: Annotated[str | None, typer.Option(metavar="KOC_ID", help="Why not me? What became of this KOC.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object; amounts in minor units.")] = False,
) -> None:
    """Who earns what from an order, and why: touches, credits, plans, splits, refunds, refused events, entries.

    With --content or --koc: for each line whether that content or KOC is credited; if it lost, to whom and by which
    rule; if it was no candidate, why not, as far as the clicks log and its refused events are kept.

    Exit 1, with a sentence, for an order that was never published, is still on its way, was refused, or has neither a
    touch nor a declaration. An order without a plan is explained with the amount that waits for a plan. Without Kafka
    the books alone are explained: refunds and refused events are then missing, and the answer says so.

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
    """Who earns what from the order."""
    from services.operations.explain.explanation_json import order_json
    from services.operations.explain.explanation_text import order_text
    from services.operations.explain.library import explain_order

    explanation = explain_order(order_id)
    return json.dumps(order_json(explanation)) if as_json else "\n".join(order_text(explanation))


def _why_not(order_id: str, content: str | None, koc: str | None, as_json: bool) -> str:
    """What became of the content or KOC."""
    from services.operations.explain.inquiry import Inquiry
    from services.operations.explain.library import answer_why_not
    from services.operations.explain.policy_rulebook import read_rulebook
    from services.operations.explain.why_not_forms import why_not_json, why_not_text

    answered = answer_why_not(order_id, Inquiry(content, koc), read_rulebook())
    return json.dumps(why_not_json(answered)) if as_json else "\n".join(why_not_text(answered))

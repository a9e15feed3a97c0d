"""`koc explain`: why an order earned whom what."""

import json
import sys
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def explain(
    order_id: Annotated[str, typer.Argument(metavar="ORDER_ID")],
    as_json: Annotated[bool, typer.Option("--json", help="One object; amounts in minor units.")] = False,
) -> None:
    """Why an order earned whom what: touches and verdicts, credits, plan versions, splits, entries.

    Exit 1, with a sentence, for an order that was never published, is still on its way, was refused, or has neither a
    touch nor a declaration. An order that no plan prices is explained, with the amount that waits for one.

    Examples: koc explain o_1 · koc explain o_1 --json
    """
    from services.settlement.adapters.explain_library import explain_order
    from services.settlement.application.explain import NotExplained
    from services.settlement.application.explain_forms import as_json as json_form
    from services.settlement.application.explain_forms import as_text

    try:
        explained = explain_order(order_id)
    except NotExplained as answer:
        print(json.dumps({"order_id": order_id, "not_explained": str(answer)}) if as_json else f"koc: {answer}")
        sys.exit(1)
    print(json.dumps(json_form(explained)) if as_json else "\n".join(as_text(explained)))

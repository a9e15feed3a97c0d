"""The committed dashboards, and their queries as Prometheus takes them."""

import json
from typing import Any

from deploy.grafana.boards import BOARDS, FOLDER

COMMITTED: dict[str, dict[str, Any]] = {
    board.name: json.loads((FOLDER / f"{board.name}.json").read_text()) for board in BOARDS
}
"""Name -> Grafana's JSON."""


def filled(expression: str) -> str:
    """A query with its dashboard's variables as they are when it opens: all instances."""
    return expression.replace("$instance", ".*")

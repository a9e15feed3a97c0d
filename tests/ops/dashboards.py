"""The committed dashboards, and their queries as Prometheus takes them."""

import json
from collections.abc import Sequence
from typing import Any

from deploy.grafana.boards import BOARDS, FOLDER
from deploy.grafana.panel import Healthy

COMMITTED: dict[str, dict[str, Any]] = {
    board.name: json.loads((FOLDER / f"{board.name}.json").read_text()) for board in BOARDS
}
"""Name -> Grafana's JSON."""


def filled(expression: str) -> str:
    """A query with its dashboard's variables as they are when it opens: all instances."""
    return expression.replace("$instance", ".*")


def is_healthy(healthy: Healthy, values: Sequence[float]) -> bool:
    """Whether a query's values are what they are while all is well; NaN never is."""
    if not values:
        return healthy is Healthy.NONE_OR_NATURAL
    if healthy is Healthy.ZERO:
        return all(value == 0 for value in values)
    return all(value >= 0 for value in values) and (healthy is not Healthy.POSITIVE or max(values) > 0)

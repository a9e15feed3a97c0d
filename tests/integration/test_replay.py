"""`koc dlq replay` beside real workers: what became of every event is known when they have read it."""

import json
from collections.abc import Callable

from schemas.topics import CLICKS, ORDERS, REGISTRY
from services.runtime.deadletters import DeadLetter, first_letters
from services.runtime.local.stack import Stack
from services.runtime.publishing import Outgoing, publish
from tests.integration.test_dead_letters import koc_dlq
from tests.kit.events import buyer_in, click
from tests.kit.waiting import until

ASTRAY = ("koc_rerouted", b"commerce.clicks.v1/0/0")
"""An event that bears it is refused, not rerouted, when it lies in the wrong partition."""


def refuse() -> dict[str, str]:
    """One event for each way through a replay, all of them refused at first; what each is, by event id."""
    home, other = buyer_in(3, "home"), buyer_in(5, "other")
    known = click(home, "known", 1)
    events = {
        "its partition was wrong": Outgoing(CLICKS.name, home.encode(), _json(click(home, "e1", 1)), 7, (ASTRAY,)),
        "its key is wrong": Outgoing(CLICKS.name, other.encode(), _json(click(home, "e2", 1)), 5, (ASTRAY,)),
        "its key is wrong, it too": Outgoing(
            CLICKS.name, other.encode(), _json(known | {"koc_id": "k_2"}), 5, (ASTRAY,)
        ),
        "it is no click": Outgoing(CLICKS.name, home.encode(), b'{"event_id":"e4"}', 3),
        "it is no order": Outgoing(ORDERS.name, home.encode(), b'{"event_id":"e5"}', 3),
        "it is no plan": Outgoing(REGISTRY.name, b"pl_1", b'{"event_id":"e6"}', 0),
    }
    publish([Outgoing(CLICKS.name, home.encode(), _json(known), 3), *events.values()])
    until(lambda: len(refused()) == len(events), "all are refused")
    return {json.loads(event.value or b"")["event_id"]: what for what, event in events.items()}


def refused() -> list[DeadLetter]:
    """Each refusal once, with its mark if it was sent again."""
    return list({one.letter.source: one.letter for one in first_letters()}.values())


def _json(event: dict[str, object]) -> bytes:
    return json.dumps(event).encode()


def test_f04_a_replay_says_what_was_accepted_and_what_was_refused_again(
    fresh_stack: Callable[..., Stack], lead_to: Callable[[Stack], None]
) -> None:
    lead_to(fresh_stack(workers=1))
    what = refuse()
    said = json.loads(koc_dlq("replay", "--all", "--yes", "--wait", "60", "--json").stdout)
    assert said == {
        "replayed": {CLICKS.name: 4, ORDERS.name: 1, REGISTRY.name: 1},
        "accepted": 2, "refused_again": 4, "on_its_way": 0, "left_out": 0,
    }  # fmt: skip
    again = [letter for letter in refused() if letter.replay_of is not None]
    assert {what[letter.field("event_id") or ""] for letter in again} == {
        "its key is wrong, it too", "it is no click", "it is no order", "it is no plan",
    }  # fmt: skip
    assert {letter.replay_of for letter in again} <= {str(letter.source) for letter in refused() if letter.replayed}
    shown = koc_dlq("replay", "--all", "--yes")
    assert [line.split(maxsplit=1) for line in shown.stdout.splitlines()] == [
        ["0", "sent again"],
        ["4", "left out: sent again before, or refused after that; --position and --again send one once more"],
    ]

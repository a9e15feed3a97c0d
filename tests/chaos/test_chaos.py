"""A dozen faults, one of each kind, on real workers and a real broker; `make chaos` is the same with two hundred."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.runtime.local.stack import Stack
from tests.chaos.drive import Chaos
from tests.chaos.faults import FAULTS, MOST_WORKERS, Deck
from tests.chaos.fleet import Fleet, Member
from tests.chaos.reader import digest
from tests.kit.attribution_process import Worker

SEED = 7
ORDERS = 900


@pytest.mark.timeout(900)
def test_a_dozen_faults_end_in_the_function_of_the_logs(
    tmp_path: Path, fresh_stack: Callable[..., Stack], lead_to: Callable[[Stack], None]
) -> None:
    stack = fresh_stack(workers=0)
    lead_to(stack)
    print(f"seed {SEED}; workers in {tmp_path}")
    outcome = Chaos(stack, tmp_path, SEED, print).run(len(FAULTS), ORDERS)
    assert outcome.problems == [], json.dumps(outcome.as_json(), indent=1, default=str)
    assert outcome.digest == outcome.digest_of_the_function
    assert sum(outcome.faults.values()) == len(FAULTS)
    assert outcome.zombies > 0
    assert outcome.lines > ORDERS / 2
    assert outcome.refused > 0


def assertion(touch: int, order: int, status: str = "paid") -> dict[str, Any]:
    version = {"log": 0, "rules": 1, "touch": touch, "order": order}
    return {"buyer_id": "b", "order_id": "o", "line_id": "1", "status": status, "version": version}


def test_a_digest_sees_every_field_and_no_order() -> None:
    one, other = ("a", "o", "1"), ("b", "o", "1")
    said = {one: assertion(1, 1), other: assertion(2, 2)}
    assert digest(said) == digest(dict(reversed(said.items())))
    assert digest(said) != digest(said | {other: assertion(2, 2, "cancelled")})


def test_every_number_of_workers_leaves_a_fault_to_do() -> None:
    deck = Deck(random.Random(SEED))
    for running in (0, 1, 2, MOST_WORKERS, MOST_WORKERS + 1, MOST_WORKERS + 5):
        for _ in range(3 * len(FAULTS)):
            fault = deck.draw(running)
            assert fault.least <= running
            assert fault.kind != "join" or running < MOST_WORKERS


@pytest.mark.parametrize("is_away", [True, False])
def test_a_worker_may_fail_to_stop_in_order_only_while_the_broker_is_away(tmp_path: Path, is_away: bool) -> None:
    fleet, worker = Fleet(tmp_path), Worker(tmp_path, "chaos-1")
    worker._run(["sh", "-c", f"exit {os.EX_TEMPFAIL}"])
    worker.ended()
    fleet.members.append(Member(worker))
    if is_away:
        fleet.note_broker_away()
    fleet.leave(fleet.members[0])
    fleet.calm()
    assert [(one.status, one.is_expected) for one in fleet.endings] == [(os.EX_TEMPFAIL, is_away)]

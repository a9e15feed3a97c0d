"""Two processes of one instance id on a real broker: the later one has the place, and nobody takes it back."""

import signal
from contextlib import ExitStack

import pytest

from schemas.topics import CLICKS
from services.attribution.worker.startup import GROUP, occupy
from services.runtime.groups import leave_group
from tests.kit.attribution_group import group
from tests.kit.attribution_process import Worker, drained
from tests.kit.events import buyer_in, click, send_events
from tests.kit.waiting import until

NAME = "attribution-twin"


@pytest.fixture
def twins(own_stack, tmp_path):  # noqa: ARG001 - the stack must be there
    """The first one, at work, and a second one of the same name that was not started yet."""
    with Worker(tmp_path / "first", NAME) as first:
        until(first.is_ready, "ready", process=first)
        second = Worker(tmp_path / "second", NAME)
        yield first, second
        second.kill()
    for member in group()["members"]:
        leave_group(GROUP, member["group_instance_id"], member["member_id"])


def member_id():
    """What the group calls the only member; empty if there is none."""
    members = group()["members"]
    assert len(members) <= 1
    return members[0]["member_id"] if members else ""


def clicks(prefix):
    send_events(CLICKS.name, [click(buyer_in(3, prefix), f"{prefix}{i}", 1 + i / 100) for i in range(20)])


def test_of_two_live_workers_of_one_instance_id_the_earlier_one_stops_with_a_sentence_and_the_later_goes_on(twins):
    first, second = twins
    second.start()
    assert first.ended() == 78
    assert f"another process has joined the group under the instance id {NAME}" in first.log().splitlines()[-1]
    until(second.is_ready, "ready", process=second)
    place = member_id()
    clicks("twins")
    drained(second)
    assert member_id() == place
    second.kill()
    second.start()
    # member_id asks each time that there is nobody else in the group, for whose session it would have to wait
    until(lambda: member_id() != place and second.is_ready(), "ready again", process=second)
    clicks("again")
    drained(second)


def test_a_second_worker_in_the_same_folder_is_refused_before_it_asks_kafka_for_anything(tmp_path):
    with occupy(tmp_path / "state"), Worker(tmp_path, NAME, {"KOC_KAFKA_BOOTSTRAP": "127.0.0.1:1"}) as second:
        assert second.ended() == 78
        assert "another worker is at work in" in second.log().splitlines()[-1]


def test_a_worker_takes_itself_out_and_nobody_who_has_its_name_by_now(twins):
    first, second = twins
    former = member_id()
    first.send_signal(signal.SIGSTOP)
    second.start()
    until(second.is_ready, "ready", process=second)
    present = member_id()
    first.send_signal(signal.SIGTERM)
    first.send_signal(signal.SIGCONT)
    assert first.ended() in {0, 78}
    leave_group(GROUP, NAME, former)
    leave_group(GROUP, NAME, "")
    assert member_id() == present
    clicks("zombie")
    drained(second)
    assert member_id() == present
    assert second.terminate() == 0
    assert member_id() == ""


def test_a_worker_that_waits_for_the_others_to_join_stops_without_them(twins, tmp_path):
    waiting, _ = twins
    frozen, new = (Worker(tmp_path / name, f"attribution-{name}") for name in ("frozen", "new"))
    with ExitStack() as ends:
        ends.callback(frozen.kill)
        frozen.start(break_how="session")
        until(lambda: frozen.is_ready() and waiting.is_ready(), "both at work", process=frozen)
        frozen.send_signal(signal.SIGSTOP)
        ends.enter_context(new)
        until(lambda: not waiting.is_ready(), "it joins again, for there is a new one", process=new)
        assert waiting.terminate() == 0
        assert group()["group_state"] == "PreparingRebalance", "the frozen one is still waited for"

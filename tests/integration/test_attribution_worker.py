"""The worker as a process on a real broker: what comes in, what goes out, and what happens when it is hurt."""

import json
import shutil
from urllib.error import HTTPError

import pytest

from schemas.fields import MAX_EVENT_BYTES
from schemas.topics import CLICKS, CREDITS, ORDERS
from tests.kit.attribution_process import Worker, drained, truth
from tests.kit.events import at, buyer_in, click, paid, refunded, send_events
from tests.kit.topics import records
from tests.kit.waiting import until


@pytest.fixture(scope="module")
def the_worker(own_stack, tmp_path_factory):  # noqa: ARG001 - the stack must be there
    """The only worker of this module; its state goes on from test to test, as it would."""
    only = Worker(tmp_path_factory.mktemp("worker"))
    yield only
    only.kill()


@pytest.fixture
def worker(the_worker):
    """At work: started again if the test before has ended it."""
    if not the_worker.is_running:
        the_worker.start()
    return the_worker


def dead_letters(topic):
    """Of a topic's dead letters the reasons, by the value's bytes."""
    return {record.value: dict(record.headers)["reason"].decode() for record in records(topic.dlq)}


def many(prefix, partition, orders=40):
    """A click, an order and a refund for each of many orders of one partition."""
    buyer = buyer_in(partition, prefix)
    clicks = [click(buyer, f"{prefix}{i}", 100 + i / 10, content_id=f"v_{i % 7}") for i in range(orders)]
    said = [paid(buyer, f"{prefix}_{i}", 101 + i / 10) for i in range(orders)]
    said += [refunded(buyer, f"{prefix}_{i}", 102 + i / 10) for i in range(orders)]
    return clicks, said


def assert_all_credited(prefix, orders=40):
    found = truth()
    for i in range(orders):
        line = found[f"{prefix}_{i}", "1"]
        assert line["refunded_minor"] == 5000
        [credit] = line["credits"]
        assert credit["touched_at"] <= line["paid_at"]
        assert credit["weight_ppm"] == 1_000_000


def test_clicks_and_orders_become_credits(worker):
    buyer = buyer_in(0, "first")
    send_events(ORDERS.name, [refunded(buyer, "first", 60), paid(buyer, "first", 50)])
    send_events(
        CLICKS.name, [click(buyer, "early", 40, content_id="v_2"), click(buyer, "late", 49), click(buyer, "after", 51)]
    )
    drained(worker)
    line = truth()["first", "1"]
    assert (line["status"], line["refunded_minor"], line["as_of"]) == ("paid", 5000, at(60))
    assert [credit["touch_id"] for credit in line["credits"]] == ["late"]
    assert [(c["touch_id"], c["verdict"]) for c in line["considered"]] == [("late", "credited"), ("early", "not_last")]
    assert line["version"] == {"log": 0, "rules": 1, "touch": 2, "order": 2}
    record = next(r for r in records(CREDITS.name) if r.key == b"first/1")
    headers = dict(record.headers)
    assert record.partition == line["source_partition"] == 0
    assert (headers["ce_specversion"], headers["ce_type"]) == (b"1.0", b"attribution.credits.v1")
    assert 'koc_attribution_events_total{topic="commerce.clicks.v1"} 3.0' in worker.get("/metrics")
    assert worker.terminate() == 0


def test_a_killed_worker_goes_on_where_its_store_is(worker):
    clicks, said = many("killed", 1)
    send_events(CLICKS.name, clicks[:20])
    send_events(ORDERS.name, said[:30])
    until(lambda: any(r.key == b"killed_3/1" for r in records(CREDITS.name)), "first credits", process=worker)
    worker.kill()
    send_events(CLICKS.name, clicks[20:])
    send_events(ORDERS.name, said[30:])
    worker.start()
    drained(worker)
    assert_all_credited("killed")


def test_a_lost_store_is_rebuilt_from_the_log(worker):
    clicks, said = many("lost", 2)
    send_events(CLICKS.name, clicks)
    send_events(ORDERS.name, said)
    drained(worker)
    worker.kill()
    shutil.rmtree(worker.folder / "state")
    worker.start()
    until(lambda: sum(r.key == b"lost_39/1" for r in records(CREDITS.name)) > 1, "published again", process=worker)
    drained(worker)
    assert_all_credited("lost")


@pytest.mark.parametrize("how", ["handler", "produce", "checkpoint"])
def test_an_injected_failure_ends_the_process_and_loses_nothing(the_worker, how):
    the_worker.kill()
    said_before = len(the_worker.log())
    clicks, said = many(how, 3)
    send_events(CLICKS.name, clicks)
    send_events(ORDERS.name, said)
    for partition in (4, 5, 6):
        for batch, topic in zip(many(f"{how}{partition}", partition, 3), (CLICKS, ORDERS), strict=True):
            send_events(topic.name, batch)
    the_worker.start(break_how=how)
    assert the_worker.ended() not in (0, None)
    assert "injected" in the_worker.log()[said_before:]
    the_worker.start()
    drained(the_worker)
    assert_all_credited(how)
    for partition in (4, 5, 6):
        assert_all_credited(f"{how}{partition}", 3)


def test_a_worker_that_fails_where_only_faust_sees_it_ends_with_its_sentence_and_status(the_worker):
    the_worker.kill()
    the_worker.start(break_how="away")
    assert the_worker.ended() == 69
    assert the_worker.log().splitlines()[-1].startswith("koc: no Kafka broker answers at ")


def test_a_worker_whose_invariant_is_broken_serves_its_metrics_until_it_is_asked_to_end(the_worker, monkeypatch):
    the_worker.kill()
    monkeypatch.setenv("KOC_LINGER_SECONDS", "600")
    the_worker.start(break_how="fetch")
    until(lambda: the_worker.readiness() == "injected: the log was cut\n", "it says why it is not ready")
    with pytest.raises(HTTPError, match="503"):
        the_worker.get("/healthz")
    the_worker.await_metric('koc_invariant_violations_total{invariant="other"}', 1)
    assert the_worker.terminate() == 70
    assert the_worker.log().splitlines()[-1] == "koc: injected: the log was cut"


def test_a_worker_that_cannot_stop_in_order_says_what_it_waits_for_and_ends_all_the_same(the_worker):
    the_worker.kill()
    the_worker.start(break_how="stop")
    drained(the_worker)
    assert the_worker.terminate() == 75
    said = json.loads(the_worker.log().splitlines()[-1])
    assert said["event"].startswith("did not end in order")
    assert any("stuck" in wait for wait in said["waits"]), said["waits"]


def test_an_event_in_the_wrong_partition_is_rerouted_and_counts_once(worker):
    buyer = buyer_in(7, "stray")
    send_events(CLICKS.name, [click(buyer, "stray", 10)], partition=8)
    send_events(CLICKS.name, [click(buyer, "stray", 10)])
    send_events(ORDERS.name, [paid(buyer, "stray", 12)], partition=9)
    until(lambda: ("stray", "1") in truth(), "credited", process=worker)
    drained(worker)
    line = truth()["stray", "1"]
    assert [(c["touch_id"], c["verdict"]) for c in line["considered"]] == [("stray", "credited")]
    assert line["source_partition"] == 7
    again = [r for r in records(CLICKS.name) if dict(r.headers).get("koc_rerouted")]
    assert [(r.partition, r.key) for r in again] == [(7, buyer.encode())]


def test_each_kind_of_bad_input_lands_in_the_dead_letter_topic_and_good_events_go_on(worker):
    buyer = buyer_in(10, "bad")
    good, wrong = click(buyer, "good", 1), click(buyer, "x", 2)
    bad_clicks = {
        b"{broken": "invalid_json",
        json.dumps({**wrong, "koc_id": 7}).encode(): "invalid_field",
        json.dumps({**wrong, "event_type": "glance"}).encode(): "invalid_type",
        json.dumps({k: v for k, v in wrong.items() if k != "content_id"}).encode(): "invalid_field",
        json.dumps({**wrong, "content_id": "v" * MAX_EVENT_BYTES}).encode(): "invalid_size",
        json.dumps({**good, "koc_id": "k_other"}).encode(): "id_conflict",
        json.dumps({**wrong, "occurred_at": "2030-01-01T00:00:00Z"}).encode(): "in_future",
    }
    bad_orders = {
        json.dumps(paid(buyer, "neg", 3) | {"lines": [{"line_id": "1", "product_id": "p", "brand_id": "b",
                   "quantity": 1, "goods_paid_minor": -1}]}).encode(): "invalid_field",
        json.dumps(refunded(buyer, "good", 4, line_id="9")).encode(): "unknown_line",
        json.dumps(refunded(buyer, "never", 5)).encode(): "unknown_order",
    }  # fmt: skip
    misrouted = json.dumps(click(buyer, "m", 6)).encode()
    send_events(CLICKS.name, [good, *bad_clicks], buyer)
    send_events(CLICKS.name, [misrouted], buyer, partition=11, headers=(("koc_rerouted", b"1"),))
    send_events(ORDERS.name, [paid(buyer, "good", 2), *bad_orders, refunded(buyer, "good", 6)], buyer)
    send_events(ORDERS.name, [paid(buyer, "much_later", 24 * 20)], buyer)
    send_events(CLICKS.name, [click(buyer, "much_later", 24 * 20), click(buyer, "too_late", 24 * 3)], buyer)
    drained(worker)
    line = truth()["good", "1"]
    assert (line["refunded_minor"], [c["touch_id"] for c in line["credits"]]) == (5000, ["good"])
    found = dead_letters(CLICKS)
    for value, reason in (bad_clicks | {misrouted: "misrouted"}).items():
        assert found.get(value) == reason, value[:200]
    assert found[json.dumps(click(buyer, "too_late", 24 * 3)).encode()] == "too_late"
    assert dead_letters(ORDERS) == bad_orders
    letter = next(r for r in records(ORDERS.dlq) if r.value == next(iter(bad_orders)))
    headers = dict(letter.headers)
    assert (letter.key, headers["source_topic"], headers["source_partition"]) == (
        buyer.encode(), ORDERS.name.encode(), b"10",
    )  # fmt: skip


def test_a_topic_full_of_something_else_stops_the_worker_with_a_sentence(the_worker):
    the_worker.kill()
    send_events(CLICKS.name, [b"not an event"] * 1500, "scrap")
    the_worker.start()
    assert the_worker.ended() == 78
    assert "a publisher sends the wrong records" in the_worker.log()
    assert b"not an event" not in dead_letters(CLICKS)

"""What operators do to topics and policies, on a real broker: made again, cut, corrected backwards; the reader's truth
stays right.
"""

import re
import shutil
import time

import pytest

from schemas.topics import CLICKS, CREDITS, ORDERS
from services.attribution.policy.file import POLICY_FILE
from services.kernel.time import DAY, format_rfc3339
from services.runtime.kafka import admin
from services.runtime.topics import log_ends, log_starts
from tests.kit.attribution_process import Worker, drained, truth
from tests.kit.command import koc
from tests.kit.events import buyer_in, click, paid, refunded, send_events
from tests.kit.topics import make_again, records


@pytest.fixture
def environment():
    """Settings of the worker and of commands beside it."""
    return {"KOC_SNAPSHOT_SECONDS": "3600"}


@pytest.fixture
def worker(fresh_stack, lead_to, tmp_path, environment):
    """A worker on a broker of this test's own."""
    lead_to(fresh_stack(workers=0))
    mine = Worker(tmp_path / "worker", environment=environment)
    yield mine
    mine.kill()


def attribution(worker, environment, *arguments, status=0):
    """Run a command of `koc attribution` with the worker's folders; what it said."""
    there = {**environment, "KOC_STATE_DIR": str(worker.folder / "state"), "KOC_LOG_FORMAT": "json"}
    done = koc("attribution", *arguments, **there)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_topics_made_again_are_refused_until_a_rebase_and_then_their_truth_dominates(worker, environment):
    buyer, other = buyer_in(2, "rebase"), buyer_in(5, "rebase")
    worker.start()
    send_events(CLICKS.name, [click(buyer, f"c{i}", 10 + i, content_id=f"v_{i}") for i in range(20)])
    send_events(ORDERS.name, [paid(buyer, "old", 40), paid(other, "none", 40), refunded(buyer, "waiting", 41)])
    drained(worker)
    assert worker.terminate() == 0
    assert "nothing to do" in attribution(worker, environment, "rebase")
    before = truth()["old", "1"]
    assert before["version"] == {"log": 0, "rules": 1, "touch": 20, "order": 1}
    make_again([CLICKS.name, ORDERS.name])
    worker.start()
    assert worker.ended() == 78
    assert "koc attribution rebase" in worker.log()
    said = attribution(worker, environment, "rebase")
    assert "partition 2: log 1, 1 orders published" in said
    assert "nothing to do" in attribution(worker, environment, "rebase")
    after = truth()["old", "1"]
    assert after["version"] == {"log": 1, "rules": 1, "touch": 0, "order": 0}
    assert {**after, "version": None} == {**before, "version": None}
    send_events(ORDERS.name, [refunded(buyer, "old", 50), paid(buyer, "waiting", 39)])
    send_events(CLICKS.name, [click(buyer, "late", 39.5, content_id="v_late"), click(other, "first", 39)])
    worker.start()
    drained(worker)
    found = truth()
    assert found["old", "1"]["version"] == {"log": 1, "rules": 1, "touch": 1, "order": 1}
    assert found["old", "1"]["refunded_minor"] == 5000
    assert [credit["touch_id"] for credit in found["old", "1"]["credits"]] == ["late"]
    assert len(found["old", "1"]["considered"]) == 21
    assert found["waiting", "1"]["refunded_minor"] == 5000
    assert found["none", "1"]["version"] == {"log": 1, "rules": 1, "touch": 1, "order": 0}
    worker.kill()
    shutil.rmtree(worker.folder / "state")
    worker.start()
    drained(worker)
    assert truth() == found


def test_a_policy_corrected_backwards_is_published_for_all_orders_and_dominates(worker, environment, tmp_path):
    buyer = buyer_in(4, "policy")
    worker.start()
    send_events(CLICKS.name, [click(buyer, "c1", 10, content_id="v_1"), click(buyer, "c2", 20, content_id="v_2")])
    send_events(ORDERS.name, [paid(buyer, f"o{i}", 30) for i in range(5)])
    drained(worker)
    assert worker.terminate() == 0
    assert [c["content_id"] for c in truth()["o1", "1"]["credits"]] == ["v_2"]
    corrected = tmp_path / "policies.toml"
    text = POLICY_FILE.read_text()
    corrected.write_text(text.replace('model = "last_click"', 'model = "first_click"', 1))
    environment["KOC_POLICY_FILE"] = str(corrected)
    worker.start()
    assert worker.ended() == 78
    assert "needs a higher `revision`" in worker.log()
    corrected.write_text(corrected.read_text().replace("revision = 1", "revision = 2", 1))
    worker.start()
    drained(worker)
    lines = [truth()[f"o{i}", "1"] for i in range(5)]
    assert {line["version"]["rules"] for line in lines} == {2}
    assert [[c["content_id"] for c in line["credits"]] for line in lines] == [["v_1"]] * 5


def cut(topic, partition):
    """Delete all records of a partition, as retention would; what is published later is kept."""
    from kafka import TopicPartition

    end = log_ends([topic])[topic, partition]
    with admin() as client:
        client.delete_records({TopicPartition(topic, partition): end})
    assert log_starts([topic])[topic, partition] == end


def test_a_cut_log_stops_the_worker_until_what_is_left_of_it_is_adopted(worker, environment):
    buyer, whole = buyer_in(1, "cut"), buyer_in(3, "cut")
    today = time.time_ns() // 1000
    hour = (today - 20_758 * DAY) // (DAY // 24)
    send_events(CLICKS.name, [click(buyer, "gone", hour - 48), click(whole, "kept", hour - 48)])
    send_events(ORDERS.name, [paid(buyer, "before", hour - 24), paid(whole, "whole", hour - 24)])
    worker.start()
    drained(worker)
    assert worker.terminate() == 0
    send_events(CLICKS.name, [click(buyer, "gone_too", hour - 12)])
    cut(CLICKS.name, 1)
    worker.start()
    assert worker.ended() == 78
    assert "the log has lost records" in worker.log()
    assert "adopt-truncated" in worker.log()
    said = attribution(worker, environment, "adopt-truncated", status=1)
    assert "Partition 1 has lost history." in said
    assert len(re.findall("Partition", said)) == 1
    said = attribution(worker, environment, "adopt-truncated", "--yes")
    since = format_rfc3339((today // DAY + 16) * DAY)[:10]
    assert f"publishes orders paid from {since}" in said or time.time_ns() // 1000 // DAY > today // DAY
    assert "nothing to do" in attribution(worker, environment, "adopt-truncated", "--yes")
    before = truth()
    send_events(ORDERS.name, [refunded(buyer, "before", hour - 1), paid(buyer, "inside", hour - 1)])
    send_events(ORDERS.name, [refunded(whole, "whole", hour - 1)])
    send_events(CLICKS.name, [click(buyer, "after", hour - 2)])
    worker.start()
    drained(worker)
    found = truth()
    assert found["before", "1"] == before["before", "1"]
    assert ("inside", "1") not in found
    assert re.search(r"^koc_attribution_withheld_orders_total [12]\.0$", worker.get("/metrics"), re.MULTILINE)
    assert found["whole", "1"]["refunded_minor"] == 5000
    assert len(records(CREDITS.name)) == 3

"""Recovery on a real broker, by real processes: disks lost, uploads and downloads cut short, snapshots damaged."""

import shutil

import pytest

from schemas.topics import CLICKS, ORDERS
from tests.kit.attribution_process import Worker, drained, truth
from tests.kit.events import buyer_in, click, paid, refunded, send_events
from tests.kit.waiting import until

PARTITIONS = range(3)
TAKEN = 'koc_attribution_snapshots_total{outcome="taken"}'
FROM_SNAPSHOT = 'koc_attribution_stores_opened_total{source="snapshot"}'


@pytest.fixture(scope="module")
def environment():
    """Settings of the worker; snapshots only when it stops, unless a test wants more."""
    return {"KOC_SNAPSHOT_SECONDS": "3600"}


@pytest.fixture(scope="module")
def folder(own_stack, tmp_path_factory):  # noqa: ARG001 - the stack must be there
    """The worker's folder: its state goes on from test to test, as it would."""
    return tmp_path_factory.mktemp("worker")


@pytest.fixture
def worker(folder, environment):
    mine = Worker(folder, environment=environment)
    yield mine
    mine.kill()


def history(name, since, orders=5):
    """A click, an order and a refund for each of a few orders in some partitions, from an hour on."""
    for partition in PARTITIONS:
        buyer = buyer_in(partition, f"{name}{partition}")
        ids = [f"{name}_{partition}_{i}" for i in range(orders)]
        send_events(CLICKS.name, [click(buyer, f"c_{i}", since, content_id=f"v_{i}") for i in ids])
        send_events(
            ORDERS.name, [event for i in ids for event in (paid(buyer, i, since + 1), refunded(buyer, i, since + 2))]
        )


def assert_credited(name, orders=5):
    found = truth()
    for partition in PARTITIONS:
        for i in range(orders):
            line = found[f"{name}_{partition}_{i}", "1"]
            assert line["refunded_minor"] == 5000
            assert sum(credit["weight_ppm"] for credit in line["credits"]) == 1_000_000


def lose_disk(worker):
    worker.kill()
    shutil.rmtree(worker.folder / "state")


def events_read(worker):
    return worker.metric("koc_attribution_batch_records_sum")


def counted(worker, what):
    return sum(worker.metric(f'koc_attribution_{what}_total{{topic="{topic.name}"}}') for topic in (CLICKS, ORDERS))


def settled(worker):
    """All that is durable is in snapshots, too."""
    drained(worker)
    unchanged = 'koc_attribution_snapshots_total{outcome="unchanged"}'
    before = worker.metric(unchanged)
    until(lambda: worker.metric(unchanged) >= before + 24, "a round in which nothing changed", process=worker)


def caught_up_after(worker, events):
    """The worker has read at least so many events again. Until its first checkpoint the group says what was before."""
    until(worker.is_ready, "ready", process=worker)
    until(lambda: events_read(worker) >= events, f"{events} events read", process=worker)
    drained(worker)


def snapshots(own_stack, partition):
    """The manifests of a partition, the furthest last."""
    return sorted((own_stack.layout.snapshots / str(partition) / "manifests").iterdir())


def test_a_lost_disk_comes_back_from_snapshots_and_only_what_came_later_is_read(worker, environment, monkeypatch):
    monkeypatch.setitem(environment, "KOC_SNAPSHOT_SECONDS", "0.3")
    worker.start()
    history("before", 10)
    settled(worker)
    before = truth()
    lose_disk(worker)
    history("after", 20, orders=1)
    worker.start()
    drained(worker)
    assert worker.metric(FROM_SNAPSHOT) == len(PARTITIONS)
    assert events_read(worker) == 3 * len(PARTITIONS)
    after = truth()
    assert {key: after[key] for key in before} == before
    assert_credited("before")
    assert_credited("after", orders=1)


def test_a_clean_stop_leaves_a_snapshot_of_all_that_was_read(worker):
    worker.start()
    history("stop", 30)
    drained(worker)
    assert worker.metric(TAKEN) == 0
    assert worker.terminate() == 0
    lose_disk(worker)
    worker.start()
    drained(worker)
    assert events_read(worker) == 0
    assert_credited("stop")


def test_killed_in_the_middle_of_an_upload_the_snapshot_before_is_used(worker, own_stack):
    before = snapshots(own_stack, 0)
    worker.start(break_how="upload")
    history("upload", 40)
    drained(worker)
    assert worker.terminate() != 0
    assert snapshots(own_stack, 0) == before
    lose_disk(worker)
    worker.start()
    caught_up_after(worker, 15 * len(PARTITIONS))
    assert events_read(worker) == counted(worker, "repeated") == 15 * len(PARTITIONS)
    assert counted(worker, "events") == 0, "they were counted before the disk was lost"
    assert worker.metric(FROM_SNAPSHOT) == len(PARTITIONS)
    assert_credited("upload")


def test_killed_in_the_middle_of_a_download_nothing_half_is_left(worker):
    worker.start()
    drained(worker)
    assert worker.terminate() == 0
    lose_disk(worker)
    worker.start(break_how="download")
    assert worker.ended() != 0
    assert list((worker.folder / "state").glob("fetched-*"))
    history("download", 50, orders=1)
    worker.start()
    drained(worker)
    assert worker.metric(FROM_SNAPSHOT) == len(PARTITIONS)
    assert events_read(worker) == 3 * len(PARTITIONS)
    assert list((worker.folder / "state").glob("fetched-*")) == []
    assert_credited("download", orders=1)


def test_a_damaged_snapshot_is_told_of_and_the_one_before_is_used(worker, own_stack):
    worker.start()
    history("damaged", 60)
    drained(worker)
    assert worker.terminate() == 0
    for partition in PARTITIONS:
        snapshots(own_stack, partition)[-1].write_bytes(b"half a manif")
    lose_disk(worker)
    worker.start()
    caught_up_after(worker, 15 * len(PARTITIONS))
    assert "its bytes are not those that were written" in worker.log()
    assert worker.metric(FROM_SNAPSHOT) == len(PARTITIONS)
    assert_credited("damaged")
    assert_credited("before")


def test_on_s3_a_lost_disk_comes_back_too_and_its_keys_are_not_in_the_log(worker, environment, s3, monkeypatch):
    for name, value in {**s3.environment, "KOC_SNAPSHOT_URL": s3.new_url()}.items():
        monkeypatch.setitem(environment, name, value)
    worker.start()
    history("s3", 70, orders=2)
    drained(worker)
    assert worker.terminate() == 0
    lose_disk(worker)
    worker.start()
    drained(worker)
    assert worker.metric(FROM_SNAPSHOT) == len(PARTITIONS)
    assert events_read(worker) == 0
    assert_credited("s3", orders=2)
    assert s3.environment["AWS_SECRET_ACCESS_KEY"] not in worker.log()


def test_where_no_place_for_snapshots_is_named_production_does_not_start(worker, environment, monkeypatch):
    monkeypatch.setitem(environment, "KOC_ENVIRONMENT", "production")
    worker.start()
    assert worker.ended() == 78
    assert "KOC_SNAPSHOT_URL is not set" in worker.log()

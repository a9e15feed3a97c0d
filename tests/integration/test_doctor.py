"""`koc doctor` sees what is wrong and says what to do."""

import json
from pathlib import Path

import pytest

from schemas.topics import CREDITS
from services.attribution.snapshots.manifest import SnapshotName
from services.runtime.local.stack import Stack
from services.runtime.topics import apply_topics
from tests.kit.books import Books
from tests.kit.command import koc
from tests.kit.commands import freeze
from tests.kit.registry_events import ACCEPTED, PLAN
from tests.kit.settlement_facts import Fact
from tests.kit.topics import set_topic_config


def doctor(**environment: str) -> tuple[int, dict[str, tuple[bool, str]]]:
    done = koc("doctor", "--json", **environment)
    return done.returncode, {one["check"]: (one["ok"], one["detail"]) for one in json.loads(done.stdout)}


@pytest.mark.usefixtures("on_stack")
def test_a_good_stack_is_well_in_every_point() -> None:
    status, found = doctor()
    assert [name for name, (ok, _) in found.items() if not ok] == []
    assert status == 0
    assert {
        "java",
        "disk",
        "kafka",
        "topics",
        "snapshots",
        "database",
        "role koc_owner",
        "approver",
        "payer",
        "schema",
        "books",
    } <= found.keys()


@pytest.mark.usefixtures("on_stack")
def test_a_compacted_topic_is_named_with_the_command_that_mends_it() -> None:
    set_topic_config(CREDITS.name, {"cleanup.policy": "compact"})
    try:
        status, found = doctor()
    finally:
        apply_topics()
    assert status == 1
    assert found["topics"][0] is False
    assert "attribution.credits.v1: cleanup.policy=compact" in found["topics"][1]
    assert "run `koc topics apply`" in found["topics"][1]


@pytest.mark.usefixtures("on_stack")
def test_snapshots_are_counted_with_their_age_and_a_store_that_does_not_answer_is_named(tmp_path: Path) -> None:
    url = (tmp_path / "snapshots").as_uri()
    _, found = doctor(KOC_SNAPSHOT_URL=url)
    assert found["snapshots"] == (True, f"there is none yet at {url}")
    manifests = tmp_path / "snapshots/3/manifests"
    manifests.mkdir(parents=True)
    name = SnapshotName(0, 7, "c7227dab", "0" * 32)
    (manifests / str(name)).write_bytes(b"")
    _, found = doctor(KOC_SNAPSHOT_URL=url)
    assert found["snapshots"][1].startswith(f"1 of 12 partitions have one at {url}, at most ")
    status, found = doctor(
        KOC_SNAPSHOT_URL="s3://koc/here",
        AWS_ENDPOINT_URL="http://127.0.0.1:1",
        AWS_ALLOW_HTTP="true",
        AWS_ACCESS_KEY_ID="koc",
        AWS_SECRET_ACCESS_KEY="hidden",
        AWS_REGION="eu-central-1",
    )
    assert status == 1
    assert found["snapshots"][0] is False
    assert found["snapshots"][1].startswith("the object store at http://127.0.0.1:1 cannot be reached")
    assert "hidden" not in found["snapshots"][1]


def test_a_superuser_is_refused_as_writer(on_stack: Stack) -> None:
    password = on_stack._memory()["passwords"]["postgres"]
    address = on_stack.settings()["database_url"].split("@")[1]
    status, found = doctor(KOC_DATABASE_URL=f"postgresql://postgres:{password}@{address}")
    assert status == 1
    assert "postgres is a superuser" in found["database"][1]


def test_lines_that_wait_for_a_person_are_named_with_the_remedy(books: Books) -> None:
    _, found = doctor()
    assert found["lines set aside"] == found["lines quarantined"] == (True, "none")
    books.register(PLAN | {"base": "before_platform_discount", "rate_ppm": 1_000_000})
    huge = {"goods_paid_minor": 600_000_000_000, "platform_discount_minor": 600_000_000_000}
    books.assert_lines(*(Fact(order_id=f"o_huge_{n}", **huge) for n in range(5)), Fact())
    freeze("o_1/1/b_1", "two contents under one vector")

    status, found = doctor()
    assert status == 1
    ok, detail = found["lines set aside"]
    assert ok is False
    assert detail.startswith("o_huge_0/1/b_1 (1200000000000 on brand:br_2:accrued is over the journal's limit")
    assert " and 2 more; publish a corrected version of the plan, or agree on the order" in detail
    assert "`koc ledger lines --set-aside`" in detail
    ok, detail = found["lines quarantined"]
    assert ok is True, "somebody decided so: it is a note"
    assert detail.startswith("o_1/1/b_1 (two contents under one vector); look at it with `koc explain ORDER_ID`")


def test_f08_contents_that_nobody_registered_are_a_note_with_the_remedy(books: Books) -> None:
    _, found = doctor()
    assert found["contents"] == (True, "every accepted script fee and every spend has its content")
    books.register(ACCEPTED | {"content_id": "v_mistyped"})
    done = koc("doctor")
    (line,) = [line for line in done.stdout.splitlines() if "contents:" in line]
    assert line == (
        "note     contents: script_fee.accepted names v_mistyped, which nobody registered, so nothing is booked; "
        "publish content.registered, or publish the event again with the right content_id"
    )


def test_a_role_that_may_not_read_is_a_problem_and_the_other_checks_go_on(books: Books) -> None:
    books.grant("REVOKE SELECT ON line FROM koc_reader")
    status, found = doctor()
    assert (status, found["lines"][0]) == (1, False)
    assert "permission denied for table line" in found["lines"][1]
    assert found["contents"][0] is True


@pytest.mark.usefixtures("empty_database")
def test_an_old_schema_is_named_with_the_command_that_mends_it() -> None:
    status, found = doctor()
    assert status == 1
    assert "run `koc settlement migrate`" in found["schema"][1]


def test_nothing_there_is_a_list_of_what_to_start(tmp_path: Path) -> None:
    status, found = doctor(
        KOC_LOCAL_DIR=str(tmp_path / "none"),
        KOC_KAFKA_BOOTSTRAP="127.0.0.1:1",
        KOC_DATABASE_URL="postgresql://127.0.0.1:1/koc",
    )
    assert status == 1
    assert set(found) == {"kafka", "database"}
    assert "`koc local up`" in found["kafka"][1]
    assert "`koc local up`" in found["database"][1]

"""What a rebuild says: its report for people and as JSON, and how often it tells of long work."""

import pytest

from services.operations.rebuild import scene
from services.operations.rebuild.report import KEPT, RebuildReport
from services.operations.rebuild.scene import said_seldom
from services.settlement.export.digest import Digest

SAME = Digest("a1", 3), Digest("a1", 3)


def test_a_clean_report_ends_with_the_digest() -> None:
    report = RebuildReport("koc_rebuild_1", digests=SAME, seconds=12.34)
    report.replayed["credits"] = 1_200
    assert report.page() == "replayed 1,200 credits in 12.3 s\nthe rebuilt books are the same: digest a1"
    body = report.body()
    assert (body["clean"], body["books"], body["rebuilt"]) == (True, {"sha256": "a1", "positions": 3}, body["books"])


def test_differences_are_named_up_to_a_limit_and_all_are_counted() -> None:
    report = RebuildReport("koc_rebuild_1", digests=SAME)
    for number in range(KEPT + 2):
        report.differ("balance", f"account {number}", 5, 4)
    lines = report.page().splitlines()
    assert lines[0] == "balance: account 0: the books have 5, rebuilt 4"
    assert lines[KEPT] == "and 2 more differences"
    assert lines[-1] == "the rebuilt books differ: 1,002 differences"
    assert report.body()["found"] == {"balance": KEPT + 2}


def test_long_work_is_told_of_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now, heard = [0.0], list[str]()
    monkeypatch.setattr(scene.time, "monotonic", lambda: now[0])
    say = said_seldom(heard.append)
    for second in range(12):
        now[0] = float(second)
        say(f"at {second}")
    assert heard == ["at 5", "at 10"]

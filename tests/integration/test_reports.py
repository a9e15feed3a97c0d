"""`koc report` on real books: each figure is that of a separate computation over what the books export."""

import csv
import io
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import ledger
from services.cli.report import app
from services.kernel.time import DAY, format_rfc3339, parse_rfc3339
from tests.kit import runs, settled_book, settlement_book
from tests.kit.books import Books
from tests.kit.exported_sales import exported_sales, koc_report, printed
from tests.kit.registry_events import ACCEPTED, ANY_CURRENCY, CONTENT, PLAN, RELATION, SPEND
from tests.kit.scripted_books import ScriptedBooks
from tests.kit.settlement_facts import PAID_AT, Fact
from tests.kit.settling_rules import ZERO
from tests.kit.source import ROOT
from tests.reference import settling_script as script
from tests.reference.sales import SalesReference, Wanted
from tests.reference.settling_worlds import World


class RandomBooks(ScriptedBooks):
    """Books in which random scripts happen: they may have several runs on a day, and one content for several KOCs."""

    _runs = 0

    def _on_RunPlanned(self, event: script.RunPlanned) -> None:  # noqa: N802
        self._runs += 1
        runs.plan(self.books, ZERO + event.day * DAY, f"run-{self._runs}")

    def _on_Spent(self, event: script.Spent) -> None:  # noqa: N802
        content_id = f"content_of_{event.spend_id}"
        self.register("content.registered", content_id=content_id, koc_id=event.koc_id, platform="douyin")
        super()._on_Spent(replace(event, content_id=content_id))


COUNTS = ("lines", "orders", "buyers")
NAMES = {
    "content": ("content_id",), "family": ("content_family_id", "platform"), "koc": ("koc_id",),
    "campaign": ("campaign_id",), "product": ("brand_id", "product_id"),
}  # fmt: skip


def words_of(by: str) -> tuple[str, ...]:
    return ("content", "--by-family") if by == "family" else (by,)


def rows_of(report: dict[str, Any], by: str) -> dict[Any, dict[str, int]]:
    """By names, whether it is credited, and currency, without zeros; counts have their name, amounts lose _minor."""
    found = {}
    for row in report["rows"]:
        key = tuple(row[name] for name in NAMES[by]), row["is_credited"], row["currency"]
        figures = {name.removesuffix("_minor"): row[name] for name in row if name.endswith("_minor") or name in COUNTS}
        assert key not in found
        found[key] = {name: figure for name, figure in figures.items() if figure and isinstance(figure, int)}
    return found


def with_sums(figures: Counter[str]) -> dict[str, int]:
    """The reference's figures with those that follow from them."""
    every = Counter(figures)
    every["refunds"] = figures["gmv"] - figures["net_revenue"]
    every["commission"] = figures["accrued"] + figures["settled"] - figures["clawed_back"]
    every["spend"] = figures["spend_brand"] + figures["spend_platform"] + figures["spend_koc"]
    every["contribution"] = figures["net_revenue"] - every["commission"] - figures["script_fee"] - every["spend"]
    return {name: figure for name, figure in every.items() if figure}


def ledger_balances() -> list[dict[str, Any]]:
    done = CliRunner().invoke(ledger.app, ["balances", "--json"])
    return json.loads(done.stdout)


def check_against_the_reference(books: Books) -> None:
    """Every report, as the command prints it."""
    exported = exported_sales(books)
    for by in NAMES:
        wanted = SalesReference(exported, by, Wanted(), None, 0).compute()
        expected = {name: found for name, sums in wanted.groups.items() if (found := with_sums(sums))}
        assert {name: sums for name, sums in rows_of(koc_report(*words_of(by)), by).items() if sums} == expected


@pytest.mark.parametrize("seed", [3, 11])
def test_every_figure_of_random_settled_books_is_what_a_separate_computation_gives(books: Books, seed: int) -> None:
    world = RandomBooks(books)
    for event in World(seed).run_to(60):
        world.tell(event)
    exported = exported_sales(books)
    assert any(line.planned for line in exported.lines.values())
    assert any(entry["idem_key"].endswith("|c") for entry in exported.entries), "nothing is claimed back"
    check_against_the_reference(books)


def test_lines_that_several_buyers_claim_that_no_plan_prices_and_of_three_currencies(books: Books) -> None:
    settlement_book.fill(books)
    books.assert_lines(Fact(order_id="o_two"), Fact(order_id="o_two", line_id="2", credits=()))
    check_against_the_reference(books)
    assert {one["currency"] for one in koc_report("content")["totals"]} == {"CNY", "JPY", "KWD"}


def fill_worked_order(books: Books) -> None:
    """The page's worked order: settled, then refunded by a quarter; a script fee, and spend of the KOC."""
    books.register(PLAN, RELATION, CONTENT, ACCEPTED, SPEND)
    fact = Fact(received_at=PAID_AT + DAY, status="received")
    books.assert_lines(fact)
    runs.settle(books, PAID_AT + 20 * DAY)
    books.assert_lines(fact.refunded(5_000, at=PAID_AT + 21 * DAY))


def test_the_pages_worked_order_is_what_the_command_says(books: Books) -> None:
    fill_worked_order(books)
    (found,) = csv.DictReader(io.StringIO(printed("content", "--csv")))
    page = (ROOT / "docs/reports.md").read_text().partition("## One order, worked out")[2].partition("\n## ")[0]
    told = dict(re.findall(r"^\| ([A-Za-z ]+?) +\| (-?[0-9.]+) \|", page, re.MULTILINE))
    names = {"GMV": "gmv", "net revenue": "net_revenue", "clawed back": "clawed_back", "of it the KOC": "koc",
             "script fee": "script_fee", "ROI": "roi"}  # fmt: skip
    assert len(told) == 11
    assert {what: found[names.get(what, what)] for what in told} == told
    shown = printed("content")
    assert re.search(
        r"^v_93 +CNY +1 +1 +200.00 +50.00 +150.00 +30.00 +300.00 +75.00 +-255.00 +-0.63", shown, re.MULTILINE
    )
    assert re.search(r"^natural +CNY +1 +200.00 +50.00 +150.00 +100.0 % +30.00$", shown, re.MULTILINE)
    assert re.search(r"^with spend +CNY +1 ", shown, re.MULTILINE)


def test_days_are_those_of_the_settlement_zone_and_both_ends_count(books: Books) -> None:
    midnight = parse_rfc3339("2026-10-31T16:00:00Z")
    days = {"o_before": midnight - 1, "o_first": midnight, "o_last": midnight + DAY - 1, "o_after": midnight + DAY}
    books.register(PLAN)
    books.assert_lines(*(Fact(order_id=name, paid_at=at) for name, at in days.items()))
    for options, lines in (
        (("--from", "2026-11-01", "--to", "2026-11-01"), 2), (("--from", "2026-11-01"), 3),
        (("--to", "2026-11-01"), 3), ((), 4), (("--from", "2026-11-03"), 0),
    ):  # fmt: skip
        assert sum(row["lines"] for row in koc_report("content", *options)["rows"]) == lines, options


def test_filters_choose_lines_script_fees_and_spend(books: Books) -> None:
    settled_book.fill_settled(books)
    whole = koc_report("content")["totals"][0]
    assert (whole["script_fee_minor"], whole["spend_koc_minor"]) == (30_000, 7_500)
    of_kocs = [koc_report("content", "--koc", f"k_{n}")["totals"][0] for n in (0, 1, 2, 7)]
    for name in ("net_revenue_minor", "commission_minor", "clawed_back_minor", "script_fee_minor", "spend_minor"):
        assert sum(one[name] for one in of_kocs) == whole[name]
    assert [one["lines"] for one in of_kocs] == [5, 5, 4, 0]
    assert koc_report("content", "--brand", "br_1")["rows"] == []
    (of_campaign,) = koc_report("campaign", "--campaign", "c_1")["rows"]
    assert (of_campaign["campaign_id"], of_campaign["lines"]) == ("c_1", 5)
    assert [row["koc_id"] for row in koc_report("koc", "--limit", "1", "--sort", "spend")["rows"]] == ["k_7"]


def test_a_new_product_is_compared_by_its_first_days(books: Books) -> None:
    books.register(ANY_CURRENCY)
    sold = [("p_old", 0, 100), ("p_old", 10, 1_000), ("p_new", 5, 7), ("p_new", 6.5, 70), ("p_new", 12, 700)]
    books.assert_lines(*(
        Fact(order_id=f"o_{n}", product_id=product, paid_at=PAID_AT + int(day * DAY), goods_paid_minor=minor)
        for n, (product, day, minor) in enumerate(sold)
    ))  # fmt: skip
    old, new = sorted(koc_report("product", "--days", "7")["rows"], key=lambda row: row["first_sale_at"])
    assert (old["product_id"], old["net_revenue_by_day_minor"]) == ("p_old", [100, 0, 0, 0, 0, 0, 0])
    assert (new["product_id"], new["net_revenue_by_day_minor"]) == ("p_new", [7, 70, 0, 0, 0, 0, 0])
    assert new["first_sale_at"] == format_rfc3339(PAID_AT + 5 * DAY)
    (only,) = koc_report("product", "--days", "14", "--from", "2026-11-03", "--to", "2026-11-06")["rows"]
    assert (only["product_id"], only["net_revenue_minor"]) == ("p_new", 777)


@pytest.mark.parametrize("command", ["content", "koc", "campaign", "product"])
def test_empty_books_are_a_sentence_and_no_error(books: Books, command: str, tmp_path: Path) -> None:
    del books
    assert printed(command) == "the books have no sales, script fees or spend that this report counts\n"
    assert koc_report(command)["rows"] == []
    picture = tmp_path / "chart.png"
    done = CliRunner().invoke(app, [command, "--chart", str(picture)])
    assert (done.exit_code, picture.exists()) == (1, False)
    assert "is not written: there is nothing to draw" in done.stderr


def test_a_chart_is_written_whole_beside_the_figures(books: Books, tmp_path: Path) -> None:
    fill_worked_order(books)
    for name, begin in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml")):
        picture = tmp_path / name
        picture.write_bytes(b"an old picture")
        assert json.loads(printed("content", "--json", "--chart", str(picture)))["rows_total"] == 1
        assert picture.read_bytes().startswith(begin)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.png", "a.svg"]


def fill_departures(books: Books) -> None:
    """k_1 and k_2 left; k_2 is on hold. k_1 has a payout under way and a refused one."""
    settled_book.fill_settled(books)
    at = {"occurred_at": "2026-11-26T00:00:00Z", "event_type": "koc.left"}
    books.register(
        at | {"event_id": "l1", "koc_id": "k_1", "left_at": "2026-11-25T00:00:00Z"},
        at | {"event_id": "l2", "koc_id": "k_2", "left_at": "2026-11-26T00:00:00Z"},
        CONTENT | {"event_id": "l3", "content_id": "v_90", "koc_id": "k_1"},
        CONTENT | {"event_id": "l4", "content_id": "v_91", "koc_id": "k_1"},
        at | {"event_id": "l5", "event_type": "content.removed", "content_id": "v_91"},
    )


def test_offboarding_says_what_is_due_held_and_owed(books: Books) -> None:
    fill_departures(books)
    balances = {(row["account"], row["currency"]): row["amount_minor"] for row in ledger_balances()}
    second, first = koc_report("offboarding")["kocs"]
    assert (second["koc_id"], first["koc_id"]) == ("k_2", "k_1"), "those that left last come first"
    for koc in (first, second):
        (money,) = koc["money"]
        name = f"koc:{koc['koc_id']}"
        for purpose in ("pending", "payable", "held"):
            assert money[f"{purpose}_minor"] == -balances.get((f"{name}:{purpose}", "CNY"), 0)
        assert money["owed_minor"] == balances.get((f"clawback:{name}", "CNY"), 0) == sum(money["owed_ages"].values())
        months = {one["month"]: one["amount_minor"] for one in money["pending_months"]}
        assert sum(months.values()) + money["pending_script_fee_minor"] == money["pending_minor"]
        held = {part: money["held"][part] for part in ("reserve_minor", "refused_minor", "on_hold_minor")}
        assert sum(held.values()) == money["held_minor"]
        assert (
            money["net_minor"]
            == money["pending_minor"] + money["payable_minor"] + money["held_minor"] - money["owed_minor"]
        )
    assert (first["live_contents"], second["live_contents"]) == (["v_90"], [])
    assert (first["holds"], second["holds"]) == ([], ["h_3"])
    assert second["money"][0]["payable_minor"] == 0 < second["money"][0]["held_minor"]
    assert first["money"][0]["pending_months"] == [
        {"month": None, "amount_minor": first["money"][0]["pending_minor"]}
    ], "o_13 is not received"
    shown = printed("offboarding", "--koc", "k_2")
    assert shown.startswith("k_2 · left 2026-11-26T00:00:00Z\n")
    assert "in holds and disputes" in shown
    assert "  holds: h_3\n  contents still live: none\n" in shown


def test_offboarding_knows_payouts_under_way_and_refused_ones(books: Books, tmp_path: Path) -> None:
    fill_departures(books)
    books.plant(
        "INSERT INTO payout_batch (id, as_of, status, point, cut, plan_sha256, counts, by, proposed_at)"
        " VALUES ('b1', now(), 'proposed', '{}', '{}', '', '{}', 'ann', now())"
    )
    for name, status, refused in (("p1", "instructed", False), ("p2", "rejected", True), ("p3", "confirmed", False)):
        books.plant(
            "INSERT INTO payout (id, batch, party, currency, amount_minor, withheld_minor, rail, ref, status, refused,"
            f" refused_at, entries, entries_sha256) VALUES ('{name}', 'b1', 'koc:k_1', 'CNY', 50, 0, 'bank', 'ref_1',"
            f" '{status}', {refused}, 0, 1, '')"
        )
    (koc,) = koc_report("offboarding", "--koc", "k_1")["kocs"]
    (money,) = koc["money"]
    assert (money["payouts"], money["in_transit_minor"]) == ([{"payout": "p1", "amount_minor": 50}], 50)
    reserve = money["held"]["reserve_minor"]
    assert (money["held"]["refused_minor"], money["held"]["on_hold_minor"]) == (50, money["held_minor"] - reserve - 50)
    assert "on its way in payout p1" in printed("offboarding", "--koc", "k_1")
    (row,) = csv.DictReader(io.StringIO(printed("offboarding", "--koc", "k_1", "--csv")))
    assert (row["koc_id"], row["in_transit"], row["live_contents"]) == ("k_1", "0.50", "1")
    printed("offboarding", "--chart", str(tmp_path / "left.png"))
    assert (tmp_path / "left.png").read_bytes().startswith(b"\x89PNG")


def test_a_koc_that_has_not_left_is_a_sentence_and_status_1(books: Books) -> None:
    settled_book.fill_settled(books)
    done = CliRunner().invoke(app, ["offboarding", "--koc", "k_0"])
    assert (done.exit_code, done.stderr) == (1, "koc: k_0 has not left: no koc.left event names it\n")
    assert printed("offboarding") == "no KOC has left\n"

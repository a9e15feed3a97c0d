"""Runs and commands as pages write them: states, sums, reasons, shares, and a command as a tree."""

from services.console.pages.command import command_cells, page_of_command
from services.console.pages.command_tree import MOST_SHOWN, TreeNode, tree
from services.console.pages.run import budget_cells, line_cells, run_cells, run_state, skip_cells, sums_by_currency
from services.console.story.people import share_link
from services.console.values import LinkCell, MoneyCell, WordsCell
from services.console.words.catalogue import Language, say
from services.settlement.books.lookups.commands import ListedCommand
from services.settlement.books.lookups.run_lines import RunLine
from services.settlement.books.lookups.runs import ListedRun
from services.settlement.domain.book.commands import Command


def test_a_run_that_is_not_done_stands_out() -> None:
    assert run_state("done") == WordsCell("done", "good")
    assert {run_state(status) for status in ("planned", "applied")} == {WordsCell("unfinished", "bad")}


def test_a_run_is_a_row_with_what_its_command_says() -> None:
    result = {
        "lines": 3556, "script_fees": 18, "billed_minor": {"CNY": 14_496_558, "JPY": 51},
        "skipped": [{"reason": "disputed", "lines": 2}, {"reason": "not_due", "lines": 250}],
    }  # fmt: skip
    cells = run_cells(ListedRun("r1", 0, "done", "ann", 0, None, result))
    assert cells[0] == LinkCell("r1", "/run/r1")
    billed = WordsCell("144,965.58 CNY, 51 JPY", code="144965.58 CNY, 51 JPY")
    assert cells[3:8] == (3556, 18, billed, 252, "ann")
    assert billed.exact == "144965.58 CNY, 51 JPY", "programs get no thousands"
    assert cells[-1] is None


def test_a_run_that_is_at_work_has_no_outcome_yet() -> None:
    cells = run_cells(ListedRun("r1", 0, "applied", "ann", 0, None, {}))
    assert cells[2:8] == (WordsCell("unfinished", "bad"), None, None, None, None, "ann")


def test_a_reason_leads_to_its_lines_in_both_languages() -> None:
    skip = {"reason": "disputed", "currency": "CNY", "lines": 2, "amount_minor": 3956}
    link, why, lines, amount, currency = skip_cells("r1", skip)
    assert link == LinkCell("disputed", "/run/r1?reason=disputed#left-out-lines", "disputed")
    assert (why, lines, amount, currency) == (
        WordsCell("a dispute of it was open"), 2, MoneyCell(3956, "CNY"), "CNY",
    )  # fmt: skip
    assert say(link.text, Language.ZH) == "争议中"  # type: ignore[union-attr]


def test_programs_get_the_word_of_a_reason_and_not_what_a_page_calls_it() -> None:
    link = skip_cells("r1", {"reason": "content_held", "currency": "CNY", "lines": 1, "amount_minor": 1})[0]
    assert (str(link), link.exact) == ("content on hold", "content_held")  # type: ignore[union-attr]


def test_a_line_says_who_has_what_of_it_and_whether_the_run_came_to_it() -> None:
    line = RunLine(0, "o_1", "1", "b_1", "br_1", "CNY", {"koc:k_1": 2520, "platform": 400})
    cells = line_cells(line, is_done=True)
    share = LinkCell("koc:k_1 25.20", "/party/koc:k_1", "koc:k_1 25.20")
    assert cells[4:] == (MoneyCell(2920, "CNY"), "CNY", MoneyCell(400, "CNY"), [share])
    missing = line._replace(settled=None)
    assert line_cells(missing, is_done=False)[4:] == (WordsCell("not yet", "wait", code=""), "CNY", None, [])
    assert line_cells(missing, is_done=True)[4] == MoneyCell(0, "CNY"), "a budget that was used up left nothing"


def test_programs_get_a_share_without_thousands() -> None:
    link = share_link("koc:k_1", MoneyCell(123_450, "CNY"))
    assert (link.text, link.exact) == ("koc:k_1 1,234.50", "koc:k_1 1234.50")


def test_sums_are_by_currency_and_a_budget_says_what_is_left() -> None:
    rows = [{"currency": "JPY", "amount_minor": 5}, {"currency": "CNY", "amount_minor": 2}]
    assert sums_by_currency([*rows, {"currency": "JPY", "amount_minor": 1}]) == {"CNY": 2, "JPY": 6}
    budget = {"campaign_id": "c_1", "currency": "CNY", "limit_minor": 100, "worth_minor": 30, "charged_minor": 20}
    assert budget_cells(budget)[2:4] == (MoneyCell(50, "CNY"), MoneyCell(50, "CNY"))


def test_a_command_is_a_row_and_leads_to_what_it_made() -> None:
    one = ListedCommand(7, "c-7", "payout.approved", "eve", 0, "fine")
    assert command_cells(one)[2:] == (WordsCell("Payouts approved"), "eve", "fine", LinkCell("c-7", "/command/c-7"))

    def page(kind: str, body: dict[str, object]) -> str | None:
        found = page_of_command(Command("x", kind, "eve", "fine", 0, body, None, {}))
        return found and found.href

    assert page("settlement.run", {"as_of": "2026-09-15T16:00:00Z"}) == "/run/x"
    assert page("payout.proposed", {}) == "/batch/x"
    assert page("payout.cancelled", {"batch": "p1", "payout": None}) == "/batch/p1"
    assert page("payout.released", {"payout": "P"}) == "/payout/P"
    assert page("clawback.repaid", {"party": "koc:k_1"}) == "/party/koc:k_1"
    assert page("period.closed", {"period": "2026-09"}) is None


def test_amounts_of_a_command_have_their_currency_and_names_are_links() -> None:
    found = tree({"party": "koc:k_1", "amount_minor": 2520, "currency": "CNY", "note": None, "line": "o_1/1/b_1"})
    texts = {node.name: (node.text, node.href) for node in found.children}
    assert texts == {
        "party": ("koc:k_1", "/party/koc:k_1"), "amount_minor": ("25.20 CNY", None), "currency": ("CNY", None),
        "note": ("-", None), "line": ("o_1/1/b_1", "/order/o_1"),
    }  # fmt: skip
    (sums,) = tree({"amounts": {"CNY": 3240, "JPY": 51}}).children
    assert sums.text == "32.40 CNY, 51 JPY"


def test_members_of_a_list_are_links_too_and_a_long_list_is_cut() -> None:
    (entries,) = tree({"entries": ["0-1", "12-3"]}).children
    assert [(one.text, one.href) for one in entries.children] == [("0-1", "/entry/0-1"), ("12-3", "/entry/12-3")]
    (offsets,) = tree({"credits": [2713, 5]}).children
    assert offsets == TreeNode("credits", "2,713, 5")
    (rows,) = tree({"rows": [["P", "confirmed"]] * (MOST_SHOWN + 7)}).children
    assert (len(rows.children), rows.more, rows.children[0].text) == (MOST_SHOWN, 7, "P, confirmed")
    (plain,) = tree({"seqs": list(range(MOST_SHOWN + 7))}).children
    assert (plain.text or "").split(", ") == [str(number) for number in range(MOST_SHOWN)]
    assert plain.more == 7

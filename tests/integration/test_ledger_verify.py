"""`koc ledger verify` on a real book: silent where it is good, and naming whatever was changed behind its back."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.ledger import app
from services.runtime.database import engine
from services.runtime.metrics import poster
from services.settlement.books.snapshot import snapshot
from services.settlement.verify.verify import verify
from tests.kit.books import Books
from tests.kit.command import koc
from tests.kit.metrics import read_all
from tests.kit.registry_events import ACCEPTED, ANY_CURRENCY, CONTENT, SPEND
from tests.kit.settlement_book import fill, order
from tests.kit.settlement_facts import FactVersion


@pytest.fixture
def book(books: Books) -> Books:
    fill(books)
    return books


def verified() -> dict[str, Any]:
    done = CliRunner().invoke(app, ["verify", "--json"])
    assert done.exit_code in (0, 1), done.output
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["clean"] == (done.exit_code == 0)
    return report


def found(report: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Differences by check and place."""
    return {f"{one['check']} | {one['where']}": one for one in report["differences"]}


@pytest.mark.usefixtures("book")
def test_a_good_book_has_no_difference_and_all_of_it_was_read() -> None:
    report = verified()
    assert report["differences"] == []
    assert report["checked"]["lines"] == 45
    assert report["checked"]["journal rows"] > 80
    assert report["checked"]["contested lines"] == 2
    assert {"what": "lines", "detail": "2 of a second buyer of the order line (worth nothing)"} in report["notes"]
    assert {"what": "lines", "detail": "1 unpriced (no plan matches)"} in report["notes"]


@pytest.mark.usefixtures("book")
def test_a_person_reads_what_was_checked_and_the_verdict() -> None:
    done = koc("ledger", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("the books are as they should be\n")
    assert "45 lines" in done.stdout


def test_one_altered_balance_is_named_and_upsets_the_trial_balance(book: Books) -> None:
    book.plant("UPDATE balance SET amount_minor = amount_minor - 1 FROM account"
          " WHERE account.id = account_id AND key = 'koc:k_1:pending' AND currency = 'CNY'")  # fmt: skip
    differences = found(verified())
    one = differences.pop("balance | account koc:k_1:pending CNY")
    assert int(one["stored"]) == int(one["derived"]) - 1
    assert differences.pop("trial balance | CNY")["stored"] == "-1"
    assert not differences


def test_one_altered_line_is_named_against_journal_and_price(book: Books) -> None:
    book.plant("UPDATE line SET amounts[1] = amounts[1] + 5, amounts[2] = amounts[2] - 5"
          " WHERE order_id = 'o_20' AND buyer_id = 'b_20'")  # fmt: skip
    differences = found(verified())
    assert set(differences) == {"line | line o_20/1/b_20", "price | line o_20/1/b_20"}
    one = differences["line | line o_20/1/b_20"]
    assert one["stored"] != one["derived"]
    assert one["derived"] == differences["price | line o_20/1/b_20"]["derived"]


def test_one_altered_assertion_is_named_by_its_hash_and_its_price(book: Books) -> None:
    altered = order(21, goods_paid_minor=999).wire().hex()
    book.plant(f"UPDATE assertion SET raw = '\\x{altered}' WHERE order_id = 'o_21'")
    assert set(found(verified())) == {"content hash | line o_21/1/b_21", "price | line o_21/1/b_21"}


def test_a_lost_and_an_unreadable_assertion_are_named(book: Books) -> None:
    book.plant(
        "DELETE FROM assertion WHERE order_id = 'o_22'", "UPDATE assertion SET raw = 'x' WHERE order_id = 'o_23'"
    )
    differences = found(verified())
    assert set(differences) == {"assertion | line o_22/1/b_22", "line | line o_23/1/b_23"}
    assert "invalid_json" in differences["line | line o_23/1/b_23"]["stored"]


def test_one_altered_amount_in_the_journal_is_named_wherever_it_shows(book: Books) -> None:
    book.plant("UPDATE journal SET amounts[1] = amounts[1] + 3, amounts[2] = amounts[2] - 3"
          " WHERE order_id = 'o_24' AND kind = 1")  # fmt: skip
    checks = {one.split(" | ")[0] for one in found(verified())}
    assert {"chain", "balance", "line"} <= checks
    chains = [one for one in verified()["differences"] if one["check"] == "chain"]
    assert len(chains) == 1, "only the altered row, not all that come after it"


def test_one_removed_row_is_named(book: Books) -> None:
    book.plant("DELETE FROM journal WHERE writer = 1 AND seq = 4")
    differences = found(verified())
    assert differences["seq | rows 1-4 to 1-4"]["stored"] == "none"
    assert {one.split(" | ")[0] for one in differences} == {"seq", "balance", "line"}


def test_the_last_row_removed_is_missed_by_its_writer(book: Books) -> None:
    book.plant("DELETE FROM journal WHERE writer = 12 AND seq = (SELECT max(seq) FROM journal WHERE writer = 12)")
    differences = found(verified())
    assert differences["seq | writer 12"]["stored"] == "2"
    assert differences["seq | writer 12"]["derived"] == "1"
    assert "content | spend sp_1" in differences


def test_a_line_that_stands_for_the_wrong_buyer_is_named(book: Books) -> None:
    book.plant("UPDATE line SET standing = false WHERE order_id = 'o_7' AND buyer_id = 'a_earlier'",
          "UPDATE line SET standing = true WHERE order_id = 'o_7' AND buyer_id = 'b_7'")  # fmt: skip
    differences = found(verified())
    assert {"owner | line o_7/1/b_7", "owner | line o_7/1/a_earlier"} <= set(differences)


def test_a_script_fee_that_the_registry_does_not_explain_is_named(book: Books) -> None:
    book.plant("DELETE FROM reference WHERE kind = 'script_fee.accepted'")
    assert set(found(verified())) == {"price | script_fee v_93"}


def test_unfinished_work_is_a_note_and_no_difference(book: Books) -> None:
    book.take_registry(ANY_CURRENCY | {"event_id": "r10", "version": 3, "rate_ppm": 100_000})
    first = order(60, version=FactVersion(touch=1, order=3))
    book.assert_lines(first, first.but(version=FactVersion(touch=0, order=9)), partition=4)
    report = verified()
    assert report["differences"] == []
    notes: dict[str, list[str]] = {}
    for note in report["notes"]:
        notes.setdefault(note["what"], []).append(note["detail"])
    assert len(notes["open reprice jobs"]) == 12
    assert any("waiting to be priced again" in detail for detail in notes["lines"])
    assert "1 below their join (a complete assertion is still to come)" in notes["lines"]
    book.reprice()
    assert "open reprice jobs" not in {note["what"] for note in verified()["notes"]}


def test_f08_a_fee_and_a_spend_of_a_content_that_nobody_registered_are_notes_and_gauges(book: Books) -> None:
    mistyped = {"content_id": "v_mistyped"}
    book.register(ACCEPTED | mistyped, SPEND | mistyped | {"spend_id": "sp_2"})
    report = verified()
    notes = [note["detail"] for note in report["notes"] if note["what"] == "unregistered contents"]
    assert notes == [f"{kind} names v_mistyped, which nobody registered" for kind in KINDS]
    assert report["differences"] == []
    assert unregistered_gauges() == dict.fromkeys(KINDS, 1)

    book.register(CONTENT | mistyped)
    assert "unregistered contents" not in {note["what"] for note in verified()["notes"]}
    assert unregistered_gauges() == dict.fromkeys(KINDS, 0)


KINDS = ("script_fee.accepted", "spend.reported")


def unregistered_gauges() -> dict[str, float]:
    """What a poster exposes, by event type."""
    read_all()
    (family,) = poster().unregistered.collect()
    return {sample.labels["kind"]: sample.value for sample in family.samples}


def test_a_note_names_the_first_unregistered_contents_and_counts_the_rest(books: Books) -> None:
    books.register(*(ACCEPTED | {"event_id": f"a{n}", "content_id": f"v_{n}"} for n in range(8)))
    (note,) = verified()["notes"]
    assert note["detail"] == ("script_fee.accepted names v_0, v_1, v_2, v_3, v_4 and 3 more, which nobody registered")


def test_rows_on_accounts_that_do_not_exist_are_named_and_do_not_end_the_check(book: Books) -> None:
    book.plant("UPDATE line SET accounts[1] = 99999 WHERE order_id = 'o_7' AND buyer_id = 'a_earlier'",
          "UPDATE content_position SET accounts[1] = 99999 WHERE kind = 'spend'")  # fmt: skip
    differences = found(verified())
    assert differences["line | line o_7/1/a_earlier"]["stored"] == "account 99999 is unknown"
    assert differences["owner | a stored row"]["stored"].endswith("do not exist: [99999]")
    assert differences["content | a stored row"]["stored"] == "account 99999 is unknown"


def test_a_registry_event_that_was_changed_beyond_reading_is_one_sentence(book: Books) -> None:
    book.plant("UPDATE reference SET body = body - 'rate_ppm' WHERE identity = 'pl_1|2'")
    done = koc("ledger", "verify")
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr == "koc: a registry event in the table `reference` cannot be read: KeyError('rate_ppm')\n"


def test_books_that_go_on_changing_are_checked_as_they_were_at_the_start(book: Books) -> None:
    rows = book.rows("SELECT count(*) FROM journal")[0][0]
    with snapshot(engine("reader")) as unchanging:
        first = unchanging.writers()
        book.assert_lines(*[order(number) for number in range(100, 150)], partition=3)
        report = verify(unchanging)
        assert unchanging.writers() == first
    assert report.differences == []
    assert report.checked["journal rows"] == rows
    assert verified()["checked"]["journal rows"] == rows + 50

"""A party's page: what it says of the next payout, what comes when, what is in the way; and the page from values."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import create_engine
from starlette.testclient import TestClient

from services.console import keyset_rows
from services.console.app import console_app
from services.console.content_figures import ContentFigures
from services.console.pages import brand, party
from services.console.parties.answer import PartyAnswer
from services.console.parties.bars import drawn_budgets, percent_text
from services.console.parties.coming import MOST_BARS, Coming, coming_of
from services.console.parties.obstacles import HeldFor, obstacle_rows
from services.console.parties.tables import obstacle
from services.console.values import WordsCell
from services.console.words.catalogue import Language, say
from services.console.words.labels import SKIPPED_LINES
from services.kernel.time import parse_rfc3339
from services.settlement.books.lookups.brand import BrandBill, BrandMonth, BudgetState
from services.settlement.books.lookups.keyset import KeysetPage
from services.settlement.books.lookups.party import PartyMoneyStates
from services.settlement.books.lookups.party_coming import PendingPart
from services.settlement.books.lookups.party_facts import OpenReserve, RefusedPayout
from services.settlement.domain.paying.payees import Payee
from services.settlement.domain.paying.payouts import PayableParty, decide_payout
from services.settlement.domain.paying.withholding import NO_TAX
from services.settlement.domain.settling.facts import Hold
from services.settlement.domain.settling.netting import NetInput, left_by, net_party
from services.settlement.payouts.forecast import NextPayout

TODAY = date(2026, 11, 28)
NOTHING_COMES = Coming("CNY", 0, {}, 0)
NO_MONEY = PartyMoneyStates("CNY", 0, 0, 0, 0, 0, 0)
NOBODY = HeldFor([], [], [])


def next_payout(given: NetInput, *, minimum: int = 0, has_payee: bool = True, kept: tuple[str, ...] = ()) -> NextPayout:
    """What a proposal decides, by its own rules."""
    net = net_party(given)
    payable, held = left_by(given, net)
    payee = Payee("bank", "r") if has_payee else None
    known = PayableParty(
        "koc:k_7",
        "CNY",
        payable,
        held,
        given.refused,
        given.whole_owner_on_hold,
        payee,
        minimum,
        paid_this_year_minor=0,
    )
    return NextPayout("koc:k_7", "CNY", given, net, payable, held, minimum, decide_payout(known, NO_TAX), kept)


def part(
    amount: int, *, day: date | None = None, is_due: bool = False, blocked: str | None = None, currency: str = "CNY"
) -> PendingPart:
    """Pending money; what is blocked is of the orders o_1 and o_2."""
    orders = ("o_1", "o_2") if blocked else ()
    return PendingPart(currency, blocked, amount, day, is_due, None, orders)


def said(found: NextPayout | None, coming: Coming = NOTHING_COMES, money: PartyMoneyStates = NO_MONEY) -> list[str]:
    return [str(one) for one in PartyAnswer(money, found, coming, 0).sentences]


@pytest.mark.parametrize(
    ("found", "sentences"),
    [
        (None, ["Nothing can be paid now."]),
        (next_payout(NetInput(0, 0, 0)), ["Nothing can be paid now."]),
        (
            next_payout(NetInput(123_450, 0, 0)),
            ["The next payout brings 1,234.50 CNY: as soon as somebody proposes payouts."],
        ),
        (
            next_payout(NetInput(1_000, 500, 400, reserve=200)),
            [
                "The next payout brings 9.00 CNY: as soon as somebody proposes payouts.",
                "First, 4.00 CNY of its money pays what is owed back.",
                "It takes 3.00 CNY that need not be held any more.",
            ],
        ),
        (
            next_payout(NetInput(100, 0, 400)),
            [
                "Nothing can be paid now.",
                "First, 1.00 CNY of its money pays what is owed back.",
                "3.00 CNY is still owed back: the next earnings pay it.",
            ],
        ),
        (
            next_payout(NetInput(900, 0, 0), minimum=1_000),
            ["9.00 CNY is payable, and waits: no payout is below 10.00 CNY."],
        ),
        (
            next_payout(NetInput(900, 0, 0), has_payee=False),
            ["9.00 CNY is payable, but nobody has said where this party is paid."],
        ),
        (
            next_payout(NetInput(900, 100, 0, whole_owner_on_hold=True)),
            ["10.00 CNY is held, because there is a hold on this party.", "9.00 CNY more is held back then."],
        ),
        (next_payout(NetInput(0, 700, 0, refused=700)), ["7.00 CNY is held, because a payout came back."]),
        (next_payout(NetInput(0, 700, 0, reserve=700)), ["7.00 CNY is held, and nothing else can be paid now."]),
    ],
)
def test_the_answer_says_what_is_paid_next_or_why_nothing_is(found: NextPayout | None, sentences: list[str]) -> None:
    assert said(found) == sentences
    assert all(say(one, Language.ZH) != one for one in PartyAnswer(NO_MONEY, found, NOTHING_COMES, 0).sentences)


def test_the_answer_says_what_comes_when_and_what_is_on_its_way() -> None:
    days = {TODAY + timedelta(days=2): 300, TODAY + timedelta(days=9): 500}
    money = NO_MONEY._replace(in_transit_minor=4_200)
    assert said(None, Coming("CNY", 100, days, 70), money)[1:] == [
        "1.00 CNY is pending and due: the next settlement run makes it payable.",
        "3.00 CNY is pending until 2026-11-30.",
        "5.00 CNY comes later.",
        "0.70 CNY is pending without a date: not received yet, or something is missing.",
        "42.00 CNY is on its way: no bank has confirmed it yet.",
    ]


def test_money_that_no_run_settles_is_not_promised_and_says_why() -> None:
    coming = coming_of([part(3_956, blocked="disputed"), part(100, blocked="quarantined")], "CNY")
    (blocked,) = PartyAnswer(NO_MONEY, None, coming, 0).sentences[1:]
    assert blocked == (
        "40.56 CNY is pending and blocked (disputed, quarantined): the next settlement run does not settle it."
    )
    assert say(blocked, Language.ZH).startswith("40.56 CNY 待结算但受阻（争议中、")
    assert [(str(bar.row.label), str(bar.row.amount), bar.row.tone) for bar in coming.bars] == [
        ("Blocked", "40.56", "bad")
    ]


def test_blocked_lines_are_in_the_way_with_their_orders() -> None:
    (row,) = obstacle_rows([], NOBODY, [part(3_956, blocked="disputed"), part(100, is_due=True)])
    words, amount, currency, until, orders = row
    assert str(words.text) == "Pending, and no run settles it: disputed"  # type: ignore[union-attr]
    assert (amount.exact, currency, until) == ("39.56", "CNY", None)  # type: ignore[union-attr]
    assert [link.href for link in orders] == ["/order/o_1", "/order/o_2"]  # type: ignore[union-attr]


def test_what_comes_is_of_one_currency_and_what_has_a_day_is_not_due() -> None:
    tomorrow = TODAY + timedelta(days=1)
    parts = [part(120, is_due=True), part(700, day=tomorrow), part(30), part(5_000, is_due=True, currency="JPY")]
    coming = coming_of(parts, "CNY")
    assert coming == Coming("CNY", 120, {tomorrow: 700}, 30, [])
    assert [(str(bar.row.label), str(bar.row.amount), bar.width) for bar in coming.bars] == [
        ("Ready for the next run", "1.20", "17.1%"),
        ("2026-11-29", "7.00", "100.0%"),
        ("No date yet", "0.30", "4.2%"),
    ]


def test_many_days_are_weeks_and_what_is_after_the_last_bar_is_one() -> None:
    parts = [part(100, day=TODAY + timedelta(days=n)) for n in range(1, 120)]
    bars = coming_of(parts, "CNY").bars
    assert len(bars) == MOST_BARS + 1
    assert str(bars[0].row.label) == "Week of 2026-11-23"
    assert say(bars[0].row.label, Language.ZH) == "2026-11-23 当周"
    assert str(bars[-1].row.label) == "From 2027-02-15 on"
    assert sum(bar.row.amount.amount_minor for bar in bars) == 119 * 100


def test_a_share_is_exact_to_a_tenth_and_a_small_one_is_seen() -> None:
    shares = [(0, 10), (1, 0), (1, 3), (1, 10**9), (10, 10), (11, 10), (-5, 10)]
    assert [percent_text(*one) for one in shares] == ["0%", "0%", "33.3%", "0.5%", "100.0%", "100.0%", "0%"]


def test_a_line_whose_money_has_no_day_says_that_it_was_not_received() -> None:
    assert obstacle(None, is_undated=True) == WordsCell("not received yet")
    assert obstacle(None, is_undated=False) is None
    assert obstacle("unpriced", is_undated=True) == WordsCell(SKIPPED_LINES["unpriced"])


def test_what_is_in_the_way_names_amount_end_and_place() -> None:
    until = parse_rfc3339("2026-12-15T16:00:00Z")
    given = NetInput(900, 1_000, 300, reserve=100, on_hold=400, refused=500)
    found = next_payout(given, minimum=10_000, kept=("o_1/1/b_1", "o_1/2/b_1", "o_2/1/b_2"))
    held_for = HeldFor(
        [OpenReserve("run-1", "CNY", 100, until), OpenReserve("run-1", "JPY", 7, until)],
        [RefusedPayout("P1", "CNY", 500, "returned")],
        [Hold("h_1", None, None, None, "koc:k_7")],
    )
    rows = obstacle_rows([found], held_for, [])
    assert [(row[0].exact, row[1].exact) for row in rows] == [  # type: ignore[union-attr]
        ("A hold on this party keeps everything back", "10.00"),
        ("Reserve for returns", "1.00"),
        ("A payout came back: a new payee or a release frees it", "5.00"),
        ("Orders in a hold or a dispute", "4.00"),
        ("It owes this back", "3.00"),
        ("No payout is below this", "100.00"),
    ]
    assert rows[1][3].exact == "2026-12-15T16:00:00Z"  # type: ignore[union-attr]
    assert [link.href for link in rows[3][4]] == ["/order/o_1", "/order/o_2"]  # type: ignore[union-attr]
    assert obstacle_rows([next_payout(NetInput(900, 0, 0))], NOBODY, []) == []


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A console whose books have no rows."""
    for module in (party, brand, keyset_rows):
        monkeypatch.setattr(module, "reading", lambda _request: nullcontext(None))
    for module, name in (
        (party, "party_payouts"), (party, "party_entries"), (party, "koc_lines"), (party, "pending_lines"),
        (party, "party_members"), (brand, "brand_lines"), (brand, "brand_budgets"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, lambda *_: KeysetPage([], None))
    for module in (party, brand):
        monkeypatch.setattr(module, "content_figures", lambda *_, **__: ContentFigures(None, [], [], False, None))
    app = console_app(create_engine("postgresql+psycopg://"), "127.0.0.1")
    return TestClient(app, base_url="http://127.0.0.1:8700", follow_redirects=False)


@pytest.fixture
def shows(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The page of a party whose money is as given."""

    def show(
        address: str,
        *answers: PartyAnswer,
        left: Any = None,
        parts: Sequence[PendingPart] = (),
        is_slow: bool = False,
    ) -> str:
        nexts = [one.next for one in answers if one.next is not None]
        view = party.PartyView(True, answers, nexts, parts, NOBODY, [], [], [], left, None)

        def read(_connection: None, _party: str, _now: int, *, is_asked: bool) -> party.PartyView:
            return view if is_asked or not is_slow else view._replace(is_whole=False, nexts=[], parts=[])

        monkeypatch.setattr(party, "is_known_party", lambda *_: True)
        monkeypatch.setattr(party, "_view", read)
        return client.get(address).text

    return show


def test_the_page_shows_exact_amounts_of_each_currency(shows: Callable[..., str]) -> None:
    yen = PartyAnswer(PartyMoneyStates("JPY", 1_234_567, 0, 0, 0, 0, 0), None, Coming("JPY", 1_234_567, {}, 0), 51)
    page = shows("/party/koc:k_7", PartyAnswer(NO_MONEY, next_payout(NetInput(5, 0, 0)), NOTHING_COMES, 0), yen)
    assert "The next payout brings 0.05 CNY" in page
    assert "1,234,567 JPY is pending and due" in page
    assert '51 <span class="currency">JPY</span>' in page


def test_what_takes_long_comes_as_a_part_of_its_own(shows: Callable[..., str]) -> None:
    answer = PartyAnswer(NO_MONEY, next_payout(NetInput(5, 0, 0)), NOTHING_COMES, 0)
    slow = partial(shows, is_slow=True, parts=[part(3_956, blocked="disputed")])
    page = slow("/party/koc:k_7", answer)
    assert "The next payout brings" not in page
    assert 'hx-get="?part=next"' in page
    part_alone = slow("/party/koc:k_7?part=next", answer)
    assert "The next payout brings 0.05 CNY" in part_alone
    assert '<h1 class="capital"><a href="/party/koc:k_7">KOC k_7</a></h1>' in part_alone
    for address in ("/party/koc:k_7?csv=in-the-way", "/party/koc:k_7?part=next&csv=in-the-way"):
        assert '"Pending, and no run settles it: disputed",39.56,CNY,,o_1 o_2' in slow(address, answer)


def test_an_id_is_shown_as_text_and_no_script(shows: Callable[..., str]) -> None:
    page = shows("/party/koc:<script>alert(1)<%2Fscript>")
    assert "<script>alert" not in page
    assert "KOC &lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_an_unknown_party_says_what_to_do_and_a_brand_has_its_own_page(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(party, "is_known_party", lambda *_: False)
    answer = client.get("/party/koc:k_404", headers={"accept-language": "zh"})
    assert (answer.status_code, "账簿中没有 koc:k_404" in answer.text) == (404, True)
    assert client.get("/party/k_7").status_code == 404
    assert client.get("/party/brand:br_1").headers["location"] == "/brand/br_1"


def test_a_brand_owes_what_is_billed_and_a_budget_shows_what_is_committed(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = BrandMonth("2026-10", 1, "CNY", opening_minor=1_000, closing_minor=5_000, paid_minor=2_500)
    budgets = [BudgetState("c_1", "CNY", 10_000, 2_500, 7_500), BudgetState("c_2", "CNY", 100, 100, 0)]
    monkeypatch.setattr(brand, "is_known_brand", lambda *_: True)
    monkeypatch.setattr(
        brand, "brand_bill", lambda *_: [BrandBill("CNY", 700, 5_000, 2_500), BrandBill("JPY", 0, -9, 0)]
    )
    monkeypatch.setattr(brand, "brand_months", lambda *_: [month])
    monkeypatch.setattr(brand, "brand_budgets", lambda *_: KeysetPage(budgets, None))
    page = client.get("/brand/br_1").text
    assert "It owes 50.00 CNY that is billed and not paid." in page
    assert "It has paid 9 JPY in advance." in page
    assert "25.00 of 100.00 CNY committed" in page
    assert client.get("/brand/br_1?csv=months").text.splitlines()[1].startswith("2026-10,1,10.00,65.00,25.00,50.00,CNY")
    assert [(one.width, one.is_spent) for one in drawn_budgets(budgets)] == [("25.0%", False), ("100.0%", True)]

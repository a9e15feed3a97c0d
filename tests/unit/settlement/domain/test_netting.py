"""A party's net: what came back, what it owes, what is held; each to target."""

import pytest

from services.kernel.money import MAX_AMOUNT_MINOR
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.pricing.house import House
from services.settlement.domain.settling.netting import (
    NO_RESERVE,
    NetInput,
    NetResult,
    Reserve,
    net_party,
    net_rows,
    reserve_of,
)
from services.settlement.domain.settling.transfers import Occasion
from tests.kit.settlement_facts import DAY

HALF = 500_000


@pytest.mark.parametrize(
    ("party", "result"),
    [
        pytest.param(NetInput(100, 0, 0), NetResult(0, 0, 0, 0, 0), id="owes nothing"),
        pytest.param(NetInput(100, 0, 30), NetResult(0, 0, 30, 0, 0), id="owes less than it may get"),
        pytest.param(NetInput(100, 20, 300), NetResult(0, 0, 100, 20, -0), id="payable first, then held"),
        pytest.param(NetInput(0, 400, 4000), NetResult(0, 0, 0, 400, 0), id="G14b: the reserve"),
        pytest.param(NetInput(0, 0, -50), NetResult(0, 50, 0, 0, 0), id="netted, then restored"),
        pytest.param(NetInput(0, 0, -50, written_off=20), NetResult(20, 30, 0, 0, 0), id="write-offs first"),
        pytest.param(NetInput(0, 0, -50, written_off=80), NetResult(50, 0, 0, 0, 0), id="write-offs take all"),
        pytest.param(NetInput(100, 0, -50, on_hold=120), NetResult(0, 50, 0, 0, 120), id="what is released is held"),
        pytest.param(NetInput(101, 0, 90, share_ppm=HALF), NetResult(0, 0, 50, 0, 0), id="half, floored"),
        pytest.param(
            NetInput(51, 0, 40, netted_since=50, share_ppm=HALF), NetResult(0, 0, 0, 0, 0), id="half is taken"
        ),
        pytest.param(
            NetInput(100, 0, 90, clawed_back_unpaid=40, share_ppm=HALF),
            NetResult(0, 0, 70, 0, 0),
            id="unpaid lines' whole 40, and half of the 60 that are really earned",
        ),
        pytest.param(
            NetInput(100, 0, 90, clawed_back_unpaid=40, share_ppm=0), NetResult(0, 0, 40, 0, 0), id="unpaid lines alone"
        ),
        pytest.param(
            NetInput(10, 0, 90, clawed_back_unpaid=90, share_ppm=0), NetResult(0, 0, 10, 0, 0), id="no more than it has"
        ),
        pytest.param(NetInput(100, 0, 0, reserve=30, on_hold=20), NetResult(0, 0, 0, 0, 50), id="reserve and holds"),
        pytest.param(NetInput(10, 50, 0, reserve=30), NetResult(0, 0, 0, 0, -20), id="a reserve whose days are over"),
        pytest.param(NetInput(10, 5, 0, reserve=30), NetResult(0, 0, 0, 0, 10), id="no more than there is is held"),
        pytest.param(NetInput(10, 5, 3, whole_owner_on_hold=True), NetResult(0, 0, 3, 0, 7), id="all of an owner's"),
    ],
)
def test_nets(party: NetInput, result: NetResult) -> None:
    assert net_party(party) == result


def test_the_rows_of_a_net() -> None:
    rows = net_rows("koc:k_7", NetResult(1, 2, 3, 4, 5), Occasion("run r_1", 77))
    assert [(row.kind, row.step, row.legs) for row in rows] == [
        (Kind.CLAWBACK_WRITTEN_BACK, "written_back", {"clawback:koc:k_7": 1, "writeoff:koc:k_7": -1}),
        (Kind.CLAWBACK_RELEASED, "released", {"clawback:koc:k_7": 2, "koc:k_7:payable": -2}),
        (Kind.CLAWBACK_NETTED, "netted", {"koc:k_7:payable": 3, "clawback:koc:k_7": -3}),
        (Kind.CLAWBACK_NETTED, "netted_held", {"koc:k_7:held": 4, "clawback:koc:k_7": -4}),
        (Kind.HOLD_PLACED, "held", {"koc:k_7:payable": 5, "koc:k_7:held": -5}),
    ]
    assert {(row.cause, row.effective_at) for row in rows} == {("run r_1", 77)}


def test_a_release_from_held_is_its_mirror_and_nothing_gives_no_row() -> None:
    (row,) = net_rows("koc:k_7", NetResult(0, 0, 0, 0, -5), Occasion("run r_1", 77))
    assert (row.kind, row.legs) == (Kind.HOLD_RELEASED, {"koc:k_7:payable": -5, "koc:k_7:held": 5})
    assert net_rows("koc:k_7", NetResult(0, 0, 0, 0, 0), Occasion("run r_1", 77)) == []


def test_more_than_a_row_holds_takes_several_rows_with_names_of_their_own() -> None:
    rows = net_rows("koc:k_7", NetResult(0, 0, 2 * MAX_AMOUNT_MINOR + 1, 0, -MAX_AMOUNT_MINOR - 3), Occasion("", 0))
    assert [row.step for row in rows] == ["netted", "netted|2", "netted|3", "held", "held|2"]
    assert [row.legs["koc:k_7:payable"] for row in rows] == [
        MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR, 1, -MAX_AMOUNT_MINOR, -3,
    ]  # fmt: skip


def test_a_reserve_is_a_floored_share_of_what_a_run_settled_for_some_days() -> None:
    house = House(reserve_ppm=100_000, reserve_days=30)
    assert reserve_of(4009, house, 5 * DAY) == Reserve(400, 35 * DAY)
    assert reserve_of(9, house, 0) == NO_RESERVE
    assert reserve_of(4009, House(reserve_ppm=100_000), 0) == NO_RESERVE
    assert reserve_of(4009, House(reserve_days=30), 0) == NO_RESERVE

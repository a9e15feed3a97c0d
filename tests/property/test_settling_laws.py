"""Laws of settling: where money lies, what a run decides, and that the rules are those of the reference model."""

import copy
import random
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.money import MILLION
from services.settlement.domain.book.positions import Position, total
from services.settlement.domain.lines.line import Key
from services.settlement.domain.pricing.plans import Tier
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.netting import NetInput, NetResult, left_by, net_party
from services.settlement.domain.settling.place import change, owed_by, owed_of, place, vat_within
from services.settlement.domain.settling.shares import Shares
from services.settlement.domain.settling.tiers import tiered_commission
from tests.kit.settlement_facts import plan
from tests.kit.settling_rules import SettlingRules
from tests.reference.settling_script import Cancelled, Credited, Happening, Refunded, Run, RunApplied
from tests.reference.settling_worlds import CURRENCIES, World

SEEDS = st.integers(0, 10**9)
PARTIES = ("platform", "koc:k_1", "mcn:m_1", "recruiter:r_1")
shares = st.dictionaries(st.sampled_from(PARTIES), st.integers(1, 5_000))
vat_rates = st.sampled_from([0, 1, 60_000, 100_000, MILLION])


# Where money lies: f(S, T)


@given(shares, shares, vat_rates)
def test_every_position_adds_up_to_zero(settled: Shares, owed: Shares, vat_ppm: int) -> None:
    assert sum(place(settled, owed, "br_1", vat_ppm).values()) == 0


@given(shares, vat_rates)
def test_with_nothing_settled_the_position_is_the_accrual(owed: Shares, vat_ppm: int) -> None:
    position = place({}, owed, "br_1", vat_ppm)
    accrual = {"brand:br_1:accrued": sum(owed.values())} | {
        "platform:fee_deferred" if who == "platform" else f"{who}:pending": -amount for who, amount in owed.items()
    }
    assert position == {account: amount for account, amount in accrual.items() if amount}
    assert owed_of(position) == owed


@given(shares, shares, vat_rates)
def test_a_position_says_what_is_owed(settled: Shares, owed: Shares, vat_ppm: int) -> None:
    assert owed_by(place(settled, owed, "br_1", vat_ppm), settled) == owed


@given(shares, st.lists(shares, min_size=2, max_size=6), vat_rates)
def test_the_way_does_not_show(settled: Shares, path: list[Shares], vat_ppm: int) -> None:
    """Any number of changes comes to the same as one, and each of their rows is balanced."""
    position = place(settled, path[0], "br_1", vat_ppm)
    for before, after in pairwise(path):
        for legs in change(settled, before, after, "br_1", vat_ppm):
            assert sum(legs.values()) == 0
            position = total(position, legs)
    assert position == place(settled, path[-1], "br_1", vat_ppm)


@given(shares, vat_rates)
def test_a_full_refund_leaves_nobody_anything(settled: Shares, vat_ppm: int) -> None:
    position = place(settled, {}, "br_1", vat_ppm)
    parties = {who: amount for who, amount in settled.items() if who != "platform"}
    assert position == {f"{who}:payable": -amount for who, amount in parties.items()} | {
        f"clawback:{who}": amount for who, amount in parties.items()
    }


@given(shares, shares, shares, vat_rates)
def test_only_a_run_moves_what_is_payable(settled: Shares, before: Shares, after: Shares, vat_ppm: int) -> None:
    for legs in change(settled, before, after, "br_1", vat_ppm):
        assert not [account for account in legs if account.endswith((":payable", ":held"))]


@given(st.integers(0, 10**12), vat_rates)
def test_vat_is_what_the_fee_contains_to_the_nearest_unit(gross: int, vat_ppm: int) -> None:
    twice_the_error = 2 * (gross * vat_ppm - vat_within(gross, vat_ppm) * (MILLION + vat_ppm))
    assert -(MILLION + vat_ppm) <= twice_the_error <= MILLION + vat_ppm


# Tiers


@given(
    st.dictionaries(st.integers(0, 60), st.integers(0, MILLION), max_size=4),
    st.integers(0, MILLION), st.integers(0, 80), st.integers(0, 80),
)  # fmt: skip
def test_a_tiered_commission_is_each_units_rate_floored_once(
    tiers: dict[int, int], rate_ppm: int, counted: int, base: int
) -> None:
    tiered = plan(rate_ppm=rate_ppm, tiers=tuple(Tier(edge, tiers[edge]) for edge in sorted(tiers)))
    units = [[rate for edge, rate in [(0, rate_ppm), *sorted(tiers.items())] if edge <= unit][-1]
             for unit in range(counted, counted + base)]  # fmt: skip
    assert tiered_commission(tiered, counted, base) == sum(units) // MILLION


# Nets


few = st.integers(0, 300)
net_inputs = st.builds(
    NetInput, few, few, st.integers(-300, 300), few, few, few, st.booleans(), few, few,
    st.sampled_from([0, 1, 333_333, 500_000, MILLION]), few,
)  # fmt: skip


def after_net(party: NetInput, net: NetResult) -> NetInput:
    netted = net.netted_payable + net.netted_held
    payable, held = left_by(party, net)
    return party._replace(
        payable=payable,
        held=held,
        clawback=party.clawback + net.written_back + net.released - netted,
        written_off=party.written_off - net.written_back,
        netted_since=party.netted_since + netted,
    )


@given(net_inputs)
def test_a_net_goes_to_its_target_at_once(party: NetInput) -> None:
    after = after_net(party, net_party(party))
    assert net_party(after) == (0, 0, 0, 0, 0)


@given(net_inputs)
def test_a_net_never_takes_more_than_there_is_or_is_owed(party: NetInput) -> None:
    net = net_party(party)
    after = after_net(party, net)
    assert min(after.payable, after.held, after.written_off, after.clawback) >= 0
    assert min(net[:4]) >= 0
    assert not after.whole_owner_on_hold or after.payable == 0


@given(net_inputs)
def test_all_debts_are_netted_where_the_share_is_all(party: NetInput) -> None:
    party = party._replace(share_ppm=MILLION)
    after = after_net(party, net_party(party))
    assert after.clawback == 0 or after.payable + after.held == 0


# Runs against the reference model


def books_of(rules: SettlingRules) -> dict[str, dict[str, int]]:
    return {currency: rules.balances(currency) for currency in CURRENCIES}


def booked(rules: SettlingRules) -> dict[Key, Position]:
    return {key: line.booked for key, line in rules.lines.items()}


def played(seed: int, length: int) -> SettlingRules:
    rules = SettlingRules()
    for event in World(seed).run_to(length):
        rules.tell(event)
    return rules


@settings(max_examples=150)
@given(SEEDS, st.integers(0, 60))
def test_the_rules_come_to_what_the_reference_model_says(seed: int, length: int) -> None:
    """Tiers, bonus, budgets, nets, reserves, disputes, holds, late facts: after each happening, in each currency."""
    world, rules = World(seed), SettlingRules()
    model = type(world.model)()
    for event in world.run_to(length):
        model.tell(event)
        rules.tell(event)
        assert books_of(rules) == {currency: model.balances(currency) for currency in CURRENCIES}, event
        assert rules.skipped == {(order, "1", buyer): why for (order, buyer), why in model.skipped.items()}


@settings(max_examples=60)
@given(SEEDS, st.integers(10, 60))
def test_a_run_over_unchanged_books_decides_and_moves_nothing(seed: int, length: int) -> None:
    rules = played(seed, length)
    day = max(event.day for event in World(seed).run_to(length) if isinstance(event, Run))
    rules.tell(Run(day))
    before = books_of(rules)
    rules.tell(Run(day))
    assert rules.plan is not None
    assert (rules.plan.lines, rules.plan.fees) == ([], [])
    assert books_of(rules) == before


@settings(max_examples=60)
@given(SEEDS, st.integers(10, 60), SEEDS)
def test_how_far_a_run_has_come_when_something_happens_does_not_show(seed: int, length: int, mix: int) -> None:
    """One plan, one log of later events; applied before, after, and in between them."""
    rules, rng = played(seed, length), random.Random(mix)
    late = happenings_later(rules, rng)
    rules.tell(Run(30))
    books = []
    for _ in range(3):
        one = copy.deepcopy(rules)
        one.plan_run(60)
        assert one.plan is not None
        queues: list[list[object]] = [list(late), list(one.plan.lines)]
        while any(queues):
            queue = rng.choice([queue for queue in queues if queue])
            step = queue.pop(0)
            one.tell(step) if queue is queues[0] else one.apply_line(step)
        one.finish_run()
        first = one.plan.sha256
        one.tell(Run(61))
        books.append((booked(one), books_of(one), first, one.plan.sha256))
    assert books[0] == books[1] == books[2]


def happenings_later(rules: SettlingRules, rng: random.Random) -> list[Happening]:
    """Refunds, cancellations and late touches of the lines that there are."""
    found: list[Happening] = []
    for fact in rules.facts.values():
        order, buyer = fact.order_id, fact.buyer_id
        found += rng.sample([
            Refunded(order, rng.randrange(fact.goods_paid_minor + 1), buyer), Refunded(order, 0, buyer),
            Cancelled(order, buyer), Credited(order, World(rng.randrange(99))._credits(), buyer),
        ], rng.randrange(3))  # fmt: skip
    return rng.sample(found, len(found))


@settings(max_examples=60)
@given(SEEDS, st.integers(10, 60))
def test_a_line_is_booked_by_what_is_owed_and_settled_and_only_runs_settle_more(seed: int, length: int) -> None:
    rules = SettlingRules()
    settled: dict[Key, Shares] = {}
    for event in World(seed).run_to(length):
        rules.tell(event)
        assert booked(rules) == {key: rules.position(line) for key, line in rules.lines.items()}
        now = {key: line.settled for key, line in rules.lines.items() if line.settled}
        if isinstance(event, Run | RunApplied):
            for key, before in settled.items():
                assert all(now[key][who] >= amount for who, amount in before.items())
        else:
            assert now == settled
        settled = copy.deepcopy(now)


@settings(max_examples=60)
@given(SEEDS, st.integers(10, 60))
def test_a_bonus_slot_has_one_line(seed: int, length: int) -> None:
    lines = [line for line in played(seed, length).lines.values() if line.grants.bonus_minor]
    assert len(lines) == len({(line.brand_id, line.key[2]) for line in lines})


@settings(max_examples=60)
@given(SEEDS, st.integers(10, 60))
def test_no_run_grants_more_than_a_budget_has_left(seed: int, length: int) -> None:
    """But for bonuses of earlier runs that a late touch brought to another credit."""
    rules = SettlingRules()
    for event in World(seed).run_to(length):
        before = {key: line.grants.bonus_minor for key, line in rules.lines.items()}
        rules.tell(event)
        if isinstance(event, Run) and rules.plan is not None:
            moved: Counter[BudgetKey] = Counter()
            for one in rules.plan.lines:
                for campaign in {part.campaign_id for part in rules.facts[one.key].credits if part.campaign_id}:
                    moved[BudgetKey(campaign, rules.lines[one.key].currency)] += before[one.key]
            for key, (budget, charged) in rules.plan.budgets.items():
                assert 0 <= charged <= max(0, budget.left_minor) + moved[key]


@settings(max_examples=60)
@given(SEEDS, st.integers(10, 60))
def test_all_refunded_every_party_comes_to_nothing_and_so_do_brand_fee_and_tax(seed: int, length: int) -> None:
    """Line by line: what stays payable is claimed back; the brand owes nothing; no fee, no VAT."""
    rules = played(seed, length)
    for fact in list(rules.facts.values()):
        rules.tell(Refunded(fact.order_id, fact.goods_paid_minor, fact.buyer_id))
    for line in rules.lines.values():
        parties = {account.removeprefix("clawback:").removesuffix(":payable") for account in line.booked}
        assert parties == {who for who in line.settled if who != "platform"}
        for party in parties:
            assert line.booked[f"{party}:payable"] + line.booked[f"clawback:{party}"] == 0

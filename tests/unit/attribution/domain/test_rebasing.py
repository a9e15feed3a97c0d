"""The state after the topics were made again: its offsets and its version vectors."""

from services.attribution.apply.orders import apply_orders
from services.attribution.apply.records import OrderRecord, TouchRecord
from services.attribution.apply.shard import Shard
from services.attribution.apply.touches import apply_touches
from services.attribution.apply.waiting import WaitingRoom
from services.attribution.domain import facts
from services.attribution.domain.assertion import VersionVector, assertions
from services.attribution.domain.buyer import Buyer
from services.attribution.domain.horizons import Horizons
from services.attribution.domain.rebasing import rebased_buyer
from services.attribution.state import keys
from services.kernel.time import DAY
from services.settlement.domain.lines.vectors import dominates
from tests.kit.attribution_words import NOW, RULES, fact, payment, touch
from tests.reference.attribution_reference import LogRecord

AT = (NOW + DAY) // 1000
WINDOW = Horizons().candidate_window


class Everyone(dict):
    """Buyers in a dict."""

    def fetch(self, buyer_ids):
        for buyer_id in buyer_ids:
            self.setdefault(buyer_id, Buyer())
        return self

    def note(self, changes):
        """Nothing is stored."""


def shard(buyers, log=0):
    return Shard(buyers, WaitingRoom({}), RULES, Horizons(), log)


def apply_touch(state, offset, event_id):
    one = touch(event_id)
    return apply_touches(state, [TouchRecord(LogRecord(offset, AT, "b_1", "", one), "b_1", one)])


def apply_order(state, offset, event):
    return apply_orders(state, [OrderRecord(LogRecord(offset, AT, "b_1", "o_1", event), "b_1", "o_1", event)])


def vectors(state):
    buyer = state.buyers["b_1"]
    return {a.vector for a in assertions("b_1", buyer, buyer.orders["o_1"], RULES, state.log)}


def test_a_rebased_state_counts_from_nothing_and_dominates_everything_published_before():
    old = shard(Everyone())
    apply_touch(old, 700, "t1")
    apply_touch(old, 800, "t2")
    apply_order(old, 900, payment())
    [before] = vectors(old)
    assert before == VersionVector(0, RULES.revision, 801, 901)
    new = shard(Everyone(b_1=rebased_buyer(old.buyers["b_1"], 850, 950)), log=1)
    assert list(new.buyers["b_1"].touches) == [-150, -50]
    [after] = vectors(new)
    assert after == VersionVector(1, RULES.revision, 0, 0)
    assert dominates(after, before)
    assert not dominates(before, after)
    apply_touch(new, 0, "t3")
    assert vectors(new) == {VersionVector(1, RULES.revision, 1, 0)}
    apply_order(new, 0, fact(facts.RECEIVED, "e2", line_ids=("1",)))
    assert vectors(new) == {VersionVector(1, RULES.revision, 1, 1)}


def test_a_second_rebase_keeps_the_order_of_the_first():
    buyer = Buyer({5: touch("t1"), 9: touch("t2")})
    once = rebased_buyer(buyer, 10, 0)
    once.add_touch(0, touch("t3"))
    twice = rebased_buyer(once, 1, 0)
    assert list(twice.touches) == [-6, -2, -1]
    assert [one.event_id for one in twice.touches.values()] == ["t1", "t2", "t3"]
    assert twice.offsets == {"t1": -6, "t2": -2, "t3": -1}


def test_a_waiting_event_waits_on_after_a_rebase():
    buyer = Buyer(waiting={"o_1": [(40, fact(facts.RECEIVED, "e2", line_ids=("1",)))]})
    after = rebased_buyer(buyer, 0, 50)
    [(offset, _)] = after.waiting["o_1"]
    place = (NOW, offset)
    assert offset == -10
    assert keys.place_of(keys.waiting_key(place)) == place

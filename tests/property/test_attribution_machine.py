"""The same law as a machine of small steps: hypothesis writes the logs and drives the workers, and shrinks what fails.

Records may be appended to either log at any time, late, twice, with other content, ahead of the clock; workers read
either log at will, take checkpoints, lose what they sent, start from any durable point or from nothing, and live on
as zombies who read, write disks and publish last.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from services.attribution.domain.facts import (
    CANCELLED,
    COMPLETED,
    RECEIVED,
    REFUND_REVERSED,
    REFUNDED,
    Declaration,
    Fact,
    PaidLine,
    Payment,
    Touch,
)
from services.kernel.errors import StartRefused
from services.kernel.time import DAY
from tests.reference.attribution_histories import (
    HOUR5,
    LIMITS,
    LONG_MEMORY,
    SHORT,
    START,
    Topics,
    Worker,
    moved,
    outcome_of,
    rules,
    small_limits,
)
from tests.reference.attribution_reference import LogRecord, truth

EARLY, LATE = START + 8 * HOUR5, START + 99 * DAY
LINES = tuple(PaidLine(str(n), f"p{n}", None, "br1", None, 1, 10 * n, 0, 0, 0, 0) for n in (1, 2))
buyers = st.sampled_from("ab")
ORDER_SPAN = 7
"""Steps of time that an order_id lives for: it is never used again, above all not when it is forgotten."""
orders_ago = st.integers(0, 2)
steps_ago = st.sampled_from([0, 0, 1, 2, 3, 4, 5, 7, 12, -2])
times = st.just(START)
clocks = st.sampled_from([LATE, LATE, LATE, LATE, EARLY])
names = st.sampled_from(["clicks", "orders"])
some = st.integers(0, 31)
touches = st.builds(
    Touch,
    st.sampled_from([f"t{n}" for n in range(6)]),
    st.sampled_from(["click", "view", "code"]),
    times,
    st.just("douyin"),
    st.sampled_from(["k1", "k2", "a"]),
    st.sampled_from(["v1", "v2"]),
    st.sampled_from(["video", "live"]),
    st.sampled_from(["p1", "p9"]),
    st.sampled_from(["s1", "s9"]),
    st.sampled_from(["br1", "br9"]),
    st.none(),
    st.just("natural"),
)
declarations = st.sampled_from(
    [None, None, Declaration("v1", "k1", None, "paid"), Declaration("v1", "a", None, "paid")]
)
line_ids = st.sampled_from([None, ("1",), ("7",)])
refunds = st.tuples(st.tuples(st.sampled_from("127"), st.integers(1, 8), st.just(0)))
refund_ids = st.sampled_from(["rf0", "rf1"])
reasons = st.none()
event_ids = st.sampled_from(["e0", "e1", "e2", "e3", "po0"])
facts = st.one_of(
    st.builds(
        Fact, st.sampled_from([RECEIVED, CANCELLED]), event_ids, times, line_ids, st.just(""), st.just(()), reasons
    ),
    st.builds(Fact, st.just(COMPLETED), event_ids, times, st.none(), st.just(""), st.just(()), reasons),
    st.builds(Fact, st.just(REFUNDED), event_ids, times, st.none(), refund_ids, refunds, reasons),
    st.builds(Fact, st.just(REFUND_REVERSED), event_ids, times, st.just(("1",)), refund_ids, st.just(()), reasons),
)


class Convergence(RuleBasedStateMachine):
    """One partition: two logs, the disks, one worker who is alive and any number who are not."""

    @initialize(memory=st.sampled_from([SHORT, LONG_MEMORY]))
    def begin(self, memory):
        """A changed policy reaches back as far as orders are kept, so it is only raised where they are kept."""
        self.horizons, self.revision = memory, 1
        self.now = 0
        self.logs: dict[str, list[LogRecord]] = {"clicks": [], "orders": []}
        self.topics, self.disks, self.zombies = Topics(), [{}], []
        self.worker = self._started({}, 1)

    def _append(self, log, clock, buyer, order_id, event):
        self.logs[log].append(LogRecord(len(self.logs[log]), clock // 1000, buyer, order_id, event))

    def _started(self, rows, revision):
        """A new worker over a copy of a disk; an older revision does not start over a newer store."""
        try:
            return Worker(self.logs["clicks"], self.logs["orders"], dict(rows), self.horizons, rules(revision))
        except StartRefused:
            return self._started(rows, self.revision)

    def _order(self, orders_ago):
        return max(0, self.now // ORDER_SPAN - orders_ago)

    def _time(self, steps_ago):
        return START + max(0, self.now - steps_ago) * HOUR5

    @rule(steps=st.integers(1, 9))
    def time_passes(self, steps):
        self.now += steps

    @rule(buyer=buyers, touch=touches, ago=steps_ago, clock=clocks)
    def somebody_touches(self, buyer, touch, ago, clock):
        self._append("clicks", clock, buyer, "", touch._replace(occurred_at=self._time(ago)))

    @rule(buyer=buyers, ago=orders_ago, at=st.integers(0, ORDER_SPAN - 1), declared=declarations, clock=clocks)
    def somebody_pays(self, buyer, ago, at, declared, clock):
        order = self._order(ago)
        paid_at = START + (order * ORDER_SPAN + at) * HOUR5
        paid = Payment(f"po{order}", f"o{order}", paid_at, "douyin", "s1", "CNY", False, declared, LINES)
        self._append("orders", clock, buyer, paid.order_id, paid)

    @rule(buyer=buyers, order=orders_ago, fact=facts, ago=steps_ago, clock=clocks)
    def something_becomes_of_an_order(self, buyer, order, fact, ago, clock):
        self._append("orders", clock, buyer, f"o{self._order(order)}", fact._replace(occurred_at=self._time(ago)))

    @rule(log=names, which=some, by=st.sampled_from([0, 0, -2, 3]))
    def something_is_said_again(self, log, which, by):
        if self.logs[log]:
            said = self.logs[log][-1 - which % len(self.logs[log])]
            by = 0 if isinstance(said.event, Payment) else by
            self._append(log, LATE, said.buyer_id, said.order_id, moved(said.event, by * HOUR5))

    @rule(log=names, count=st.integers(1, 4))
    def the_worker_reads(self, log, count):
        self.worker.read(log, count)

    @rule()
    def the_worker_takes_a_checkpoint(self):
        self.disks.append(self.worker.checkpoint(self.topics))

    @rule()
    def all_that_is_in_memory_is_swept(self):
        self.worker.forget()

    @rule(lost=some, disk=some, old=st.booleans(), lives_on=st.booleans())
    def the_worker_is_lost_with_some_of_what_it_sent(self, lost, disk, old, lives_on):
        if lives_on:
            self.zombies.append(self.worker)
        else:
            self.worker.out = [item for i, item in enumerate(self.worker.out) if not lost >> (i % 5) & 1]
            self.worker.publish(self.topics)
        self.worker = self._started(self.disks[-1 - disk % len(self.disks)], 1 if old else self.revision)

    @precondition(lambda self: self.zombies)
    @rule(which=some, log=names, count=st.integers(1, 4))
    def a_zombie_reads(self, which, log, count):
        self.zombies[which % len(self.zombies)].read(log, count)

    @precondition(lambda self: self.zombies)
    @rule(which=some, writes=st.booleans())
    def a_zombie_publishes_and_may_write_its_disk(self, which, writes):
        zombie = self.zombies[which % len(self.zombies)]
        if writes:
            self.disks.append(zombie.checkpoint(self.topics))
        else:
            zombie.publish(self.topics)

    @precondition(lambda self: self.horizons == LONG_MEMORY)
    @rule(disk=some)
    def the_policy_is_raised(self, disk):
        self.revision = 2
        self.worker = self._started(self.disks[-1 - disk % len(self.disks)], 2)

    def teardown(self):
        """The worker reads what is left, another one looks over all of it, zombies speak last."""
        while self.worker.left("clicks") or self.worker.left("orders"):
            self.worker.read("orders", 2)
            self.worker.read("clicks", 1)
        self._started(self.worker.checkpoint(self.topics), self.revision).checkpoint(self.topics)
        for zombie in self.zombies:
            zombie.publish(self.topics)
        expected = truth(self.logs["clicks"], self.logs["orders"], self.horizons, rules(self.revision), LIMITS)
        reader = outcome_of(self.topics)
        assert reader.accepted == expected.lines
        assert reader.below_join() == []
        assert self.topics.refused == expected.refused


@pytest.fixture(autouse=True, scope="module")
def _small_limits():
    with small_limits():
        yield


TestConvergence = Convergence.TestCase
TestConvergence.settings = settings(max_examples=300, stateful_step_count=50)

"""Settling scripts along the real path: events published, attribution and posters at work, `settle`, the database read.

Many cases share a stack and its runs. What happens in a case before its next run is published right before that run, so
no run of another case finds any of it.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from schemas.currencies import CURRENCIES
from services.demo.events import Event, record
from services.kernel.time import DAY
from services.operations.drain.drain import drain
from services.operations.drain.positions import LivePositions
from services.operations.settle.propose import proposal_draft, propose
from services.operations.settle.settle import draft_of, settle
from services.runtime.database import psycopg_dsn
from services.runtime.publishing import publish
from services.settlement.books.command_transaction import operator_books
from services.settlement.books.payout_rows import PAYOUTS, read_payout
from services.settlement.books.payout_store import PayoutBooks, payout_store
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.clawbacks import write_off
from services.settlement.commands.drafts import Money
from services.settlement.commands.payments import record_brand_payment
from services.settlement.payment_files.book_replies import book_replies
from services.settlement.payouts.cancel import cancel
from services.settlement.payouts.release import release
from services.settlement.runs.run import RunRequest, plan_run
from tests.kit.payouts import reply_of
from tests.kit.settling_events import ALWAYS, ZERO, CaseEvents, house_event
from tests.reference.settling_script import (
    BrandPaid,
    Case,
    Expected,
    Happening,
    HouseOf,
    PayoutCancelled,
    Proposed,
    Published,
    Released,
    Replied,
    Run,
    RunApplied,
    RunPlanned,
    WrittenOff,
)

WAIT_SECONDS = 180
PHASE_DAYS = 60
"""From day 0 of one house's cases to that of the next; no case lasts as long."""

_KEPT = ("JPY", "KWD")
"""Currencies that a case is about; any other is exchanged for one that no other case has."""
_BALANCES = """
SELECT key, amount_minor FROM balance JOIN account ON account_id = id WHERE currency = %s AND amount_minor <> 0
"""


@dataclass(frozen=True)
class State:
    """What the books should hold at a place of a script, and what they hold."""

    what: str
    expected: dict[str, int]
    found: dict[str, int]


@dataclass
class Player:
    """A case under way: what is still to come of it, and the states that were looked at."""

    title: str
    steps: deque[Happening | Expected]
    house: HouseOf
    events: CaseEvents
    states: list[State] = field(default_factory=list)

    @property
    def next_day(self) -> int | None:
        """Of the run that comes next; None where none does."""
        return next((step.day for step in self.steps if isinstance(step, Run | RunPlanned)), None)

    @property
    def is_watched(self) -> bool:
        """Whether somebody wants to look at it or to decide something now."""
        return bool(self.steps) and isinstance(self.steps[0], (Expected, *_DECIDED))

    def take(self, *kinds: type) -> Happening | Expected | None:
        """The next step if it is one of these."""
        return self.steps.popleft() if self.steps and isinstance(self.steps[0], kinds) else None

    def take_events(self) -> list[Event]:
        """All that is published before anything has to be looked at or decided."""
        found: list[Event] = []
        while self.steps and not isinstance(self.steps[0], _NOT_PUBLISHED):
            found += self.events.of(self.steps.popleft())
        return found


_DECIDED = (WrittenOff, BrandPaid, Replied, Released, PayoutCancelled)
_NOT_PUBLISHED = (Expected, Run, RunPlanned, RunApplied, Proposed, *_DECIDED)


class SettlingPath:
    """Plays cases on a stack with workers."""

    def __init__(
        self, positions: LivePositions, store: PayoutBooks, operator: BookConnections, reader: psycopg.Connection
    ) -> None:
        self._positions = positions
        self._store = store
        self._operator = operator
        self._reader = reader
        self._spare = iter(sorted(CURRENCIES - {*_KEPT}))

    def play(self, cases: tuple[Case, ...]) -> dict[str, list[State]]:
        """Play all cases to their ends, those of one house side by side; the states by the cases' titles."""
        players = _players(cases, self._spare)
        houses = dict.fromkeys(_settings(player.house) for player in players)
        for number, settings in enumerate(houses):
            together = [player for player in players if _settings(player.house) == settings]
            self._play_together(together, number)
        return {player.title: player.states for player in players}

    def play_alone(self, cases: tuple[Case, ...], phase: int) -> dict[str, list[State]]:
        """Play cases one after the other: a proposal pays everybody, so no other case may be under way.

        Args:
            cases: with proposals.
            phase: after those of cases that were played before.
        """
        players = _players(cases, self._spare)
        for player in players:
            player.events.zero = ZERO + phase * PHASE_DAYS * DAY
            publish([record(house_event(player.events.zero, player.house, _vat_of(player)))])
            self._advance([player])
            while player.steps:
                step = player.steps[0]
                if isinstance(step, Proposed):
                    self._propose(player, step)
                else:
                    assert isinstance(step, Run), step
                    self._run([player], player.events.moment(step.day), player.title)
                self._advance([player])
        return {player.title: player.states for player in players}

    def _propose(self, player: Player, step: Proposed) -> None:
        """Pay whoever can be paid."""
        player.steps.popleft()
        as_of = player.events.moment(step.day)
        draft = proposal_draft(as_of, player.events.name(step.batch), "settling cases")
        assert propose(self._store, draft, as_of, WAIT_SECONDS, _silent).is_new
        self._look(player)

    def _play_together(self, players: list[Player], number: int) -> None:
        """Run after run, in the order of their days; what follows a case's last run comes before the next one's."""
        zero = ZERO + number * PHASE_DAYS * DAY
        vat_ppm: dict[str, int] = {}
        for player in players:
            player.events.zero = zero
            vat_ppm |= _vat_of(player)
        publish([record(house_event(ALWAYS if number == 0 else zero, players[0].house, vat_ppm))])
        while days := [player.next_day for player in players if player.next_day is not None]:
            due = [player for player in players if player.next_day in (min(days), None)]
            self._advance(due)
            self._run(due, zero + min(days) * DAY)
        self._advance(players)
        assert not any(player.steps for player in players)

    def _advance(self, players: list[Player]) -> None:
        """Go on with each case until its next run: publish, drain, look and decide, as often as there is something.

        Nothing is awaited where a run comes next: runs wait themselves.
        """
        while True:
            publish(record(event) for player in players for event in player.take_events())
            waiting = [player for player in players if player.is_watched]
            if not waiting:
                return
            drain(self._positions, WAIT_SECONDS, _silent)
            for player in waiting:
                self._look(player)
                self._decide(player)

    def _run(self, players: list[Player], as_of: int, reason: str = "settling cases") -> None:
        """One run for all. Where a case goes on between plan and apply, the process that planned goes no further."""
        draft = draft_of(as_of, f"run-{as_of}-{reason.split(maxsplit=1)[0]}", reason)
        lost = [player for player in players if player.take(RunPlanned)]
        if lost:
            with self._store.lock("settling cases"):
                plan_run(self._store, RunRequest(draft, as_of), _silent)
            self._advance(lost)
        assert settle(self._store, draft, as_of, WAIT_SECONDS, _silent).is_new is not bool(lost)
        for player in players:
            player.take(Run, RunApplied)
            self._look(player)

    def _look(self, player: Player) -> None:
        """Compare the states that a case wants to see now."""
        while isinstance(step := player.take(Expected), Expected):
            rows = self._reader.execute(_BALANCES, [player.events.currencies[step.currency]])
            found = {player.events.account(key): amount for key, amount in rows}
            player.states.append(State(step.what, step.balances, found))

    def _decide(self, player: Player) -> None:
        """Give a case's next command, if it is one."""
        step = player.take(*_DECIDED)
        if isinstance(step, Replied | Released | PayoutCancelled):
            self._decide_payouts(player, step)
        elif isinstance(step, WrittenOff | BrandPaid):
            money = Money(step.amount_minor, player.events.currencies[step.currency])
            if isinstance(step, WrittenOff):
                write_off(self._operator, player.events.name(step.party), money, "a case", None, is_trial=False)
            else:
                brand = player.events.name(step.brand_id)
                record_brand_payment(self._operator, brand, money, "a case", None, is_trial=False)

    def _decide_payouts(self, player: Player, step: Replied | Released | PayoutCancelled) -> None:
        """Reply, release or cancel, of the payouts that a case means."""
        batch = player.events.name(step.batch)
        party = None if step.party is None else player.events.name(step.party)
        rows = self._reader.execute(f"{PAYOUTS} WHERE batch = %s", (batch,)).fetchall()
        meant = [one for one in map(read_payout, rows) if party in (None, one.plan.party)]
        if isinstance(step, Replied):
            book_replies(self._operator, reply_of(meant, step.outcome, f"{step.file} of {batch}"))
        elif isinstance(step, Released):
            for one in meant:
                release(self._operator, one.id, "a case", None)
        else:
            cancel(self._operator, batch, meant[0].id if party else None, "a case", None)


@contextmanager
def settling_path() -> Iterator[SettlingPath]:
    """The path through the stack that settings() lead to."""
    with (
        LivePositions() as positions,
        payout_store() as store,
        operator_books() as operator,
        psycopg.connect(psycopg_dsn("reader"), autocommit=True) as reader,
    ):
        yield SettlingPath(positions, store, operator, reader)


def _players(cases: tuple[Case, ...], spare: Iterator[str]) -> list[Player]:
    """A player for each case, with a currency that no other case has."""
    players = []
    for case in cases:
        mark = case.title.split()[0].lower()
        houses = [one.what for one in case.script if isinstance(one, Published) and isinstance(one.what, HouseOf)]
        (house,) = houses
        events = CaseEvents(mark, {"CNY": next(spare), **{one: one for one in _KEPT}})
        players.append(Player(case.title, deque(case.script), house, events))
    return players


def _vat_of(player: Player) -> dict[str, int]:
    """The VAT of a case's own currencies."""
    return {player.events.currencies[one]: rate for one, rate in player.house.vat_ppm.items()}


def _settings(house: HouseOf) -> tuple[int, int, int]:
    """What of a house's settings cannot differ between cases that share their runs."""
    return house.share_ppm, house.reserve_ppm, house.reserve_days


def _silent(_: str) -> None:
    """Progress that nobody watches."""

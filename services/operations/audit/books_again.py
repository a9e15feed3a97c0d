"""The books made again from the topics: credits up to each point, runs and payouts planned anew, and so on."""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from schemas.partitioning import partition_of
from services.kernel.time import parse_rfc3339
from services.operations.audit import command_moves as commands
from services.operations.audit.chains import CommandFacts
from services.operations.audit.command_moves import is_rerated, line_of, moved_by
from services.operations.audit.content_fees import AccountOf, FeeBook, booked_by_registry
from services.operations.audit.line_book import NOTHING, AuditedLine, LineBook
from services.operations.audit.line_facts import LineFacts, LineVector
from services.operations.audit.party_nets import NetBook, NetOccasion, PartyBalances, PartyMoney
from services.operations.audit.payouts import PayoutBook, PayoutMoment
from services.operations.audit.plan_proof import content_row, line_row, party_row, proof
from services.operations.audit.pricing import Amounts
from services.operations.audit.registry_log import RegistryLog
from services.operations.audit.registry_view import MILLION, HouseRules
from services.operations.audit.report import AuditReport
from services.operations.audit.run_plan import RunLineAgain, RunMemory, RunPlanner
from services.operations.audit.severed import SeveringResult, is_surrogate, severing_of
from services.operations.audit.worths import Worths


class PlanAgain(NamedTuple):
    """A run planned anew: its proof, and how many lines it settles."""

    plan_sha256: str
    lines: int


class BooksAgain:
    """The state of the books at one point, made from topics alone.

    Args:
        registry: whole.
        partitions: of the credits topic.
        report: differences of payouts go there.

    Attributes:
        lines: as folded.
        worths: prices lines by the registry at the point.
        moved: accounts of writer N by cause: `run ID`, `command ID`, `payout BATCH`, `payout ID`.
        runs: ids of the runs, by their number.
        payouts: all of them, as they stand.
    """

    def __init__(self, registry: RegistryLog, partitions: int, report: AuditReport) -> None:
        self._registry = registry
        self._partitions = partitions
        self.payouts = PayoutBook(report)
        self.worths = Worths(registry, 0)
        self.lines = LineBook(self._freeze, self._note)
        self.moved: dict[str, Counter[AccountOf]] = {}
        self.runs: list[str] = []
        self._fees, self._nets, self._memory = FeeBook(), NetBook(self.payouts.last_payout), RunMemory()
        self._decisions, self._decision_of_run = 0, list[int]()
        self._payable: Counter[PartyMoney] = Counter()
        self._clawed_back: dict[PartyMoney, dict[AuditedLine, int]] = {}
        self._changed: set[AuditedLine] = set()
        self._settled_for: dict[str, set[AuditedLine]] = {name: set() for name in registry.held_contents()}

    def advance(self, records: Iterable[tuple[int, int, tuple[LineFacts, LineVector]]], registry_offset: int) -> None:
        """Go on to a point.

        Args:
            records: (partition, offset, assertion) of the credits up to it, each partition in its order.
            registry_offset: how far the registry is read then.
        """
        before = self.worths.view.denied
        self.worths = Worths(self._registry, registry_offset)
        for partition, offset, (facts, vector) in records:
            self.lines.take(partition, offset, facts, vector)
        if denied := before ^ self.worths.view.denied:
            self._changed |= {line for name, line in self.lines if line.terms and _is_named(name, denied)}
        for line in self._changed:
            if not line.frozen:
                self._book(line, line.settled, self.worths.owed(line))
        self._changed.clear()

    def run(self, run_id: str, as_of: int) -> PlanAgain:
        """Plan a run at the point, and let it take effect."""
        number, view = len(self.runs), self.worths.view
        occasion = self._occasion(as_of)
        self.runs.append(run_id)
        self._decision_of_run.append(occasion.number)
        balances, on_hold = self._balances(occasion.house), _sums(self._held_lines())
        # lines
        settled: Counter[PartyMoney] = Counter()
        planner = RunPlanner(self.lines, self.worths, self._memory, as_of)
        rows = []
        for one in planner.settled_lines():
            rows.append(line_row(one))
            _add_raises(settled, one.line.settled, one.settled, one.line.currency)
            self._settle(number, one, (view.offset, as_of))
        # script fees
        fee_rows = []
        for fee, was, now in self._fees.settle(view, occasion.number):
            fee_rows.append(content_row(fee.content_id, fee.currency, now))
            _add_raises(settled, was, now, fee.currency)
        # parties and budgets
        planned = [one.net for one in self._nets.plan(occasion, balances, settled, on_hold)]
        nets = [net for net in planned if net.settled_minor or any(net.amounts)]
        moved = self.moved[f"run {run_id}"] = Counter()
        for net in nets:
            moved.update(net.moves())
        for (campaign_id, currency), minor in planner.budgets_moved.items():
            moved[f"budget:{campaign_id}:committed", currency] += minor
            moved[f"budget:{campaign_id}:available", currency] -= minor
        return PlanAgain(proof(rows, fee_rows, map(party_row, nets)), len(rows))

    def propose(self, command: CommandFacts) -> None:
        """Plan a batch of payouts at the point, and let it take effect."""
        as_of = parse_rfc3339(command.body["as_of"])
        occasion = self._occasion(as_of)
        balances = self._balances(occasion.house)
        payable = [key for key, amount in balances.payable.items() if amount]
        held_lines = self._held_lines()
        outcomes = self._nets.plan(occasion, balances, {}, _sums(held_lines), payable)
        owners, refused = occasion.owners_on_hold, balances.refused
        moment = PayoutMoment(occasion.number, as_of, self.worths.view, owners, refused, held_lines)
        self.moved[f"payout {command.command_id}"] = self.payouts.propose(command, moment, outcomes)

    def command(self, command: CommandFacts) -> None:
        """Let any other command take effect at the point."""
        match command.kind:
            case commands.FROZEN:
                name, buyer_id = self._line_of(*line_of(command))
                self.lines.freeze(name, buyer_id, partition_of(buyer_id.encode(), self._partitions))
            case commands.RELEASED:
                self.lines.release(*self._line_of(*line_of(command)))
            case commands.RERATED:
                self._rerate(command)
            case commands.SEVERED:
                self._sever(severing_of(command))
            case commands.PAYOUT_APPROVED:
                self.payouts.approve(command)
            case commands.PAYOUT_CANCELLED:
                self._move(self.payouts.cancel(command))
            case commands.PAYOUT_EXPORTED:
                self.payouts.export(command)
            case commands.PAYOUT_REPLIED:
                self._move(self.payouts.reply(command))
            case commands.PAYOUT_RELEASED:
                self.payouts.release(command)
            case _:
                self._move({f"command {command.command_id}": moved_by(command)})

    def contents(self) -> Counter[AccountOf]:
        """What the registry's facts and settled script fees come to under writer N."""
        booked = booked_by_registry(self.worths.view)
        for currency, accounts in self._fees.positions(self.worths.view):
            for account, amount in accounts.items():
                booked[account, currency] += amount
        return booked

    def _occasion(self, as_of: int) -> NetOccasion:
        """The next decision among runs and proposals, at this moment."""
        view = self.worths.view
        self._decisions += 1
        return NetOccasion(self._decisions, as_of, view.house_at(as_of), view.open.owners)

    def _move(self, moved: Mapping[str, Counter[AccountOf]]) -> None:
        """Add what moves under writer N, by cause."""
        for cause, accounts in moved.items():
            if accounts:
                self.moved.setdefault(cause, Counter()).update(accounts)

    def _freeze(self, line: AuditedLine) -> None:
        self._book(line, line.settled, self.worths.owed(line))

    def _note(self, line: AuditedLine) -> None:
        if line.terms is not None:
            self._changed.add(line)

    def _settle(self, number: int, one: RunLineAgain, terms: tuple[int, int]) -> None:
        """Settle a line of a run; its terms are those of its first run for ever."""
        line = one.line
        line.terms = line.terms or terms
        line.grants, line.bonus_minor = one.grants, one.bonus_minor
        line.settlements = (*line.settlements, (number, one.settled))
        for priced in one.credits:
            if (lines := self._settled_for.get(priced.credit.content_id)) is not None:
                lines.add(line)
        self._book(line, one.settled, one.owed)

    def _rerate(self, command: CommandFacts) -> None:
        """Settled lines get terms of the command's point and moment; of their grants only a bonus stays."""
        terms, scope = (self.worths.view.offset, parse_rfc3339(command.at)), command.body["scope"]
        order_id, _, rest = scope.partition("/")
        if rest:
            line_id, _, buyer_id = rest.partition("/")
            scope = "/".join(self._line_of(f"{order_id}/{line_id}", buyer_id))
        for name, line in self.lines:
            if line.terms is not None and is_rerated(scope, name, line.buyer_id):
                line.terms, line.grants = terms, NOTHING
                self._book(line, line.settled, self.worths.owed(line))

    def _line_of(self, name: str, buyer_id: str) -> tuple[str, str]:
        """`ORDER/LINE` and buyer of a line as it is here; it may be named by the surrogate that it gets only later."""
        if is_surrogate(buyer_id):
            partition = partition_of(buyer_id.encode(), self._partitions)
            found = (line.buyer_id for line in self.lines.claimants(name) if line.partition == partition)
            buyer_id = next(found, buyer_id)
        return name, buyer_id

    def _sever(self, severing: SeveringResult) -> None:
        """The buyer's lines, and the bonuses that the buyer took, are under the surrogate from now on."""
        buyers = {
            self.lines.sever(f"{one.order_id}/{one.line_id}", one.place, severing.surrogate) for one in severing.lines
        }
        self._memory.slots = {
            (brand_id, severing.surrogate if buyer_id in buyers else buyer_id)
            for brand_id, buyer_id in self._memory.slots
        }

    def _book(self, line: AuditedLine, settled: Amounts, owed: Amounts) -> None:
        """Let a line's S and T be these, and the parties' sums with them."""
        for claimant in {**line.settled, **settled}:
            if claimant == "platform":
                continue
            key, now = (claimant, line.currency), settled.get(claimant, 0)
            self._payable[key] += now - line.settled.get(claimant, 0)
            clawed_back = self._clawed_back.setdefault(key, {})
            if lost := max(0, now - owed.get(claimant, 0)):
                clawed_back[line] = lost
            else:
                clawed_back.pop(line, None)
        line.settled, line.owed = settled, settled if settled == owed else owed

    def _balances(self, house: HouseRules) -> PartyBalances:
        """What parties have and owe at the point."""
        lost = Counter({key: sum(lines.values()) for key, lines in self._clawed_back.items()})
        refused = self.payouts.refused(self.worths.view)
        found = PartyBalances(Counter(self._payable), Counter(), lost, Counter(), Counter(), refused)
        for account, amount in self._moved_in_all().items():
            _add_balance(found, account, amount)
        if house.netting_share_ppm < MILLION:
            self._add_unpaid(found)
        return found

    def _add_unpaid(self, balances: PartyBalances) -> None:
        """What of the debts is of lines and fees that a run settled after the party's last payout: netted whole."""
        unpaid = balances.from_lines
        in_debt = {key for key, owed in balances.clawback.items() if owed > 0}
        for key in in_debt & self._clawed_back.keys():
            lines = self._clawed_back[key].items()
            unpaid[key] += sum(lost for line, lost in lines if self._is_unpaid(line, key[0]))
        for party, currency, lost, decision in self._fees.clawed_back(self.worths.view):
            if (party, currency) in in_debt and decision > self.payouts.last_payout((party, currency)):
                unpaid[party, currency] += lost

    def _is_unpaid(self, line: AuditedLine, party: str) -> bool:
        """Whether a run settled something of the line after the party's last payout, or that payout left it held."""
        if line in self.payouts.left_held((party, line.currency)):
            return True
        later = line.settlements[::-1]
        earlier = [*(settled for _, settled in later[1:]), {}]
        for (number, settled), before in zip(later, earlier, strict=True):
            if settled.get(party, 0) != before.get(party, 0):
                return self._decision_of_run[number] > self.payouts.last_payout((party, line.currency))
        return False

    def _moved_in_all(self) -> Counter[AccountOf]:
        """All accounts of writer N."""
        sums = self.contents()
        for moved in self.moved.values():
            for account, amount in moved.items():
                sums[account] += amount
        return sums

    def _held_lines(self) -> dict[PartyMoney, dict[AuditedLine, int]]:
        """min(S, T) by party of unpaid lines that are disputed or held, or that were settled for a held content."""
        kept: dict[PartyMoney, dict[AuditedLine, int]] = {}
        matters = self.worths.view.open
        lines = {line for content_id in matters.contents for line in self._settled_for[content_id]}
        if matters.order_lines:
            lines |= {line for name, line in self.lines if line.settled and _is_named(name, matters.order_lines)}
        for line in lines:
            for claimant, amount in line.settled.items():
                if claimant != "platform" and self._is_unpaid(line, claimant):
                    held = kept.setdefault((claimant, line.currency), {})
                    held[line] = min(amount, line.owed.get(claimant, 0))
        return kept


def _sums(held: Mapping[PartyMoney, Mapping[AuditedLine, int]]) -> Counter[PartyMoney]:
    """What is held of each party's lines."""
    return Counter({party: sum(lines.values()) for party, lines in held.items()})


def _is_named(name: str, order_lines: AbstractSet[tuple[str, str | None]]) -> bool:
    order_id, _, line_id = name.partition("/")
    return (order_id, None) in order_lines or (order_id, line_id) in order_lines


def _add_raises(sums: Counter[PartyMoney], before: Mapping[str, int], after: Mapping[str, int], currency: str) -> None:
    """Add what a run settles for each party; our own fee has no net."""
    for claimant, amount in after.items():
        rise = amount - before.get(claimant, 0)
        if rise and claimant != "platform":
            sums[claimant, currency] += rise


def _add_balance(balances: PartyBalances, account: AccountOf, amount: int) -> None:
    """Add an account of writer N to what a party has or owes; other accounts are no party's."""
    name, currency = account
    owner, _, rest = name.partition(":")
    if owner == "clawback":
        balances.clawback[rest, currency] += amount
    elif owner == "writeoff":
        balances.written_off[rest, currency] += amount
    elif name.endswith(":payable"):
        balances.payable[name.removesuffix(":payable"), currency] -= amount
    elif name.endswith(":held"):
        balances.held[name.removesuffix(":held"), currency] -= amount

"""Books in memory as reports read them, and what a separate computation of reports needs of any books."""

from collections.abc import Iterator, Mapping

from services.settlement.books.decode_credits import decode_assertion
from services.settlement.books.memory_run_snapshot import MemoryRunSnapshot
from services.settlement.books.ports import ReferenceEvent
from services.settlement.domain.lines.line import Line
from services.settlement.domain.reporting.grouping import Selection
from services.settlement.domain.reporting.line_shares import PlannedShares, SoldLine
from services.settlement.domain.settling.place import owed_by


class MemoryReportBooks(MemoryRunSnapshot):
    """`report_port.ReportBooks` on a state that nobody changes any more."""

    def facts(self, kind: str) -> dict[str, ReferenceEvent]:
        return self._state.standing(kind)

    def sold_lines(self, selection: Selection) -> Iterator[SoldLine]:
        for key, line in sorted(self._state.lines.items()):
            is_wanted = selection.has_moment(line.paid_at) and selection.brand_id in (None, line.brand_id)
            if is_wanted and key in self._state.kept and (line.standing or line.booked or line.settled):
                yield self._sold(line)

    def _sold(self, line: Line) -> SoldLine:
        planned = [plan for (_, key), plan in self._state.run_lines.items() if key == line.key]
        return SoldLine(
            line.key, line.brand_id, line.currency, line.paid_at, line.standing, owed_by(line.booked, line.settled),
            dict(line.settled), line.terms, line.grants, decode_assertion(self._state.kept[line.key].raw),
            [PlannedShares(plan.settled, plan.parts) for plan in planned],
        )  # fmt: skip

    def first_sales(self) -> Mapping[tuple[str, str], int]:
        first: dict[tuple[str, str], int] = {}
        for line in self._state.lines.values():
            if line.standing and line.key in self._state.kept:
                name = line.brand_id, decode_assertion(self._state.kept[line.key].raw).product_id
                first[name] = min(line.paid_at, first.get(name, line.paid_at))
        return first

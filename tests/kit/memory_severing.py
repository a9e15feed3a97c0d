"""A buyer is severed from books in memory: every key that names the buyer names a surrogate instead."""

from dataclasses import replace

from services.settlement.books.decode_credits import decode_assertion, under_buyer
from services.settlement.books.memory_state import MemoryState
from services.settlement.books.ports import JobProgress
from services.settlement.domain.lines.assertions import content_hash
from services.settlement.domain.lines.line import Key
from services.settlement.domain.lines.surrogates import SURROGATE_LETTERS, beginning_of


def sever(state: MemoryState, buyer_id: str, number: int) -> str | None:
    """Put a surrogate in a buyer's place, and return it; None: none would leave every order line with its owner.

    Args:
        state: of the books, between two transactions; no run is unfinished.
        buyer_id: has lines.
        number: makes the surrogate another one than the last.
    """
    mine = [line for line in state.lines.values() if line.key[2] == buyer_id]
    order_lines = {line.key[:2] for line in mine}
    claimants = [line for line in state.lines.values() if line.key[:2] in order_lines]
    beginning = beginning_of(mine, claimants)
    if beginning is None:
        return None
    letters = "".join("abcdefghij"[int(digit)] for digit in str(number))
    surrogate = f"{beginning}{letters.rjust(SURROGATE_LETTERS, 'a')}"
    _Severing(state, buyer_id, surrogate).rename()
    return surrogate


class _Severing:
    def __init__(self, state: MemoryState, buyer_id: str, surrogate: str) -> None:
        self._state, self._buyer_id, self._surrogate = state, buyer_id, surrogate

    def rename(self) -> None:
        state, key = self._state, self._key
        for old, kept in list(state.kept.items()):
            if key(old) != old:
                raw = under_buyer(kept.raw, self._surrogate)
                digest = content_hash(decode_assertion(raw))
                state.kept[key(old)] = state.kept.pop(old)._replace(key=key(old), raw=raw)
                state.lines[old] = replace(state.lines[old], content_hash=digest)
        state.lines = {key(old): replace(line, key=key(old)) for old, line in state.lines.items()}
        state.due = [(partition, day, key(old)) for partition, day, old in state.due]
        state.run_lines = {(run, key(old)): plan._replace(key=key(old)) for (run, old), plan in state.run_lines.items()}
        state.slots = {
            (brand_id, self._name(buyer_id)): (run, key(old))
            for (brand_id, buyer_id), (run, old) in state.slots.items()
        }  # fmt: skip
        state.budget_lines = {(budget, key(old)): taken for (budget, old), taken in state.budget_lines.items()}
        state.run_progress = {place: self._progress(one) for place, one in state.run_progress.items()}
        state.progress = {place: self._progress(one) for place, one in state.progress.items()}
        state.payouts = {
            name: one._replace(kept=tuple("/".join(key(_of(line))) for line in one.kept))
            for name, one in state.payouts.items()
        }
        for place, row in state.journal.items():
            state.journal[place] = row._replace(idem_key=self._idem_key(row.idem_key))

    def _name(self, buyer_id: str) -> str:
        return self._surrogate if buyer_id == self._buyer_id else buyer_id

    def _key(self, key: Key) -> Key:
        return (key[0], key[1], self._name(key[2]))

    def _progress(self, progress: JobProgress) -> JobProgress:
        last = progress.last_key
        return progress if last is None else progress._replace(last_key=self._key(last))

    def _idem_key(self, idem_key: str) -> str:
        parts = (tuple(part.split("/")) for part in idem_key.split("|"))
        return "|".join("/".join(self._key(part) if len(part) == 3 else part) for part in parts)


def _of(name: str) -> Key:
    order_id, line_id, buyer_id = name.split("/")
    return order_id, line_id, buyer_id

"""Whatever happens, and whichever buyers are severed in between: the same money on every account."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.settlement.domain.lines.surrogates import is_surrogate
from services.settlement.verify.verify import verify
from tests.kit.memory_severing import sever
from tests.kit.scripted_memory import ScriptedMemory
from tests.reference.settling import Model
from tests.reference.settling_script import RunApplied, RunPlanned
from tests.reference.settling_worlds import CURRENCIES, World

OF_HASHES = {"command", "chain", "plan"}
"""Checks of what commands say: books in memory keep none."""


def buyers(books: ScriptedMemory) -> list[str]:
    return sorted({line.key[2] for line in books.state.lines.values()})


def tell_of_cut(model: Model, buyer: str, surrogate: str) -> None:
    """In the model these lines are of another buyer from now on: one who comes back is a new customer again."""
    for line in model.lines.values():
        if line["buyer"] == buyer:
            line["buyer"] = surrogate
    model.slots = {(brand, surrogate if of == buyer else of): order for (brand, of), order in model.slots.items()}


@settings(max_examples=25)
@given(seed=st.integers(0, 10**9), length=st.integers(5, 60))
def test_severed_books_come_to_what_the_reference_model_says(seed: int, length: int) -> None:
    books, model, chance = ScriptedMemory(), Model(), random.Random(seed)
    is_planned, cuts = False, 0
    for event in World(seed).run_to(length):
        model.tell(event)
        books.tell(event)
        is_planned = isinstance(event, RunPlanned) or (is_planned and not isinstance(event, RunApplied))
        named = [name for name in buyers(books) if not is_surrogate(name)]
        if named and not is_planned and chance.random() < 0.2:
            buyer = chance.choice(named)
            if surrogate := sever(books.state, buyer, cuts):
                cuts += 1
                tell_of_cut(model, buyer, surrogate)
    for currency in CURRENCIES:
        assert books.balances(currency) == model.balances(currency)
    with books.books.store.snapshot() as snapshot:
        assert [one for one in verify(snapshot).differences if one.check not in OF_HASHES] == []
    assert len(books.state.lines) == len(model.lines), "no assertion of a severed line made another line"


def test_histories_are_severed_with_settled_lines_and_bonuses() -> None:
    """What the law above is about does happen."""
    cut = settled = slots = 0
    for seed in range(12):
        books = ScriptedMemory()
        for event in World(seed).run_to(50):
            books.tell(event)
        for name in buyers(books):
            if books.state.runs and all(run.status == "done" for run, _ in books.state.runs.values()):
                cut += sever(books.state, name, cut) is not None
        settled += sum(is_surrogate(key[2]) for _, key in books.state.run_lines)
        slots += sum(is_surrogate(buyer_id) for _, buyer_id in books.state.slots)
    assert min(cut, settled, slots) > 2, (cut, settled, slots)

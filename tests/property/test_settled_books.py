"""Whatever happens, with runs in between: the books hold what the reference model says, and verify finds nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.scripted_memory import ScriptedMemory
from tests.reference.settling import Model
from tests.reference.settling_script import PayoutCancelled, Proposed, Run, RunApplied
from tests.reference.settling_worlds import CURRENCIES, World


@settings(max_examples=60)
@given(seed=st.integers(0, 10**9), length=st.integers(5, 60))
def test_books_with_runs_come_to_what_the_reference_model_says(seed: int, length: int) -> None:
    books, model = ScriptedMemory(), Model()
    for event in World(seed).run_to(length):
        model.tell(event)
        books.tell(event)
        if isinstance(event, Run | RunApplied | Proposed | PayoutCancelled):
            for currency in CURRENCIES:
                assert books.balances(currency) == model.balances(currency)
            books.check()
    books.check()

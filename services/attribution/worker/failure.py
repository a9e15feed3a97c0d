"""Fail-stop: Faust and aiokafka log and swallow errors at several of the places that call us."""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar


class Failure:
    """The worker's first problem: from then on nothing becomes durable, and the worker stops.

    Args:
        crash: stops the worker, with a problem as its reason.

    Attributes:
        problem: None while all is well.
    """

    def __init__(self, crash: Callable[[BaseException], Awaitable[None]]) -> None:
        self.problem: Exception | None = None
        self._crash = crash

    async def stop_for(self, problem: Exception) -> None:
        """Stop the worker; of several problems the first one is its reason."""
        if self.problem is None:
            self.problem = problem
        await self._crash(problem)


class _Failing(Protocol):
    """What can fail."""

    failure: Failure


P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=_Failing)


def stops_worker(
    step: Callable[Concatenate[F, P], Awaitable[R]],
) -> Callable[Concatenate[F, P], Coroutine[Any, Any, R]]:
    """Have any error of a method stop the worker, whoever called it."""

    @functools.wraps(step)
    async def guarded(owner: F, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await step(owner, *args, **kwargs)
        except Exception as problem:
            await owner.failure.stop_for(problem)
            raise

    return guarded

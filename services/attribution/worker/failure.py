"""Fail-stop: several callers in Faust and aiokafka log an error and go on, so that the worker stops itself."""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar


class Failure:
    """The first problem of a worker. From then on nothing becomes durable, and the worker stops.

    Args:
        crash: stops the worker with a problem as its reason.

    Attributes:
        problem: None as long as nothing failed.
    """

    def __init__(self, crash: Callable[[BaseException], Awaitable[None]]) -> None:
        self.problem: Exception | None = None
        self._crash = crash

    async def stop_for(self, problem: Exception) -> None:
        """Stop the worker; the first of several problems is its reason."""
        if self.problem is None:
            self.problem = problem
        await self._crash(problem)


class _Failing(Protocol):
    """An object whose methods can fail."""

    failure: Failure


P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=_Failing)


def stops_worker(
    step: Callable[Concatenate[F, P], Awaitable[R]],
) -> Callable[Concatenate[F, P], Coroutine[Any, Any, R]]:
    """Decorate a method so that any error in it stops the worker, whatever its caller does with the error."""

    @functools.wraps(step)
    async def guarded(owner: F, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await step(owner, *args, **kwargs)
        except Exception as problem:
            await owner.failure.stop_for(problem)
            raise

    return guarded

"""What a process that ends hard says of what it waited for."""

import asyncio

from services.runtime.hard_exit import chain


async def inner() -> None:
    await asyncio.get_running_loop().create_future()


async def outer() -> None:
    await inner()


def test_a_task_is_named_with_all_that_it_awaits() -> None:
    async def run() -> list[str]:
        task = asyncio.create_task(outer())
        await asyncio.sleep(0)
        said = list(chain(task.get_coro()))
        task.cancel()
        return said

    lines = [waits.__code__.co_firstlineno + 1 for waits in (outer, inner)]
    assert asyncio.run(run()) == [f"outer:{lines[0]}", f"inner:{lines[1]}"]


def test_a_task_that_has_not_begun_is_named_too() -> None:
    waiting = outer()
    assert [place.partition(":")[0] for place in chain(waiting)] == ["outer"]
    waiting.close()

"""Many things at a time, and what becomes of them one after the other."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from itertools import islice
from typing import Any, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


async def in_order(
    items: Iterable[_Item],
    work: Callable[[_Item], Coroutine[Any, Any, _Result]],
    take: Callable[[_Result], Awaitable[None]],
    ahead: int,
) -> None:
    """Works on up to `ahead` items at a time, and takes the results in the order of the items.

    What is raised ends it, with the work that is under way cancelled and waited for.
    """
    under_way: deque[asyncio.Task[_Result]] = deque()
    rest = iter(items)
    try:
        while True:
            for item in islice(rest, ahead - len(under_way)):
                under_way.append(asyncio.create_task(work(item)))
            if not under_way:
                return
            result = await under_way[0]
            under_way.popleft()
            await take(result)
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

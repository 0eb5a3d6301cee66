"""The end of the process, whatever its parts think of it: a task that should end with the others may hang, and would keep the lease's loser acting as if alive."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any

PATIENCE = 10.0
"""Seconds that everything has to end by itself once a part of it has failed."""


async def or_end(
    work: Coroutine[Any, Any, None],
    failed: Callable[[], None],
    patience: float = PATIENCE,
    end: Callable[[int], Any] = os._exit,
) -> None:
    """`work`; where it fails, `failed` is called, and the process ends with 1 after `patience` seconds if it has not ended before."""
    try:
        await work
    except asyncio.CancelledError:
        raise
    except BaseException:
        failed()
        timer = threading.Timer(patience, end, (1,))
        timer.daemon = True
        timer.start()
        raise

"""Work in a process of its own: Great Expectations takes seconds to import and a few hundred megabytes, and nobody who asks about one trade should wait for that."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import Any, ParamSpec, TypeVar

from tidewright.domain.bars import Bars
from tidewright.domain.quality.rows import Masks
from tidewright.serving.failures import Failure, Kind

P = ParamSpec("P")
Answer = TypeVar("Answer")


class Beside:
    """One process, begun with the first work and anew where it was killed."""

    def __init__(self) -> None:
        self._executor: ProcessPoolExecutor | None = None

    async def run(self, work: Callable[P, Answer], *given: P.args, **named: P.kwargs) -> Answer:
        """What `work`, a function of a module, answers. Raises Failure where the process was killed meanwhile, and what `work` raises."""
        if self._executor is None:
            self._executor = ProcessPoolExecutor(1, get_context("spawn"), _begun)
        executor = self._executor
        try:
            return await asyncio.wrap_future(executor.submit(work, *given, **named))
        except BrokenExecutor as error:
            if self._executor is executor:
                self._executor = None
            executor.shutdown(wait=False)
            detail = "the process that does this was killed, by a lack of memory perhaps; try again, with fewer rows"
            raise Failure(Kind.UNAVAILABLE, detail) from error

    def close(self) -> None:
        """End the process once it has done what it is at."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)


def ready() -> None:
    """Import what takes long."""
    from data_validation.expectations import checkpoints  # noqa: PLC0415 - see above

    checkpoints()


def check(bars: Bars) -> tuple[Masks, dict[str, Any]]:
    """The masks of bars by Great Expectations, and its results."""
    from data_validation.expectations import checkpoints  # noqa: PLC0415 - see above

    checked = checkpoints().run(bars)
    return checked.masks, checked.results


def page(results: Mapping[str, Any]) -> str:
    """The data docs of results."""
    from data_validation.expectations import data_docs  # noqa: PLC0415

    return data_docs(results)


def _begun() -> None:
    """Ctrl-C is for the parent to answer; and the process ends with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def orphaned() -> None:
        if parent is not None:
            parent.join()
        os._exit(0)

    threading.Thread(target=orphaned, daemon=True).start()

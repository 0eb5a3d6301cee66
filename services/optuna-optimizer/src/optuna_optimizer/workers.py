"""Several workers on this machine, each in a process of its own, on a store that they share."""

import multiprocessing
import signal
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from typing import Any

from optuna_optimizer.plan import Evaluate, Plan
from optuna_optimizer.searching import Ending, Standing, check, search
from optuna_optimizer.standing import standing_of
from tidewright.adapters.study_stores import study_store_at
from tidewright.ports import StudyStore

MOST_LOST = 6
"""Times that workers may die without a trial between."""

_LOOK = 0.3

_stopped: Any = None
"""Of a worker's process: the event by which it is told to stop."""


class WorkersLost(RuntimeError):
    """Workers die again and again without finishing a trial: a strategy that ends its process, or too little memory."""


def run_workers(
    plan: Plan,
    store_url: str,
    evaluation: Callable[[], Evaluate],
    workers: int,
    *,
    stop: threading.Event | None = None,
    progress: Callable[[Standing], object] = lambda standing: None,
) -> Ending:
    """`optuna_optimizer.searching.search` in so many processes; `evaluation` is called once in each, and goes there as a pickle.

    A process that dies takes none of the others' trials with it: all are begun anew, and its unfinished trial is tried again. Raises as `search`, and WorkersLost.
    """
    store = study_store_at(store_url)
    try:
        store.open(plan.key, plan.whole_definition)
        lost, before = 0, -1
        while True:
            names = [uuid.uuid4().hex for _ in range(workers)]
            try:
                return _in_processes(plan, store_url, evaluation, names, store, stop or threading.Event(), progress)
            except BrokenProcessPool:
                for name in names:
                    store.let_go(plan.key, name)  # they are all gone: nobody need wait for what they had
                done = store.counts(plan.key, check(plan)).done
                lost, before = (lost + 1 if done == before else 1), done
                if lost >= MOST_LOST:
                    message = f"workers died {lost} times in a row without finishing a trial; does the strategy end its process, or is there too little memory?"
                    raise WorkersLost(message) from None
    finally:
        store.close()


def _in_processes(
    plan: Plan,
    store_url: str,
    evaluation: Callable[[], Evaluate],
    names: list[str],
    store: StudyStore,
    stop: threading.Event,
    progress: Callable[[Standing], object],
) -> Ending:
    context = multiprocessing.get_context("spawn")
    told = context.Event()
    with ProcessPoolExecutor(len(names), context, _begin, (told,)) as pool:
        waiting = {pool.submit(_work, plan, store_url, evaluation, name) for name in names}
        endings: list[Ending] = []
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=_LOOK)
                endings += [one.result() for one in done]
                if stop.is_set():
                    told.set()
                progress(_standing(plan, store))
        except BrokenProcessPool:
            raise  # nobody is left to be told, and whoever was killed may have had the event's lock
        except BaseException:
            told.set()  # the others finish the trial that they are at
            _drain(waiting)
            raise
    return max(endings, key=lambda ending: ending.standing.done)


def _drain(waiting: set[Future[Ending]]) -> None:
    for one in waiting:
        one.cancel()


def _begin(told: Event) -> None:
    global _stopped  # noqa: PLW0603 - a process pool has no other way to hand it over
    _stopped = told
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all of us; who has started us decides


def _work(plan: Plan, store_url: str, evaluation: Callable[[], Evaluate], worker: str) -> Ending:
    store = study_store_at(store_url)
    try:
        return search(plan, store, evaluation(), worker=worker, stop=_stopped)
    finally:
        store.close()


def _standing(plan: Plan, store: StudyStore) -> Standing:
    return standing_of(plan, store.trials(plan.key, tables=False), check(plan))

"""Where trials are kept: Optuna's trials a second on the journal in PostgreSQL, whole searches, and how workers get in each other's way.

``python -m benchmarks.studies`` prints what it measured as JSON. The server is one from a wheel on loopback, which writes every commit to the disk before it answers.
"""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter, sleep
from typing import Any

TRIALS, WINDOWS, SECONDS, ROUNDS = 300, 6, 0.02, 3
SAMPLERS = ("Random", "TPE")


@contextmanager
def server(folder: Path) -> Iterator[str]:
    from tidewright.adapters.embedded_postgres import EmbeddedPostgres  # noqa: PLC0415 - in the environment that has it
    from tidewright.adapters.postgres.connection import Address  # noqa: PLC0415
    from tidewright.adapters.postgres.migrating import upgrade  # noqa: PLC0415

    with EmbeddedPostgres(folder) as embedded:
        asyncio.run(upgrade(Address(embedded.url)))
        yield embedded.url


@contextmanager
def journal(url: str, key: str) -> Iterator[Any]:
    """Optuna's storage in a new study."""
    from optuna_optimizer.search.journal import StoredJournal  # noqa: PLC0415
    from tidewright.adapters.study_stores import study_store_at  # noqa: PLC0415

    store = study_store_at(url)
    store.open(key, {})
    kept = StoredJournal(store, key)
    yield kept
    kept.flush()
    store.close()


def optuna_rate(url: str, sampler: str, windows: int, number: int) -> float:
    """Trials a second of Optuna's own loop in one process, two parameters."""
    import optuna  # noqa: PLC0415

    optuna.logging.set_verbosity(logging.ERROR)
    samplers = {"Random": optuna.samplers.RandomSampler, "TPE": optuna.samplers.TPESampler}

    def objective(trial: Any) -> float:
        x, y = trial.suggest_float("x", -10, 10), trial.suggest_int("y", -10, 10)
        for step in range(windows):
            trial.report(x * x + step, step)
            trial.should_prune()
        return float(x * x + y * y)

    with journal(url, f"optuna-{sampler}-{windows}-{number}") as kept:
        study = optuna.create_study(
            storage=optuna.storages.JournalStorage(kept),
            sampler=samplers[sampler](seed=number),
            pruner=optuna.pruners.MedianPruner(),
        )
        began = perf_counter()
        study.optimize(objective, n_trials=TRIALS)
        kept.flush()
        return TRIALS / (perf_counter() - began)


@dataclass(frozen=True)
class Evaluation:
    """Two parameters in so many seconds, reported in so many windows."""

    seconds: float
    windows: int = 0

    def __call__(self) -> Callable[..., Any]:
        from tidewright.domain.trials import Trial  # noqa: PLC0415

        def evaluate(number: int, named: Any, report: Callable[[int, float], bool]) -> Any:
            sleep(self.seconds)
            value = (named["x"] - 2.0) ** 2 + named["y"] ** 2
            if any(report(step, value) for step in range(self.windows)):
                return Trial(number, named, "Pruned")
            return Trial(number, named, "Complete", values=(value,))

        return evaluate


def plan(key: str, sampler: str, trials: int = TRIALS) -> Any:
    from optuna_optimizer.plan import Plan  # noqa: PLC0415
    from tidewright.domain.trials import Dimension  # noqa: PLC0415

    space = (Dimension("x", "Float", -10, 10), Dimension("y", "Int", -10, 10))
    return Plan(key, space, ("Minimize",), trials, sampler)


def search_rate(url: str, sampler: str, windows: int, number: int) -> float:
    """Trials a second of a whole search by one worker: claimed, tried, kept, told."""
    from optuna_optimizer.searching import search  # noqa: PLC0415
    from tidewright.adapters.study_stores import study_store_at  # noqa: PLC0415

    store = study_store_at(url)
    began = perf_counter()
    search(plan(f"search-{sampler}-{windows}-{number}", sampler), store, Evaluation(0.0, windows)())
    taken = perf_counter() - began
    store.close()
    return TRIALS / taken


def _worker(url: str, told: Any, seconds: float, ready: Any, ended: Any) -> None:
    from optuna_optimizer.search.adaptive import Adaptive  # noqa: F401, PLC0415 - before the clock starts
    from optuna_optimizer.searching import search  # noqa: PLC0415
    from tidewright.adapters.study_stores import study_store_at  # noqa: PLC0415

    store = study_store_at(url)
    store.open(told.key, told.whole_definition)
    ready.wait()
    search(told, store, Evaluation(seconds)())
    ended.wait()
    store.close()


def workers_rate(url: str, sampler: str, workers: int, seconds: float, trials: int, number: int) -> float:
    """Trials a second of so many processes, which begin and end together."""
    context = get_context("spawn")
    ready, ended = context.Barrier(workers + 1), context.Barrier(workers + 1)
    told = plan(f"workers-{sampler}-{workers}-{seconds}-{number}", sampler, trials)
    processes = [context.Process(target=_worker, args=(url, told, seconds, ready, ended)) for _ in range(workers)]
    for process in processes:
        process.start()
    ready.wait()
    began = perf_counter()
    ended.wait()
    taken = perf_counter() - began
    for process in processes:
        process.join()
    return trials / taken


def waits_of(url: str, work: Callable[[], float]) -> tuple[float, dict[str, float]]:
    """What `work` gives, and what the server's connections did meanwhile: shares of all looks at those of workers."""
    import asyncpg  # noqa: PLC0415

    seen: dict[str, int] = {}
    done = False
    looked = """
        SELECT CASE WHEN state = 'idle' THEN 'idle: the worker thinks, or waits for a processor'
                    ELSE coalesce(wait_event_type || ' ' || wait_event, 'running') END AS what, count(*)
        FROM pg_stat_activity WHERE application_name = 'tidewright' AND pid <> pg_backend_pid() GROUP BY 1"""

    async def look() -> None:
        connection = await asyncpg.connect(url)
        while not done:
            for what, count in await connection.fetch(looked):
                seen[what] = seen.get(what, 0) + count
            await asyncio.sleep(0.02)
        await connection.close()

    thread = Thread(target=lambda: asyncio.run(look()))
    thread.start()
    try:
        found = work()
    finally:
        done = True
        thread.join()
    total = sum(seen.values())
    return found, {what: count / total for what, count in sorted(seen.items(), key=lambda one: -one[1])[:6]}


def measured(url: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, rate in (("Optuna on the journal", optuna_rate), ("a whole search", search_rate)):
        for sampler in SAMPLERS:
            for windows in (0, WINDOWS):
                if rate is search_rate and sampler == "Random" and windows:
                    continue  # enumerated searches report nothing
                rates = [rate(url, sampler, windows, number) for number in range(ROUNDS)]
                found[f"{name}, {sampler}, {windows} windows, trials/s"] = round(median(rates), 1)
    for sampler in SAMPLERS:
        # In turns, so that what else the machine does meets both alike.
        rounds = [[workers_rate(url, sampler, workers, SECONDS, TRIALS, number) for workers in (1, 2)] for number in range(ROUNDS)]  # fmt: skip
        found[f"{sampler}, {1_000 * SECONDS:g} ms a trial, one worker, trials/s"] = [round(one, 1) for one, _ in rounds]
        found[f"{sampler}, two workers, times one"] = [round(two / one, 2) for one, two in rounds]
    for workers in (4, 16):
        rate, shares = waits_of(url, lambda workers=workers: workers_rate(url, "TPE", workers, SECONDS, TRIALS, 0))
        found[f"TPE, {workers} workers, trials/s"] = round(rate, 1)
        found[f"TPE, {workers} workers, share of time"] = {what: round(share, 3) for what, share in shares.items()}
    return found


def main() -> None:
    with TemporaryDirectory() as folder, server(Path(folder) / "server") as url:
        load = os.getloadavg()[0]
        print(json.dumps(measured(url) | {"load before and after": [load, os.getloadavg()[0]]}, indent=2))


if __name__ == "__main__":
    main()

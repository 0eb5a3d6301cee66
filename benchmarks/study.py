"""``python -m benchmarks.study``: a whole study on the real hourly bars, by the command and beside a bare search of Optuna's.

Needs the project's own environment and the real bars; run it on a machine at rest.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import optuna
from optuna.storages import JournalStorage

from benchmarks.command import MARKET, TIDEWRIGHT
from benchmarks.market import REAL
from benchmarks.process import REPOSITORY
from optuna_optimizer.plan import Plan
from optuna_optimizer.search import space
from optuna_optimizer.search.journal import StoredJournal
from optuna_optimizer.search.samplers import pruner_of, sampler_of
from optuna_optimizer.searching import search
from tidewright.adapters.parquet_store import ParquetStore
from tidewright.adapters.study_stores import study_store_at
from tidewright.domain.cscv import backtest_overfitting
from tidewright.domain.strategies.strategy import Value
from tidewright.domain.trials import Trial
from tidewright.runs.study_plan import Evaluator, load_study, plan_study
from tidewright.specs.manifest import Manifest

GRID = REPOSITORY / "benchmarks/grid-study.yaml"
TRIALS = 500


def grid(folder: Path) -> list[float]:
    """Seconds of ``tidewright run`` on the grid of 1,024 pairs, without the report."""
    times = []
    for _ in range(5):
        with tempfile.TemporaryDirectory(dir=folder) as output:
            began = time.perf_counter()
            subprocess.run([TIDEWRIGHT, "run", GRID, "--no-report", "--quiet", "-o", output], check=True)
            times.append(time.perf_counter() - began)
    return times


def adaptive(folder: Path) -> None:
    """Overhead of a trial by TPE over six windows, and that of a bare search with the same sampler, pruner, reports and storage."""
    text = (
        GRID.read_text()
        .replace(
            "sampler: {name: Grid}", f"sampler: {{name: TPE, seed: 7}}\n  trials: {TRIALS}\n  pruner: {{name: None}}"
        )
        .replace("name: None", 'name: "None"')
    )
    manifest = Manifest()
    manifest.read("grid.yaml", text)
    resource, document = manifest.resources["OptimizationStudy", "grid"]
    plan = plan_study(resource, document, manifest)
    evaluate = Evaluator(plan, load_study(plan, ParquetStore(Path(os.environ["TIDEWRIGHT_DATA"]))))
    tried: list[Trial] = []
    spent = 0.0

    def timed(number: int, named: Mapping[str, Value], report: Any) -> Trial:
        nonlocal spent
        began = time.perf_counter()
        trial = evaluate(number, named, report)
        spent += time.perf_counter() - began
        tried.append(trial)
        return trial

    told = Plan(
        "ours", plan.space.dimensions, plan.directions, TRIALS, "TPE", 7, pruner="None", holds=plan.space.conditions
    )
    store = study_store_at((folder / "ours").as_uri())
    began = time.perf_counter()
    search(told, store, timed)
    ours = (time.perf_counter() - began - spent) / TRIALS
    store.close()

    bare_store = study_store_at((folder / "bare").as_uri())
    bare_store.open("bare", {})
    study = optuna.create_study(
        storage=JournalStorage(StoredJournal(bare_store, "bare")),
        sampler=sampler_of(told),
        pruner=pruner_of(told),
        direction="maximize",
    )
    known = iter(tried)

    def objective(trial: optuna.Trial) -> float:
        for name, distribution in space.distributions(told.space).items():
            trial._suggest(name, distribution)
        one = next(known)
        return one.values[0] if one.values else 0.0

    began = time.perf_counter()
    study.optimize(objective, n_trials=TRIALS)
    bare = (time.perf_counter() - began) / TRIALS
    bare_store.close()
    print(
        f"TPE, {TRIALS} trials x 6 windows: kernel {1e3 * spent / TRIALS:.2f} ms a trial; overhead {1e3 * ours:.2f} ms, bare study.optimize {1e3 * bare:.2f} ms: {ours / bare:.2f} times"
    )


def rehearsals() -> None:
    """Seconds of PBO with 1,000 trials, 2,000 periods and 16 splits."""
    import numpy as np  # noqa: PLC0415 - for this alone

    returns = np.random.default_rng(1).normal(0.0, 0.01, (2_000, 1_000))
    backtest_overfitting(returns[:, :10])
    times = []
    for _ in range(3):
        began = time.perf_counter()
        backtest_overfitting(returns)
        times.append(time.perf_counter() - began)
    print(f"PBO, 1,000 trials x 2,000 periods, 12,870 halves: {median(times):.2f} s")


def main() -> None:
    print(f"load {os.getloadavg()[0]:.1f}")
    rehearsals()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["TIDEWRIGHT_DATA"] = str(folder / "data")
        subprocess.run(
            [TIDEWRIGHT, "data", "import", REAL, *MARKET],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        times = grid(folder)
        print(f"Grid of 1,024 pairs by the command: {median(times):.2f} s ({', '.join(f'{one:.2f}' for one in times)})")
        adaptive(folder)


if __name__ == "__main__":
    main()

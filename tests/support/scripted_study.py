"""A study's process that does as the seed of its sampler says, for the tests of the service around it: fast, and bad on purpose."""

import json
import os
import signal
import sys
from pathlib import Path

from tidewright.adapters.study_stores import study_store_at
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.trials import Trial

KILLED, ENDLESS, WRONG, REFUSED, DEAF, NOTHING_SELECTED = 1, 2, 3, 4, 5, 6
"""Seeds of requests; all others are searched."""

SPACE = {"kind": "Int", "low": 2, "high": 200, "step": 1, "log": False, "choices": []}


def tell(**what) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def end(reason: str, message: str = "") -> None:
    tell(ended={"reason": reason, "message": message, "final": False})


def trial(number: int) -> Trial:
    """Every fifth has failed, every seventh is not feasible; the later, the better."""
    parameters = {"fast": 5 + number, "slow": 60}
    if number % 5 == 4:
        return Trial(number, parameters, "Failed", reason="StrategyFailed", message="it divides by zero")
    violations = (3.0,) if number % 7 == 6 else (-1.0,)
    return Trial(number, parameters, "Complete", values=(number / 10,), violations=violations)


def shown(one: Trial) -> dict:
    return {"number": one.number, "parameters": dict(one.parameters), "values": list(one.values)}


def search(task: dict, wanted: int) -> list[Trial]:
    """Put the trials that are not there yet, as a worker does, and tell of them."""
    tell(stage="Searching", share=0.0)
    objectives = [{"metric": "sharpe", "direction": "Maximize"}]
    space = [{"name": name, **SPACE} for name in ("fast", "slow")]
    tell(planned={"asked": wanted, "objectives": objectives, "space": space})
    store = study_store_at(task["studies"])
    store.open(task["key"], {"made": "by a script"})
    there = len(store.trials(task["key"], tables=False))
    store.put(task["key"], [trial(number) for number in range(there, wanted)])
    trials = store.trials(task["key"])
    store.close()
    feasible = [one for one in trials if one.feasible]
    complete = sum(one.state == "Complete" for one in trials)
    counts = {"complete": complete, "failed": len(trials) - complete, "infeasible": complete - len(feasible)}
    best = max(feasible, key=lambda one: one.values[0])
    tell(standing={**counts, "best": shown(best)}, eta=2.5, seconds=0.25)
    return trials


def conclude(task: dict, trials: list[Trial], selected: Trial | None) -> None:
    tell(stage="Walking forward", share=0.2)
    figures = {metric.name: None for metric in METRICS} | {"totalReturn": 0.25, "sharpe": 1.5}
    part = {"start": "2023-01-01T00:00:00Z", "end": "2023-03-01T00:00:00Z"}
    record = {
        "kind": "OptimizationStudy",
        "name": task["resource"]["metadata"]["name"],
        "objectives": [{"metric": "sharpe", "direction": "Maximize"}],
        "space": [{"name": name, **SPACE} for name in ("fast", "slow")],
        "trials": {"asked": len(trials), "complete": sum(one.state == "Complete" for one in trials)},
        "candidates": {"best": None if selected is None else shown(selected), "robust": None, "knee": None},
        "front": [],
        "importance": [{"name": "fast", "share": 0.75}, {"name": "slow", "share": 0.25}],
        "result": figures,
        "selected": None if selected is None else shown(selected),
        "windows": [
            {
                "inSample": part,
                "outOfSample": part,
                "chosen": None if selected is None else {"number": selected.number, "parameters": {"fast": 9, "slow": 60}},
                "inSampleFigures": figures,
                "outOfSampleFigures": None,
            }
        ],
        "walkForward": {"efficiency": None, "degradation": 0.5, "profitableWindows": 1, "undefinedWindows": 0},
        "overfitting": {"deflatedSharpe": 0.97, "pbo": {"probability": 0.1}, "test": {"pValue": None}},
        "verdict": {
            "word": "Suspect",
            "reasons": [{"reason": "PValueUndefined", "speaksFor": "Suspect", "message": "nothing is known of it"}],
        },
        "warnings": [{"reason": "TrialsFailed", "message": "2 of 12 trials failed"}],
        "run": None if selected is None else {"kind": "BacktestRun"},
        "provenance": {"dataDigest": "sha256:d", "strategyDigest": "sha256:s", "resultDigest": "sha256:r"},
    }  # fmt: skip
    folder = Path(task["folder"])
    (folder / "report.html").write_text("<!doctype html><title>a study</title>")
    (folder / "result.json").write_text(json.dumps(record))


def main() -> None:
    task = json.loads(sys.stdin.readline())
    spec = task["resource"]["spec"]
    match spec["sampler"]["seed"]:
        case 1:
            os.kill(os.getpid(), signal.SIGKILL)
        case 2:
            search(task, 4)
            sys.stdin.read()  # until whoever started it is gone
        case 3:
            end("Failed", "ValueError: nobody foresaw this")
        case 4:
            end("Refused", "spec.sampler: there is no such thing")
        case 5:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            search(task, 4)
            sys.stdin.read()
        case 6:
            conclude(task, search(task, spec["trials"]), None)
            end("StrategyFailed", "None of 10 complete trials meets the requirements: lower them.")
        case _:
            trials = search(task, spec["trials"])
            conclude(task, trials, next(one for one in reversed(trials) if one.feasible))
            end("Complete")


if __name__ == "__main__":
    main()

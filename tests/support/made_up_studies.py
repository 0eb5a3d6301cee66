"""Studies made up for tests of what shows and keeps them: a record, its trials and its stitched account, of any size and without a search."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidewright.domain.instant import utc
from tidewright.domain.metrics.table import METRICS
from tidewright.domain.selection import best, chosen_by_window, front, knee, robust
from tidewright.domain.timeframe import DAY
from tidewright.domain.trials import FIGURE, Trial

START = 1_577_836_800_000  # 2020-01-01T00:00Z
CASH = 10_000.0
PERIODS = 120
SPACE: list[dict[str, Any]] = [
    {"name": "fast", "kind": "Int", "low": 5, "high": 50, "step": 1, "log": False, "choices": []},
    {"name": "slow", "kind": "Int", "low": 20, "high": 200, "step": 5, "log": True, "choices": []},
    {"name": "threshold", "kind": "Float", "low": 0.1, "high": 2.0, "step": None, "log": False, "choices": []},
    {"name": "average", "kind": "Choice", "low": 0, "high": 0, "step": None, "log": False, "choices": ["SMA", "EMA", "WMA"]},
    {"name": "risk.stopLoss", "kind": "Percent", "low": 1, "high": 10, "step": 0.5, "log": False, "choices": []},
]  # fmt: skip
SPREAD = {"totalReturn": 0.15, "cagr": 0.3, "sharpe": 1.0, "maxDrawdown": 0.05, "trades": 20.0, "winRate": 0.1}
UNDEFINED: dict[str, float | None] = dict.fromkeys(metric.name for metric in METRICS)


@dataclass(frozen=True)
class Study:
    """What a search leaves behind."""

    record: dict[str, Any]
    trials: list[Trial]
    equity: dict[str, np.ndarray]


def study(
    asked: int = 60, windows: int = 4, *, objectives: tuple[str, ...] = ("sharpe", "maxDrawdown"),
    verdict: str = "Suspect", space: list[dict[str, Any]] | None = None,
) -> Study:  # fmt: skip
    """A study of `asked` trials on a made-up surface with a plateau, of which one in ten fails or is pruned."""
    random = np.random.default_rng(7)
    searched = SPACE if space is None else space
    trials = [_trial(number, searched, windows, objectives, random) for number in range(asked)]
    equity = _equity(windows, random)
    return Study(_record(trials, searched, windows, objectives, equity, verdict), trials, equity)


def nothing_found(asked: int = 6) -> Study:
    """A study of which every trial failed: nothing is selected, and nothing defined."""
    whole = study(20)
    why = {"reason": "StrategyFailed", "message": "division by zero"}
    trials = [Trial(number, whole.trials[number].parameters, "Failed", **why) for number in range(asked)]
    empty = {"chosen": None, "inSampleFigures": None, "outOfSampleFigures": None, "selectedInSample": None, "selectedOutOfSample": None}  # fmt: skip
    message = "Nothing was found that meets the requirements, so there is nothing to believe."
    record = whole.record | {
        "trials": {"asked": asked, "complete": 0, "pruned": 0, "failed": asked, "infeasible": 0, "failures": [why | {"count": asked, "parameters": dict(trials[0].parameters)}]},
        "result": UNDEFINED, "selected": None, "candidates": {"best": None, "robust": None, "knee": None}, "front": [],
        "windows": [one | empty for one in whole.record["windows"]],
        "walkForward": {"efficiency": None, "degradation": None, "growthInSample": None, "growthOutOfSample": None, "profitableWindows": 0, "undefinedWindows": 4},
        "overfitting": None, "importance": [], "run": None,
        "verdict": {"word": "Suspect", "reasons": [{"reason": "NothingSelected", "speaksFor": "Suspect", "message": message}]},
        "warnings": [{"reason": "NothingSelected", "message": "No trial was evaluated to its end (6 StrategyFailed): search another space, or a longer period."}],
    }  # fmt: skip
    nowhere = {"time": np.empty(0, np.int64), "equity": np.empty(0), "window": np.empty(0, np.int64), "benchmark": np.empty(0)}  # fmt: skip
    return Study(record, trials, nowhere)


def _value(field: dict[str, Any], random: np.random.Generator) -> Any:
    low, high = field["low"], field["high"]
    match field["kind"]:
        case "Choice":
            return field["choices"][int(random.integers(len(field["choices"])))]
        case "Int":
            return low + field["step"] * int(random.integers((high - low) // field["step"] + 1))
        case "Float":
            return float(round(random.uniform(low, high), 4))
        case _:
            return f"{random.integers(2 * low, 2 * high + 1) / 2:g}%"


def _trial(
    number: int, space: list[dict[str, Any]], windows: int, objectives: tuple[str, ...], random: np.random.Generator
) -> Trial:
    parameters = {field["name"]: _value(field, random) for field in space}
    if number % 20 == 7:
        return Trial(number, parameters, "Failed", reason="StrategyFailed", message="division by zero")
    if number % 20 == 13:
        return Trial(number, parameters, "Pruned", reason="Pruned", in_sample=np.full((1, len(METRICS)), math.nan))
    hill = 1.2 - sum(
        0.8 * ((parameters[one["name"]] - (one["low"] + one["high"]) / 2) / (one["high"] - one["low"])) ** 2
        for one in space
        if one["kind"] in {"Int", "Float"}
    )
    tables = [np.full((windows, len(METRICS)), math.nan) for _ in range(2)]
    for table, level in zip(tables, (hill, 0.4 * hill), strict=True):
        for name, spread in SPREAD.items():
            around = random.normal(level, 0.5, windows)
            table[:, FIGURE[name]] = (
                np.round(spread * (2 + around)) if name == "trades" else
                np.clip(0.35 - 0.05 * around, 0.02, 0.9) if name == "maxDrawdown" else spread * around
            )  # fmt: skip
    values = tuple(float(np.mean(tables[0][:, FIGURE[name]])) for name in objectives)
    violations = (0.05 if number % 20 == 17 else -0.1,)
    returns = random.normal(0.0004 * hill, 0.01, PERIODS)
    return Trial(number, parameters, "Complete", values, *tables, returns=returns, violations=violations)


def _equity(windows: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    days = 90 * windows
    steps = random.normal(0.0012, 0.012, days)
    return {
        "time": START + 360 * DAY + DAY * np.arange(days),
        "equity": CASH * np.exp(np.cumsum(steps)),
        "window": np.repeat(np.arange(windows), 90),
        "benchmark": CASH * np.exp(np.cumsum(1.4 * steps - 0.001)),
    }


def _figures(row: np.ndarray) -> dict[str, float | None]:
    return {name: None if math.isnan(row[column]) else float(row[column]) for name, column in FIGURE.items()}


def _chosen(trial: Trial) -> dict[str, Any]:
    return {"number": trial.number, "parameters": dict(trial.parameters), "values": list(trial.values)}


def _record(
    trials: list[Trial], space: list[dict[str, Any]], windows: int, objectives: tuple[str, ...], equity: dict[str, np.ndarray], verdict: str
) -> dict[str, Any]:  # fmt: skip
    directions = ["Minimize" if name == "maxDrawdown" else "Maximize" for name in objectives]
    complete = [one for one in trials if one.state == "Complete"]
    failed = [one for one in trials if one.state == "Failed"]
    column = FIGURE[objectives[0]]
    selected = robust(trials, directions, column)
    unbeaten = front(trials, directions) if len(objectives) > 1 else []
    candidates = {"best": best(trials, directions), "robust": selected, "knee": knee(unbeaten, directions)}
    risk = {name.removeprefix("risk."): value for name, value in selected.parameters.items() if "." in name}
    parameters = {name: value for name, value in selected.parameters.items() if "." not in name} | {"exit": True}
    strategy = {
        "source": {"builtin": "MovingAverageCross"}, "parameters": parameters, "symbols": ["BTC/USDT"],
        "timeframe": "1h", "risk": {**risk, "positionSize": {"fraction": "95%"}},
    }  # fmt: skip
    ends = utc(int(equity["time"][-1]) + DAY)
    given = {"data": {"exchange": "binance", "start": "2020-01-01", "end": ends[:10]}, "broker": {"cash": CASH, "commission": "0.1%", "slippage": "0.05%"}}  # fmt: skip
    counts = np.random.default_rng(1).multinomial(12_870, np.exp(-((np.linspace(-1.4, 2, 40)) ** 2)) / 22.0).tolist()
    return {
        "apiVersion": "tidewright.io/v1alpha1", "kind": "OptimizationStudy", "name": "ma-cross-study",
        "spec": {"strategy": strategy, **given},
        "strategy": {"name": "MovingAverageCross", "source": "builtin", "parameters": parameters, "risk": strategy["risk"]},
        "symbols": ["BTC/USDT"], "timeframe": "1h", "exchange": "binance",
        "period": {"start": utc(START), "end": ends, "bars": 8_640 + 90 * 24 * windows, "history": 200},
        "objectives": [{"metric": name, "direction": way} for name, way in zip(objectives, directions, strict=True)],
        "sampler": {"name": "TPE", "seed": 7}, "selection": "Robust", "space": space,
        "trials": {
            "asked": len(trials), "complete": len(complete), "pruned": sum(one.state == "Pruned" for one in trials), "failed": len(failed),
            "infeasible": sum(not one.feasible for one in complete),
            "failures": [{"reason": one.reason, "message": one.message, "count": len(failed), "parameters": dict(one.parameters)} for one in failed[:1]],
        },
        "result": UNDEFINED | {"totalReturn": 0.312, "cagr": 0.315, "sharpe": 0.94, "maxDrawdown": 0.184, "volatility": 0.23, "trades": 148.0, "winRate": 0.41, "finalEquity": 13_120.0},
        "selected": _chosen(selected) | {
            "inSample": _figures(selected.in_sample.mean(axis=0)), "outOfSample": _figures(selected.out_of_sample.mean(axis=0)),
            "wholePeriod": _figures(selected.in_sample.mean(axis=0)),
        },
        "candidates": {name: None if one is None else _chosen(one) for name, one in candidates.items()},
        "front": [_chosen(one) for one in unbeaten],
        "windows": [
            {
                "inSample": {"start": utc(START + index * 90 * DAY), "end": utc(START + (360 + index * 90) * DAY)},
                "outOfSample": {"start": utc(START + (360 + index * 90) * DAY), "end": utc(START + (450 + index * 90) * DAY)},
                "chosen": {"number": one.number, "parameters": dict(one.parameters)},
                "inSampleFigures": _figures(one.in_sample[index]), "outOfSampleFigures": _figures(one.out_of_sample[index]),
                "selectedInSample": _figures(selected.in_sample[index]), "selectedOutOfSample": _figures(selected.out_of_sample[index]),
            }
            for index, one in enumerate(chosen_by_window(trials, directions[0], column))
        ],
        "walkForward": {"efficiency": 0.47, "degradation": 0.38, "growthInSample": 0.67, "growthOutOfSample": 0.315, "profitableWindows": windows - 1, "undefinedWindows": 0},
        "overfitting": {
            "deflatedSharpe": 0.871, "sharpe": 1.31, "sharpeOfLuck": 0.62, "trials": len(trials), "judged": len(trials) - len(failed), "independentTrials": 11.4,
            "pbo": {"probability": 0.271, "splits": 16, "halves": 12_870, "logits": {"edges": np.linspace(-5, 5, 41).tolist(), "counts": counts}, "slope": -0.21, "lossProbability": 0.18},
            "test": {"name": "SuperiorPredictiveAbility", "pValue": 0.183, "samples": 1000},
            "stability": {"score": 0.83, "neighbours": 12, "shape": "Plateau"},
        },
        "verdict": {
            "word": verdict,
            "reasons": [
                {"reason": "SkillDoubtful", "speaksFor": "Suspect", "message": "With 87% probability the selected trial's Sharpe ratio is above what luck alone reaches in so many trials (deflated Sharpe ratio); 95% are wanted."},
                {"reason": "Plateau", "speaksFor": "Robust", "message": "The neighbours of the selected parameters do as well: a plateau."},
            ],
        },
        "importance": [{"name": field["name"], "share": share} for field, share in zip(space, (0.46, 0.31, 0.12, 0.08, 0.03), strict=False)],
        "warnings": [{"reason": "Gaps", "message": "145 of 58,564 bars are missing, in 28 gaps; fills near a gap are less certain."}],
        "checks": {"lookAhead": {"passed": True}, "dataQuality": {"passed": True, "findings": []}},
        "run": {"apiVersion": "tidewright.io/v1alpha1", "kind": "BacktestRun", "metadata": {"name": "ma-cross-study-best"}, "spec": {"strategy": strategy, **given, "seed": 7}},
        "provenance": {
            "dataDigest": "sha256:" + "3fa9c1" * 10 + "3fa9", "strategyDigest": "sha256:" + "b07d42" * 10 + "b07d", "selectedDigest": "sha256:" + "77aa01" * 10 + "77aa",
            "resultDigest": "sha256:" + "91e5fd" * 10 + "91e5", "arithmeticRevision": 1, "engineVersion": "0.1.0", "seed": 7, "data": {"simulated": False},
        },
        "times": {"started": "2026-01-05T09:00:00Z", "finished": "2026-01-05T09:03:20Z"}, "artifacts": {},
    }  # fmt: skip

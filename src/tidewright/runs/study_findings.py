"""What a study found: the trial it selects, how the search would have done out of sample, and whether to believe it."""

import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import fsum, isfinite, nan

import numpy as np

from tidewright.domain.backtest import Outcome, buy_and_hold
from tidewright.domain.bars import Floats
from tidewright.domain.cscv import Pbo, backtest_overfitting
from tidewright.domain.effective_trials import Deflated, deflated
from tidewright.domain.kernel import ARITHMETIC_REVISION
from tidewright.domain.metrics.periods import YEAR
from tidewright.domain.plateau import Stability, stability
from tidewright.domain.provenance import result_digest
from tidewright.domain.selection import best, chosen_by_window, front, knee, robust
from tidewright.domain.stitching import Stitched, growth, stitch, walk_forward_efficiency
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.domain.superior_ability import reality_check, superior_ability
from tidewright.domain.trials import FIGURE, Trial
from tidewright.domain.trying import Attempt, whole_returns
from tidewright.domain.verdict import Evidence as Considered
from tidewright.domain.verdict import Reason, Verdict, judge
from tidewright.domain.walk_forward import Span
from tidewright.ports import BarStore
from tidewright.runs.backtest import BacktestFindings, run_backtest
from tidewright.runs.study_plan import Evaluator, StudyData, StudyPlan

MOST_JUDGED = 10_000
"""Of more trials than this, evenly spaced ones go into the evidence that needs every trial's returns; all of them are counted."""

STAGES = ("Walking forward", "Accounting for every trial", "Rehearsing the search", "Testing the best against luck", "Examining the selected")  # fmt: skip
"""The steps of the final evaluation, in order."""


@dataclass(frozen=True)
class Chosen:
    """What would have been traded after one window: the best there in sample, None where no trial had a figure, and what it came to on either part."""

    trial: Trial | None
    out_of_sample: Outcome | None


@dataclass(frozen=True)
class WalkedForward:
    """The windows one after the other. `efficiency` is of growth a year, `degradation` of the first objective; both out of sample over in sample, NaN where that is not positive."""

    windows: tuple[Chosen, ...]
    stitched: Stitched | None
    benchmark: Floats
    growth_in_sample: float
    growth_out_of_sample: float
    efficiency: float
    degradation: float


@dataclass(frozen=True)
class Evidence:
    """Whether what was found is more than luck. `judged` trials went into it, `unknown` ones have no returns, because they failed."""

    deflated: Deflated
    pbo: Pbo
    p_value: float
    stability: Stability
    judged: int
    unknown: int


@dataclass(frozen=True)
class StudyFindings:
    """Everything that a study found. Nothing is selected where no trial is feasible; then there is no evidence either."""

    plan: StudyPlan
    data: StudyData
    trials: tuple[Trial, ...]
    selected: Trial | None
    best: Trial | None
    robust: Trial | None
    knee: Trial | None
    front: tuple[Trial, ...]
    walked: WalkedForward
    evidence: Evidence | None
    verdict: Verdict
    whole: BacktestFindings | None
    digest: str


def conclude(
    plan: StudyPlan,
    data: StudyData,
    trials: Sequence[Trial],
    store: BarStore,
    progress: Callable[[str], None] = lambda stage: None,
) -> StudyFindings:
    """The final evaluation of a study's `trials`, in order of their numbers. Raises what `run_backtest` raises."""
    evaluate = Evaluator(plan, data)
    column = FIGURE[plan.objectives[0]]
    of_best, of_robust = best(trials, plan.directions), robust(trials, plan.directions, column)
    of_front = front(trials, plan.directions) if len(plan.directions) > 1 else []
    of_knee = knee(of_front, plan.directions)
    selected = {"Best": of_best, "Robust": of_robust, "Knee": of_knee}[plan.spec.selection]
    progress(STAGES[0])
    walked = walk(plan, data, trials, evaluate)
    evidence = whole = None
    if selected is not None:
        evidence = _evidence(plan, trials, selected, evaluate, data.setting.period, progress)
        progress(STAGES[4])
        whole = run_backtest(plan.with_values(selected.parameters), store)
    return StudyFindings(
        plan=plan,
        data=data,
        trials=tuple(trials),
        selected=selected,
        best=of_best,
        robust=of_robust,
        knee=of_knee,
        front=tuple(of_front),
        walked=walked,
        evidence=evidence,
        verdict=_verdict(evidence, walked),
        whole=whole,
        digest=study_digest(trials, walked.stitched),
    )


def walk(plan: StudyPlan, data: StudyData, trials: Sequence[Trial], evaluate: Evaluator) -> WalkedForward:
    """Choose at every window by what was known then, and trade what comes after it."""
    setting, column = data.setting, FIGURE[plan.objectives[0]]
    attempts: dict[int, Attempt] = {}
    windows = []
    found = chosen_by_window(trials, plan.directions[0], column) or [None] * len(setting.windows)
    for trial, window in zip(found, setting.windows, strict=True):
        outcome = None
        if trial is not None:
            attempt = attempts.setdefault(trial.number, evaluate.attempt(trial.parameters))
            outcome = attempt.on(window.out_of_sample)
        windows.append(Chosen(trial, outcome))
    parts = [one.out_of_sample for one in windows if one.out_of_sample is not None]
    indices = [index for index, one in enumerate(windows) if one.out_of_sample is not None]
    traded = [one.trial for one in windows if one.trial is not None and one.out_of_sample is not None]
    chosen_on = [trial.in_sample[index] for trial, index in zip(traded, indices, strict=True)]
    judged_by = [trial.out_of_sample[index] for trial, index in zip(traded, indices, strict=True)]
    grew, kept = (
        _growth(rows, [setting.windows[index][part] for index in indices])
        for part, rows in enumerate((chosen_on, judged_by))
    )
    held = [buy_and_hold([part for _, part in setting.within(setting.windows[index].out_of_sample)], setting.broker) for index in indices]  # fmt: skip
    return WalkedForward(
        windows=tuple(windows),
        stitched=_numbered(stitch(parts, setting.broker.cash), indices) if parts else None,
        benchmark=stitch(held, setting.broker.cash).ledger.equity if held else np.empty(0),
        growth_in_sample=grew,
        growth_out_of_sample=kept,
        efficiency=walk_forward_efficiency(grew, kept),
        degradation=walk_forward_efficiency(_mean(chosen_on, column), _mean(judged_by, column)),
    )


def study_digest(trials: Sequence[Trial], stitched: Stitched | None) -> str:
    """``sha256:...`` over every trial's number, values and outcome, and the fills and equity out of sample: the same wherever a grid or random search is repeated."""
    digest = hashlib.sha256(f"tidewright study {ARITHMETIC_REVISION}\0{len(trials)}".encode())
    for trial in trials:
        told = [trial.number, trial.state, trial.reason, dict(sorted(trial.parameters.items()))]
        digest.update(json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode())
        digest.update(struct.pack(f"<{len(trial.values)}d", *trial.values))
        digest.update(trial.returns.astype("<f8").tobytes())
    if stitched is not None:
        digest.update(result_digest(stitched.ledger, ARITHMETIC_REVISION).encode())
    return f"sha256:{digest.hexdigest()}"


def _verdict(evidence: Evidence | None, walked: WalkedForward) -> Verdict:
    if evidence is None:
        message = "Nothing was found that meets the requirements, so there is nothing to believe."
        return Verdict("Suspect", (Reason("NothingSelected", "Suspect", message),))
    figures = None if walked.stitched is None else walked.stitched.metrics
    return judge(
        Considered(
            deflated_sharpe=evidence.deflated.probability,
            p_value=evidence.p_value,
            pbo=evidence.pbo.probability,
            efficiency=walked.efficiency,
            sharpe=nan if figures is None else figures.sharpe,
            trades=0 if figures is None else figures.trades,
            shape=evidence.stability.shape,
        )
    )


def _evidence(
    plan: StudyPlan,
    trials: Sequence[Trial],
    selected: Trial,
    evaluate: Evaluator,
    period: Span,
    progress: Callable[[str], None],
) -> Evidence:
    progress(STAGES[1])
    asked = plan.spec.overfitting
    known = [one for one in (_with_returns(trial, evaluate, period) for trial in _spread(trials, selected)) if one]
    returns = np.column_stack([trial.returns for trial in known])
    position = next(index for index, trial in enumerate(known) if trial.number == selected.number)
    luck = deflated(returns, position)
    progress(STAGES[2])
    rehearsed = backtest_overfitting(returns, asked.pbo_splits)
    progress(STAGES[3])
    seed = plan.spec.sampler.seed
    if asked.test == "RealityCheck":
        p_value = reality_check(returns, samples=asked.bootstrap_samples, seed=seed)
    else:
        p_value = superior_ability(returns, samples=asked.bootstrap_samples, seed=seed).consistent
    complete = [trial for trial in trials if trial.state == "Complete"]
    around = stability(
        plan.space.dimensions,
        [trial.parameters for trial in complete],
        np.array([trial.values[0] for trial in complete]),
        next(index for index, trial in enumerate(complete) if trial.number == selected.number),
        plan.directions[0],
    )
    unknown = sum(trial.state == "Failed" for trial in trials)
    return Evidence(luck, rehearsed, p_value, around, len(known), unknown)


def _with_returns(trial: Trial, evaluate: Evaluator, period: Span) -> Trial | None:
    """The trial with its returns over the whole period: one that was given up early is an attempt as well, and is traded to its end now; None for one that failed."""
    if len(trial.returns):
        return trial
    if trial.state == "Failed":
        return None
    try:
        return replace(trial, returns=whole_returns(evaluate.attempt(trial.parameters).on(period), evaluate.cash))
    except StrategyError:
        return None


def _spread(trials: Sequence[Trial], selected: Trial) -> list[Trial]:
    """All trials, or evenly spaced ones and the selected, where there are more than can be judged."""
    if len(trials) <= MOST_JUDGED:
        return list(trials)
    taken = {trials[int(index)].number for index in np.linspace(0, len(trials) - 1, MOST_JUDGED - 1)}
    return [trial for trial in trials if trial.number in taken or trial.number == selected.number]


def _growth(rows: Sequence[Floats], spans: Sequence[Span]) -> float:
    column = FIGURE["totalReturn"]
    known = [(row[column], (span.end - span.start) / YEAR) for row, span in zip(rows, spans, strict=True) if isfinite(row[column])]  # fmt: skip
    return growth([value for value, _ in known], [years for _, years in known])


def _mean(rows: Sequence[Floats], column: int) -> float:
    known = [row[column] for row in rows if isfinite(row[column])]
    return fsum(known) / len(known) if known else nan


def _numbered(stitched: Stitched, indices: Sequence[int]) -> Stitched:
    """With each part's number that of its window."""
    return replace(stitched, part=np.asarray(indices)[stitched.part])

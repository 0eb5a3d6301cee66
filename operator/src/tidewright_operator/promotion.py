"""Whether there is evidence enough to execute a strategy. Pure: from what is asked for and what has been tested to a verdict and its reasons.

A completed BacktestRun counts where it tested the strategy exactly as it is now (the digest covers source, parameters, symbols, timeframe and risk), on data that no
generator made and that broke no quality rule, over a period as long as is asked for, at costs at or above the floor, with the look-ahead check made. Of the runs
that count the last to complete decides. A run that was found to see the future always counts, against the strategy.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

from tidewright.domain.timeframe import milliseconds
from tidewright.specs.quantities import epoch_milliseconds, per_cent, ratio
from tidewright.specs.status import Tested
from tidewright.specs.trading_strategy import BacktestEvidence, Promotion
from tidewright_operator.floor import Costs, Floor

TOLD_RUNS = 3
"""How many of the runs that do not count are told of, the last ones first."""

_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class CompletedRun:
    """A completed BacktestRun: the TradingStrategy that it names, None for one in place, the digest of what it tested, and when it completed."""

    name: str
    strategy: str | None
    digest: str
    completed: str
    tested: Tested


class Verdict(NamedTuple):
    """Whether a strategy is promoted, why in one word and in many, and the run that decided."""

    promoted: bool
    reason: str
    message: str
    backtest: str | None = None


class _Figure(NamedTuple):
    """A figure that can be asked for: at least so much, or at most."""

    name: str
    field: str
    asked: Callable[[BacktestEvidence], float | str | None]
    found: Callable[[Tested], float | None]
    least: bool


_FIGURES = (
    _Figure("Sharpe", "minSharpe", lambda asked: asked.min_sharpe, lambda run: run.sharpe, least=True),
    _Figure("drawdown", "maxDrawdown", lambda asked: asked.max_drawdown, lambda run: run.max_drawdown, least=False),
    _Figure("trades", "minTrades", lambda asked: asked.min_trades, lambda run: run.trades, least=True),
)


class _Gate(NamedTuple):
    """A figure with what is asked of it, a number or a percent string, and who asks."""

    figure: _Figure
    asked: float | str
    whose: str

    @property
    def wanted(self) -> float:
        return ratio(self.asked) if isinstance(self.asked, str) else self.asked

    def shown(self, tested: Tested) -> str:
        """The figure as it was found, written as it is asked for."""
        found = self.figure.found(tested)
        if not _defined(found):
            return "undefined"
        return _percent(found) if isinstance(self.asked, str) else _plain(found)

    def failure(self, tested: Tested) -> str | None:
        """Why the gate stays shut, None where it opens; a figure that is undefined opens none."""
        found, least = self.figure.found(tested), self.figure.least
        if _defined(found) and (found >= self.wanted if least else found <= self.wanted):
            return None
        asked = self.asked if isinstance(self.asked, str) else _plain(self.asked)
        return f"{self.figure.name} is {self.shown(tested)} and must be {'at least' if least else 'at most'} {asked} ({self.whose})"


def _defined(figure: float | None) -> TypeGuard[float]:
    return figure is not None and math.isfinite(figure)


def _plain(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.6g}"


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.6g}%"


def evaluate(strategy: str, digest: str, own: Promotion | None, floor: Floor, runs: Iterable[CompletedRun]) -> Verdict:
    """The verdict on the strategy of this name and digest, under its own gates and the floor: the stricter of the two wins, gate by gate."""
    own = own or Promotion()
    verdicts = []
    if own.backtest is not None or floor.backtest is not None:
        verdicts.append(_by_backtests(strategy, digest, own.backtest, floor, runs))
    if own.study is not None or floor.study is not None:
        verdicts.append(_none("an OptimizationStudy", "no study can be run yet"))
    if own.dry_run is not None or floor.dry_run is not None:
        verdicts.append(_none("a dry run", "no dry run can be judged yet"))
    if not verdicts:
        message = "no evidence is asked for, and without evidence nothing is executed live; set spec.promotion.backtest"
        return Verdict(promoted=False, reason="NothingAskedFor", message=message)
    decided = next((verdict.backtest for verdict in verdicts if verdict.backtest), None)
    refusals = [verdict for verdict in verdicts if not verdict.promoted]
    told = refusals or verdicts
    return Verdict(not refusals, told[0].reason, "; ".join(verdict.message for verdict in told), decided)


def _none(what: str, why: str) -> Verdict:
    return Verdict(
        promoted=False, reason="NoEvidence", message=f"evidence of {what} is asked for, and in this version {why}"
    )


def _by_backtests(
    strategy: str, digest: str, own: BacktestEvidence | None, floor: Floor, runs: Iterable[CompletedRun]
) -> Verdict:
    known = sorted(runs, key=lambda run: (run.completed, run.name))
    same = [run for run in known if run.digest == digest]
    gates, period = _gates(own, floor.backtest), _period(own, floor.backtest)
    objections = {run.name: [*_objections(run.tested, period, floor.costs)] for run in same}
    counted = [run for run in same if run.tested.look_ahead is False or not objections[run.name]]
    if not same:
        return _untested(strategy, digest, known)
    if not counted:
        return _uncounted(same, objections)
    last = counted[-1]
    failures = _failures(last, gates)
    if not failures:
        shown = ", ".join(f"{gate.figure.name} {gate.shown(last.tested)}" for gate in gates)
        return Verdict(True, "EvidenceMet", f"by BacktestRun {last.name}{f': {shown}' if shown else ''}", last.name)
    message = f"BacktestRun {last.name}: {', '.join(failures)}"
    earlier = next((run.name for run in reversed(counted[:-1]) if not _failures(run, gates)), None)
    if earlier is None:
        return Verdict(False, "GatesFailed", message, last.name)
    return Verdict(False, "Withdrawn", f"{message}; it came after {earlier}, which was enough", last.name)


def _failures(run: CompletedRun, gates: Sequence[_Gate]) -> list[str]:
    if run.tested.look_ahead is False:
        return ["the strategy used bars before their close"]
    return [failure for gate in gates if (failure := gate.failure(run.tested)) is not None]


def _untested(strategy: str, digest: str, known: Sequence[CompletedRun]) -> Verdict:
    message = f"no completed BacktestRun has tested the strategy as it is now ({digest[:19]})"
    others = [run.name for run in known if run.strategy == strategy]
    if not others:
        return Verdict(promoted=False, reason="NoEvidence", message=message)
    return Verdict(
        promoted=False, reason="StrategyChanged", message=f"{message}; {others[-1]} tested another version of it"
    )


def _uncounted(same: Sequence[CompletedRun], objections: dict[str, list[str]]) -> Verdict:
    told = [f"{run.name}: {', '.join(objections[run.name])}" for run in reversed(same[-TOLD_RUNS:])]
    more = [f"and {len(same) - TOLD_RUNS} more"] if len(same) > TOLD_RUNS else []
    return Verdict(False, "NoEvidence", f"no BacktestRun of the strategy as it is now counts: {'; '.join(told + more)}")


def _objections(tested: Tested, period: "_Period | None", costs: Costs) -> Iterator[str]:
    """Why a run is no evidence, one way or the other."""
    if tested.simulated:
        yield "its data are simulated"
    if tested.look_ahead is None:
        yield "nobody looked for look-ahead (set checks.lookAhead: true)"
    if tested.data_quality is None:
        yield "nobody looked at the quality of its data (set checks.dataQuality: Block)"
    elif not tested.data_quality:
        yield "its data broke a quality rule"
    length = epoch_milliseconds(tested.end) - epoch_milliseconds(tested.start)
    if period is not None and length < period.wanted:
        yield f"its period of {length / _DAY:.6g}d is shorter than {period.asked} ({period.whose})"
    maker, least_maker = tested.maker_commission, costs.maker_commission
    for name, found, least in (
        ("commission", tested.commission, costs.commission),
        ("makerCommission", maker or tested.commission, least_maker or costs.commission),
        ("slippage", tested.slippage, costs.slippage),
    ):
        if per_cent(found) < per_cent(least) and (name != "makerCommission" or maker or least_maker):
            yield f"its {name} of {found} is below {least} ({_FLOOR})"


_OWN, _FLOOR = "spec.promotion.backtest.{}", "the namespace's floor"


class _Period(NamedTuple):
    wanted: int
    asked: str
    whose: str


def _period(own: BacktestEvidence | None, floor: BacktestEvidence | None) -> _Period | None:
    """The longer of the two periods."""
    asked = [
        _Period(milliseconds(evidence.min_period), evidence.min_period, whose)
        for evidence, whose in ((own, _OWN.format("minPeriod")), (floor, _FLOOR))
        if evidence is not None and evidence.min_period is not None
    ]
    return max(asked, key=lambda period: period.wanted, default=None)


def _gates(own: BacktestEvidence | None, floor: BacktestEvidence | None) -> list[_Gate]:
    """Of each figure that is asked for, the stricter gate; the strategy's own where they are the same."""
    found = []
    for figure in _FIGURES:
        asked = [
            _Gate(figure, value, whose)
            for evidence, whose in ((own, _OWN.format(figure.field)), (floor, _FLOOR))
            if evidence is not None and (value := figure.asked(evidence)) is not None
        ]
        if asked:
            strictest = max if figure.least else min
            found.append(strictest(asked, key=lambda gate: gate.wanted))
    return found

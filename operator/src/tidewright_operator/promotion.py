"""Whether there is evidence enough to execute a strategy. Pure: from what is asked for and what has been tested to a verdict and its reasons.

A completed BacktestRun counts where it tested the strategy exactly as it is now (the digest covers source, parameters, symbols, timeframe and risk), on data that no
generator made and that broke no quality rule, over a period as long as is asked for, at costs at or above the floor, with the look-ahead check made. Of the runs
that count the last to complete decides. A run that was found to see the future always counts, against the strategy. The same goes for completed OptimizationStudies, each of which
is evidence of the strategy with the parameters that it selects.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

from tidewright.domain.timeframe import milliseconds
from tidewright.specs.quantities import epoch_milliseconds, per_cent, ratio
from tidewright.specs.status import StudyTested, Tested, TestedOn
from tidewright.specs.trading_strategy import BacktestEvidence, Promotion
from tidewright_operator.floor import Costs, Floor

TOLD_RUNS = 3
"""How many of the runs that do not count are told of, the last ones first."""

_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class CompletedWork:
    """A completed BacktestRun or OptimizationStudy: the TradingStrategy that it names, None for one in place, the digest of what it is evidence of, and when it completed."""

    name: str
    strategy: str | None
    digest: str
    completed: str
    tested: Tested | StudyTested


class Verdict(NamedTuple):
    """Whether a strategy is promoted, why in one word and in many, and the run and the study that decided."""

    promoted: bool
    reason: str
    message: str
    backtest: str | None = None
    study: str | None = None

    @property
    def evidence(self) -> dict[str, str]:
        return {name: work for name in ("backtest", "study") if (work := getattr(self, name))}


class _Figure(NamedTuple):
    """A figure that can be asked for: at least so much, or at most. `asked` reads it from the evidence that is asked for, `found` from what a completed piece of work shows."""

    name: str
    field: str
    asked: Callable[[Any], float | str | None]
    found: Callable[[Any], float | None]
    least: bool


class _Source(NamedTuple):
    """A kind of work that is evidence, and what can be asked of it; `field` is that of `spec.promotion`, the two verbs say what the work has to do with the strategy."""

    kind: str
    field: str
    has_shown: str
    shows: str
    figures: Sequence[_Figure]

    def whose(self, field: str) -> str:
        return f"spec.promotion.{self.field}.{field}"


_BACKTEST = _Source(
    "BacktestRun",
    "backtest",
    "has tested",
    "tested",
    (
        _Figure("Sharpe", "minSharpe", lambda asked: asked.min_sharpe, lambda run: run.sharpe, least=True),
        _Figure("drawdown", "maxDrawdown", lambda asked: asked.max_drawdown, lambda run: run.max_drawdown, least=False),
        _Figure("trades", "minTrades", lambda asked: asked.min_trades, lambda run: run.trades, least=True),
    ),
)
_STUDY = _Source(
    "OptimizationStudy",
    "study",
    "selects",
    "selects",
    (
        _Figure(
            "deflated Sharpe",
            "minDeflatedSharpe",
            lambda asked: asked.min_deflated_sharpe,
            lambda study: study.deflated_sharpe,
            least=True,
        ),
        _Figure("PBO", "maxPbo", lambda asked: asked.max_pbo, lambda study: study.pbo, least=False),
        _Figure(
            "walk-forward efficiency",
            "minWalkForwardEfficiency",
            lambda asked: asked.min_walk_forward_efficiency,
            lambda study: study.walk_forward_efficiency,
            least=True,
        ),
    ),
)


class _Gate(NamedTuple):
    """A figure with what is asked of it, a number or a percent string, and who asks."""

    figure: _Figure
    asked: float | str
    whose: str

    @property
    def wanted(self) -> float:
        return ratio(self.asked) if isinstance(self.asked, str) else self.asked

    def shown(self, tested: Tested | StudyTested) -> str:
        """The figure as it was found, written as it is asked for."""
        found = self.figure.found(tested)
        if not _defined(found):
            return "undefined"
        return _percent(found) if isinstance(self.asked, str) else _plain(found)

    def failure(self, tested: Tested | StudyTested) -> str | None:
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


def evaluate(
    strategy: str,
    digest: str,
    own: Promotion | None,
    floor: Floor,
    runs: Iterable[CompletedWork],
    studies: Iterable[CompletedWork] = (),
) -> Verdict:
    """The verdict on the strategy of this name and digest, under its own gates and the floor: the stricter of the two wins, gate by gate."""
    own = own or Promotion()
    verdicts, decided = [], {}
    for source, works in ((_BACKTEST, runs), (_STUDY, studies)):
        asked = getattr(own, source.field), getattr(floor, source.field)
        if asked != (None, None):
            verdict, name = _by(source, strategy, digest, asked, floor.costs, works)
            verdicts.append(verdict)
            decided[source.field] = name
    if own.dry_run is not None or floor.dry_run is not None:
        verdicts.append(_none("a dry run", "no dry run can be judged yet"))
    if not verdicts:
        message = "no evidence is asked for, and without evidence nothing is executed live; set spec.promotion.backtest"
        return Verdict(promoted=False, reason="NothingAskedFor", message=message)
    refusals = [verdict for verdict in verdicts if not verdict.promoted]
    told = refusals or verdicts
    return Verdict(not refusals, told[0].reason, "; ".join(verdict.message for verdict in told), **decided)


def _none(what: str, why: str) -> Verdict:
    return Verdict(
        promoted=False, reason="NoEvidence", message=f"evidence of {what} is asked for, and in this version {why}"
    )


_Asked = tuple[Any, Any]
"""What the strategy asks of a kind of evidence, and what the floor does; None for nothing."""


def _by(
    source: _Source, strategy: str, digest: str, asked: _Asked, costs: Costs, works: Iterable[CompletedWork]
) -> tuple[Verdict, str | None]:
    """The verdict by one kind of evidence, and the name of the work that decided."""
    known = sorted(works, key=lambda work: (work.completed, work.name))
    same = [work for work in known if work.digest == digest]
    gates, period = _gates(source, asked), _period(source, asked)
    objections = {work.name: [*_objections(work.tested, period, costs)] for work in same}
    counted = [work for work in same if work.tested.look_ahead is False or not objections[work.name]]
    if not same:
        return _untested(source, strategy, digest, known), None
    if not counted:
        return _uncounted(source, same, objections), None
    last = counted[-1]
    failures = _failures(last, gates)
    if not failures:
        shown = ", ".join(f"{gate.figure.name} {gate.shown(last.tested)}" for gate in gates)
        message = f"by {source.kind} {last.name}{f': {shown}' if shown else ''}"
        return Verdict(promoted=True, reason="EvidenceMet", message=message), last.name
    message = f"{source.kind} {last.name}: {', '.join(failures)}"
    earlier = next((work.name for work in reversed(counted[:-1]) if not _failures(work, gates)), None)
    if earlier is None:
        return Verdict(promoted=False, reason="GatesFailed", message=message), last.name
    message = f"{message}; it came after {earlier}, which was enough"
    return Verdict(promoted=False, reason="Withdrawn", message=message), last.name


def _failures(work: CompletedWork, gates: Sequence[_Gate]) -> list[str]:
    if work.tested.look_ahead is False:
        return ["the strategy used bars before their close"]
    return [failure for gate in gates if (failure := gate.failure(work.tested)) is not None]


def _untested(source: _Source, strategy: str, digest: str, known: Sequence[CompletedWork]) -> Verdict:
    message = f"no completed {source.kind} {source.has_shown} the strategy as it is now ({digest[:19]})"
    others = [work.name for work in known if work.strategy == strategy]
    if not others:
        return Verdict(promoted=False, reason="NoEvidence", message=message)
    return Verdict(
        promoted=False,
        reason="StrategyChanged",
        message=f"{message}; {others[-1]} {source.shows} another version of it",
    )


def _uncounted(source: _Source, same: Sequence[CompletedWork], objections: dict[str, list[str]]) -> Verdict:
    told = [f"{work.name}: {', '.join(objections[work.name])}" for work in reversed(same[-TOLD_RUNS:])]
    more = [f"and {len(same) - TOLD_RUNS} more"] if len(same) > TOLD_RUNS else []
    message = f"no {source.kind} of the strategy as it is now counts: {'; '.join(told + more)}"
    return Verdict(promoted=False, reason="NoEvidence", message=message)


def _objections(tested: TestedOn, period: "_Period | None", costs: Costs) -> Iterator[str]:
    """Why work is no evidence, one way or the other."""
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


_FLOOR = "the namespace's floor"


class _Period(NamedTuple):
    wanted: int
    asked: str
    whose: str


def _period(source: _Source, asked: _Asked) -> _Period | None:
    """The longer of the two periods, where this kind of evidence can be asked for one."""
    periods = [
        _Period(milliseconds(evidence.min_period), evidence.min_period, whose)
        for evidence, whose in zip(asked, (source.whose("minPeriod"), _FLOOR), strict=True)
        if isinstance(evidence, BacktestEvidence) and evidence.min_period is not None
    ]
    return max(periods, key=lambda period: period.wanted, default=None)


def _gates(source: _Source, asked: _Asked) -> list[_Gate]:
    """Of each figure that is asked for, the stricter gate; the strategy's own where they are the same."""
    found = []
    for figure in source.figures:
        gates = [
            _Gate(figure, value, whose)
            for evidence, whose in zip(asked, (source.whose(figure.field), _FLOOR), strict=True)
            if evidence is not None and (value := figure.asked(evidence)) is not None
        ]
        if gates:
            strictest = max if figure.least else min
            found.append(strictest(gates, key=lambda gate: gate.wanted))
    return found

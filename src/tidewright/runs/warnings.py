"""Reasons to doubt a result, each with a name that a script can switch on and a sentence that a person can act on."""

from collections.abc import Iterator

import numpy as np

from tidewright.domain.comparison import Cause
from tidewright.domain.instant import utc
from tidewright.domain.ledger import Reason
from tidewright.domain.quality import Severity
from tidewright.domain.timeframe import DAY
from tidewright.runs.backtest import BacktestFindings

FEW_TRADES = 30
SHORT_PERIOD = 365 * DAY


def warnings_of(found: BacktestFindings) -> Iterator[tuple[str, str]]:
    """Reason and message of everything about the result that should make its reader careful, gravest first."""
    yield from _about_causality(found)
    yield from _about_engines(found)
    if found.simulated:
        yield (
            "SimulatedData",
            "The bars were made by a generator, not by a market: the figures say nothing about any real one.",
        )
    yield from _about_trading(found)
    yield from _about_data(found)


def _about_engines(found: BacktestFindings) -> Iterator[tuple[str, str]]:
    comparison = found.opinion and found.opinion.comparison
    if not comparison or not comparison.differences:
        return
    count = len(comparison.differences)
    unexplained = [d for d in comparison.differences if d.cause is Cause.UNEXPLAINED]
    if unexplained:
        first = unexplained[0]
        message = (
            f"Two engines disagree in {count} places, {len(unexplained)} of them without a known cause, first in {first.field} at "
            f"{utc(first.time)} ({first.ours} here, {first.theirs} there). One of them is wrong: please report this."
        )
        yield "EnginesDisagree", message
    else:
        causes = ", ".join(sorted({d.cause.value for d in comparison.differences}))
        yield (
            "EnginesDiffer",
            f"Two engines differ in {count} places, all for known causes: {causes} (docs/engines.md).",
        )


def _about_causality(found: BacktestFindings) -> Iterator[tuple[str, str]]:
    proof, warmup = found.look_ahead, found.warmup
    if proof is None:
        yield "LookAheadUnchecked", "Nobody has looked for look-ahead: set checks.lookAhead: true."
    elif proof.violation is not None and not proof.violation.repeatable:
        yield (
            "NotRepeatable",
            f"The strategy answers differently when asked twice (column {proof.violation.column}): seed what is random in it.",
        )
    elif proof.violation is not None:
        violation = proof.violation
        message = (
            f"The strategy uses the future: column {violation.column} at {utc(violation.time)} (bar {violation.bar}) is "
            f"{violation.with_future:.6g} with later bars and {violation.without:.6g} without them. The figures are worthless."
        )
        yield "LookAhead", message
    if warmup is not None and not warmup.passed and (proof is None or proof.passed):
        worst = max(warmup.columns, key=lambda column: column.deviation)
        enough = f"declare {worst.needed} bars" if worst.needed is not None else "declare more"
        message = (
            f"After the declared warm-up of {warmup.declared} bars, column {worst.column} still depends on where history starts "
            f"(by {worst.deviation:.2g} of its standard deviations; {warmup.signals_differing} signals differ): {enough}."
        )
        yield "WarmupTooShort", message


def _about_trading(found: BacktestFindings) -> Iterator[tuple[str, str]]:
    trades, signals, ledger = found.outcome.trades, found.outcome.evaluation.signals, found.outcome.ledger
    if not len(ledger.fills):
        why = (
            "it never asked for an entry"
            if not signals.enter.any()
            else "every entry came before the end of its warm-up or together with an exit, or could not be paid for"
        )
        yield "NeverTraded", f"The strategy never traded: {why}."
    elif len(trades) < FEW_TRADES:
        yield (
            "FewTrades",
            f"{len(trades)} closed trades are too few to tell skill from luck; look for {FEW_TRADES} or more.",
        )
    if len(ledger.fills) and ledger.fills.held[-1] != 0.0:
        yield "OpenAtEnd", "A position was open at the end: it is valued at the last close and is not among the trades."
    liquidated = int(np.count_nonzero(trades.reason == Reason.LIQUIDATION))
    if liquidated:
        yield "Liquidated", f"{liquidated} positions lost all of their margin and were taken over by the exchange."
    if ledger.unfilled:
        yield "Unfilled", f"{ledger.unfilled} entries could not be paid for."
    if ledger.equity[-1] < 0.01 * ledger.initial:
        yield "Ruin", "Almost nothing is left of the account."


def _about_data(found: BacktestFindings) -> Iterator[tuple[str, str]]:
    period = found.outcome.bars
    length = int(period.time[-1]) + period.step - int(period.time[0])
    if length < SHORT_PERIOD:
        yield (
            "ShortPeriod",
            f"{length / DAY:.0f} days see few kinds of market; annual figures are extrapolated from them.",
        )
    if found.plan.spec.checks.data_quality == "Ignore":
        yield "DataUnchecked", "Nobody has judged the data: set checks.dataQuality: Warn or Block."
    for finding in found.quality:
        if finding.rule == "Gap" or finding.severity is Severity.ERROR:
            yield ("Gaps" if finding.rule == "Gap" else "DataQuality"), f"{finding.message}."

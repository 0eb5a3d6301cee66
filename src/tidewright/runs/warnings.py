"""Reasons to doubt a result, each with a name that a script can switch on and a sentence that a person can act on."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from tidewright.domain.comparison import Cause
from tidewright.domain.instant import utc
from tidewright.domain.ledger import Reason, Refusal
from tidewright.domain.quality import Severity
from tidewright.domain.strategies.step import is_step
from tidewright.domain.strategies.strategy import Signals
from tidewright.domain.timeframe import DAY, milliseconds
from tidewright.domain.warmup import together
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
    yield from _about_compiling(found)
    yield from _about_data(found)


def _about_compiling(found: BacktestFindings) -> Iterator[tuple[str, str]]:
    strategy, columns = found.plan.strategy, found.outcome.evaluation.columns
    if not is_step(strategy.strategy):
        return
    from tidewright.domain.asking import watch_function  # noqa: PLC0415 - most backtests do without the account

    refusal = watch_function(strategy.strategy, columns, strategy.parameters).refusal
    if refusal:
        message = (
            f"on_bar could not be compiled ({refusal.rstrip('.')}) and ran as plain Python, some hundred times slower: "
            "keep it to numbers and to functions under numba.njit, or take @staticmethod away."
        )
        yield "StepNotCompiled", message


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
    proofs = [one.look_ahead for one in found.symbols if one.look_ahead is not None]
    proof = next((proof for proof in proofs if not proof.passed), proofs[0] if proofs else None)
    checks = [one.warmup for one in found.symbols if one.warmup is not None]
    warmup = together(checks) if checks else None
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


def _never_traded(found: BacktestFindings) -> str:
    """Why there is no fill."""
    signals = [leg.evaluation.signals for leg in found.outcome.legs]
    asked = any(isinstance(each, Signals) and each.enter.any() for each in signals)
    if len(found.outcome.ledger.refusals):
        return "every order was refused"
    if is_step(found.plan.strategy.strategy):
        return "it never asked for an entry, or no price came to its limits and triggers"
    if not asked:
        return "it never asked for an entry"
    return "every entry came before the end of its warm-up or together with an exit, or could not be paid for"


def _about_trading(found: BacktestFindings) -> Iterator[tuple[str, str]]:
    trades, ledger = found.outcome.trades, found.outcome.ledger
    if not len(ledger.fills):
        yield "NeverTraded", f"The strategy never traded: {_never_traded(found)}."
    elif len(trades) < FEW_TRADES:
        yield (
            "FewTrades",
            f"{len(trades)} closed trades are too few to tell skill from luck; look for {FEW_TRADES} or more.",
        )
    still_open = [leg for symbol, leg in enumerate(found.outcome.legs) if ledger.fills.of(symbol).held[-1:].any()]
    if still_open:
        yield "OpenAtEnd", "A position was open at the end: it is valued at the last close and is not among the trades."
    liquidated = int(np.count_nonzero(trades.reason == Reason.LIQUIDATION))
    if liquidated:
        yield "Liquidated", f"{liquidated} positions lost all of their margin and were taken over by the exchange."
    yield from _about_funding(found)
    if len(ledger.refusals):
        counts = Counter(Refusal(code).title for code in ledger.refusals.reason)
        told = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
        yield "OrdersRefused", f"{len(ledger.refusals)} orders were not filled ({told}); refusals.parquet lists them."
    elif ledger.unfilled:
        yield "Unfilled", f"{ledger.unfilled} entries could not be paid for."
    if ledger.equity[-1] < 0.01 * ledger.initial:
        yield "Ruin", "Almost nothing is left of the account."


def _about_funding(found: BacktestFindings) -> Iterator[tuple[str, str]]:
    broker = found.plan.spec.broker
    perpetuals = [market.symbol for market in found.plan.markets if ":" in market.symbol]
    if perpetuals and broker.account == "Margin" and broker.funding == "Ignore":
        yield (
            "FundingIgnored",
            f"{perpetuals[0]} is a perpetual, and its funding is left out: import it, and set broker.funding: Stored.",
        )


def _about_listings(found: BacktestFindings) -> Iterator[tuple[str, str]]:
    """Symbols that were there for a part of the period only."""
    clock = found.outcome.clock
    gap = milliseconds(found.plan.spec.checks.max_gap)
    for one in found.symbols:
        first, last = int(one.data.series.period.time[0]), int(one.data.series.period.time[-1])
        if first - int(clock.time[0]) > gap:
            yield "ListedLate", f"{one.data.market.symbol} has no bars before {utc(first)}."
        if one.data.series.delisted:
            message = f"{one.data.market.symbol} has no bars after {utc(last)}: what was held of it was closed at its last close."
            yield "Delisted", message


def _about_data(found: BacktestFindings) -> Iterator[tuple[str, str]]:
    yield from _about_listings(found)
    clock = found.outcome.clock
    length = int(clock.time[-1]) + clock.step - int(clock.time[0])
    if length < SHORT_PERIOD:
        yield (
            "ShortPeriod",
            f"{length / DAY:.0f} days see few kinds of market; annual figures are extrapolated from them.",
        )
    if found.plan.spec.checks.data_quality == "Ignore":
        yield "DataUnchecked", "Nobody has judged the data: set checks.dataQuality: Warn or Block."
    for one in found.symbols:
        whose = f"{one.data.market.symbol}: " if len(found.symbols) > 1 else ""
        for finding in one.data.quality:
            if finding.rule == "Gap" or finding.severity is Severity.ERROR:
                yield ("Gaps" if finding.rule == "Gap" else "DataQuality"), f"{whose}{finding.message}."

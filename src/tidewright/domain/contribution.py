"""What each symbol did for an account of several, and how the symbols moved together."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np

from tidewright.domain.backtest import Outcome
from tidewright.domain.bars import Bars, Floats
from tidewright.domain.grid import closes, holdings
from tidewright.domain.metrics.periods import daily_returns


@dataclass(frozen=True, slots=True)
class Contribution:
    """One symbol's part of the account's result, in quote currency.

    `gain` is what its fills brought less what they cost, fees and funding included, with what is held of it at the end at its last close: the gains of all symbols
    are the account's. `fees` are in it. `exposure` is the share of the account's bars that closed with a position in it, `trades` and `won` are its closed positions and those that gained.
    """

    gain: float
    fees: float
    exposure: float
    trades: int
    won: int


def contributions(outcome: Outcome) -> list[Contribution]:
    """Of each symbol of the account."""
    fills, clock = outcome.ledger.fills, outcome.clock
    held = holdings(clock.time, [leg.series.period for leg in outcome.legs], fills)
    return [
        Contribution(
            gain=float(gain[-1]),
            fees=fsum(fills.of(symbol).fee),
            exposure=float(np.mean(held[symbol] != 0.0)),
            trades=len(leg.trades),
            won=int(np.count_nonzero(leg.trades.pnl > 0.0)),
        )
        for symbol, (leg, gain) in enumerate(zip(outcome.legs, gains(outcome), strict=True))
    ]


def gains(outcome: Outcome) -> Floats:
    """What each symbol has brought by the close of each time of the account, shape (m, T), as `Contribution.gain` says for the last of them."""
    ledger, time, periods = outcome.ledger, outcome.clock.time, [leg.series.period for leg in outcome.legs]
    held, close = holdings(time, periods, ledger.fills), closes(time, periods)
    found = np.where(held != 0.0, held * close, 0.0)
    for symbol in range(len(periods)):
        fills = ledger.fills.of(symbol)
        brought = np.cumsum(-fills.side * fills.price * fills.quantity - fills.fee)
        found[symbol] += np.concatenate(((0.0,), brought))[np.searchsorted(fills.time, time, side="right")]
    if ledger.funding_by_symbol.size:
        found -= np.cumsum(ledger.funding_by_symbol, axis=1)
    return found


def correlation(periods: Sequence[Bars]) -> Floats:
    """Pearson correlation of the symbols' daily returns over the days that two have in common, shape (m, m); NaN where those are fewer than three or do not vary."""
    days = [_returns_by_day(bars) for bars in periods]
    m = len(days)
    found = np.full((m, m), np.nan)
    for i in range(m):
        for j in range(i, m):
            common = np.intersect1d(days[i][0], days[j][0], assume_unique=True, return_indices=True)
            one, other = days[i][1][common[1]], days[j][1][common[2]]
            if len(one) > 2 and np.std(one) > 0.0 and np.std(other) > 0.0:
                found[i, j] = found[j, i] = 1.0 if i == j else np.corrcoef(one, other)[0, 1]
    return found


def _returns_by_day(bars: Bars) -> tuple[Floats, Floats]:
    returns, _ = daily_returns(bars.time, bars.close, float(bars.open[0]), bars.step)
    length = max(bars.step, 86_400_000)
    return bars.time[0] // length + np.arange(len(returns)), returns

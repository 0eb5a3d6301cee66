"""What else could have become of an account: other histories made of its own returns, and how they spread.

Three ways to make them: days drawn in blocks, which keeps what days have to do with their neighbours (stationary bootstrap, see
`tidewright.domain.bootstrap`); trades drawn one by one, with replacement (B. Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals
of Statistics 7, 1979); and the very same trades in another order, which leaves the end as it is and tells how much of the drawdown was
the luck of their sequence. All of them take the future to be made of the past: a market that this history has not seen is in none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.bootstrap import MINIMUM_OBSERVATIONS, stationary_orders
from tidewright.domain.compiled import compiled
from tidewright.domain.ledger import Trades

QUANTILES = (0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99)
"""Where the spread of the drawdown and of the final equity is told."""

BANDS = (0.05, 0.25, 0.50, 0.75, 0.95)
"""Where the spread of equity on the way is told."""

RUIN = (0.25, 0.50, 0.75)
"""Losses of the initial equity, at any time, whose probability is told."""

STEPS = 50
"""Into how many parts the way is divided, at most."""

_AT_ONCE = 1 << 22
"""How many returns are drawn at a time: the memory needed does not grow with the number of paths."""

_ROUNDING = 1e-12

Draw = Callable[[np.random.Generator, int, int], Integers]
"""From a generator, the number of returns and of paths to orders: indices of returns, shape (paths, returns)."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How the drawn paths differ. Equity is a multiple of the initial one and is looked at after every return.

    `final` and `drawdown` (a ratio of the peak, positive) are at `QUANTILES`. `loss` is the share of paths that end below the start, `ruin` the
    share of those that lost as much as each of `RUIN` at any time. `actual` is the drawdown of the returns as they were, `deeper` the share
    of paths whose own is deeper. `bands` holds equity at `BANDS` after `steps` returns, shape (len(BANDS), len(steps)), the first of them 0.
    """

    observations: int
    final: Floats
    drawdown: Floats
    loss: float
    ruin: Floats
    actual: float
    deeper: float
    steps: Integers
    bands: Floats


def monte_carlo(daily: Floats, by_trade: Floats, paths: int, seed: int) -> Mapping[str, Spread]:
    """The spread of `paths` histories by how they were made: ``dailyReturns``, ``tradesDrawn``, ``tradesShuffled``.

    `daily` are the account's period returns and `by_trade` what each trade did to the account (`account_returns`), as ratios, shapes (n,) and
    (k,). Where there are fewer than `MINIMUM_OBSERVATIONS` of them, or one is NaN, there is too little to draw from and the way is left out. The
    same arguments give the same spread, and no way depends on another's returns.
    """
    ways = (
        ("dailyReturns", daily, stationary_orders),
        ("tradesDrawn", by_trade, drawn_orders),
        ("tradesShuffled", by_trade, shuffled_orders),
    )
    return {
        name: spread(returns, _orders(draw, np.random.Generator(np.random.PCG64([seed, stream])), len(returns), paths))
        for stream, (name, returns, draw) in enumerate(ways, 1)
        if len(returns) >= MINIMUM_OBSERVATIONS and not np.isnan(returns).any()
    }


def account_returns(trades: Trades, equity: Floats, initial: float) -> Floats:
    """What each trade did to the account: its net result over the equity at the close before its entry, shape (k,).

    On an account with one position at a time their product is the growth of the account over its closed trades. Positions that
    overlap are taken one after the other, as if each had had the account to itself. NaN where there was no equity.
    """
    before = np.concatenate(((initial,), equity))[trades.entry_bar]
    returns = np.full(len(trades), np.nan)
    np.divide(trades.pnl, before, out=returns, where=before > 0.0)
    return returns


def drawn_orders(random: np.random.Generator, observations: int, paths: int) -> Integers:
    """Any return in any place, as often as it comes up."""
    return random.integers(observations, size=(paths, observations))


def shuffled_orders(random: np.random.Generator, observations: int, paths: int) -> Integers:
    """Every return once, in any order."""
    orders: Integers = random.permuted(np.broadcast_to(np.arange(observations), (paths, observations)), axis=1)
    return orders


def _orders(draw: Draw, random: np.random.Generator, observations: int, paths: int) -> Iterator[Integers]:
    most = max(_AT_ONCE // observations, 1)
    for done in range(0, paths, most):
        yield draw(random, observations, min(most, paths - done))


def spread(returns: Floats, orders: Iterable[Integers]) -> Spread:
    """How the paths differ that `returns` make in each of `orders`, which come in parts of shape (paths, n)."""
    steps = np.unique(np.rint(np.linspace(0.0, len(returns), STEPS + 1)).astype(np.int64))
    parts = [_walk(returns, part, steps) for part in orders]
    equity, drawdown, lowest = (np.concatenate(column) for column in zip(*parts, strict=True))
    _, (actual,), _ = _walk(returns, np.arange(len(returns))[None, :], steps)
    return Spread(
        observations=len(returns),
        final=np.quantile(equity[:, -1], QUANTILES),
        drawdown=np.quantile(drawdown, QUANTILES),
        loss=float(np.mean(equity[:, -1] < 1.0 - _ROUNDING)),
        ruin=np.array([np.mean(lowest <= 1.0 - loss + _ROUNDING) for loss in RUIN]),
        actual=float(actual),
        deeper=float(np.mean(drawdown > actual + _ROUNDING)),
        steps=steps,
        bands=np.stack([np.quantile(column, BANDS) for column in equity.T], axis=1),
    )


@compiled
def _walk(returns: Floats, orders: Integers, steps: Integers) -> tuple[Floats, Floats, Floats]:
    """Equity at each of `steps`, shape (paths, len(steps)), the deepest drawdown and the lowest equity of each path.

    What is lost is lost: equity that reaches 0 stays there.
    """
    paths, observations = orders.shape
    equity = np.ones((paths, len(steps)))
    drawdown = np.zeros(paths)
    lowest = np.ones(paths)
    for i in range(paths):
        value, peak, step = 1.0, 1.0, 1
        for k in range(observations):
            value = max(value * (1.0 + returns[orders[i, k]]), 0.0)
            peak = max(peak, value)
            lowest[i] = min(lowest[i], value)
            drawdown[i] = max(drawdown[i], (peak - value) / peak)
            if k + 1 == steps[step]:
                equity[i, step] = value
                step += 1
    return equity, drawdown, lowest

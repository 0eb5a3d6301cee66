"""Tapes made of bars: trades of which each bar is made, exactly."""

from typing import NamedTuple

import numpy as np

from tidewright.domain.bars import Bars, Integers
from tidewright.domain.quality import Severity, assess
from tidewright.exchange.decimals import of_floats
from tidewright.exchange.markets import ExchangeMarket, Symbol
from tidewright.exchange.trade_log import MILLISECOND, TradeLog
from tidewright.ports import Stretch

FEWEST = 4
"""Trades that a bar is made of at least: its open, its two extremes and its close."""


class BarUnits(NamedTuple):
    """Bars as whole numbers: prices, shape (n, 4) as open, high, low, close, in ``10**-price_places``, and volumes, shape (n,), in ``10**-volume_places``."""

    time: Integers
    prices: Integers
    price_places: int
    volume: Integers
    volume_places: int
    step: int


def market_of_bars(bars: Bars, per_bar: int = FEWEST, seed: int = 0) -> ExchangeMarket:
    """The market on which these bars came about, by `per_bar` trades each; where bars are missing, the exchange was out.

    Raises ValueError for bars that are none, or that break the rules of quality.
    """
    if not len(bars):
        raise ValueError(f"there are no bars of {bars.market}")
    errors = [finding.message for finding in assess(bars) if finding.severity is Severity.ERROR]
    if errors:
        raise ValueError(f"{bars.market}: {'; '.join(errors)}")
    prices, price_places = of_floats(bars.open, bars.high, bars.low, bars.close)
    (volume,), volume_places = of_floats(bars.volume)
    units = BarUnits(bars.time, np.stack(prices, axis=1), price_places, volume, volume_places, bars.step)
    return market_of_units(Symbol.of(bars.market.symbol), units, per_bar, seed)


def market_of_units(symbol: Symbol, bars: BarUnits, per_bar: int, seed: int) -> ExchangeMarket:
    """As `market_of_bars`, of bars that are whole numbers already."""
    if not FEWEST <= per_bar <= bars.step:
        raise ValueError(f"{per_bar} trades cannot make a bar of {bars.step:,} ms; choose {FEWEST} to {bars.step:,}")
    chance = np.random.Generator(np.random.PCG64(seed))
    count = len(bars.time)
    times = bars.time[:, None] + np.arange(per_bar, dtype=np.int64) * (bars.step - 1) // (per_bar - 1)
    price = _paths(bars.prices, per_bar, chance)
    quantity, places = _shares(bars.volume, bars.volume_places, per_bar, chance)
    flat = price.ravel()
    falls = np.diff(flat, prepend=flat[:1])
    maker = np.where(falls == 0, chance.random(len(flat)) < 0.5, falls < 0)
    time = times.ravel()
    log = TradeLog(
        id=np.arange(1, count * per_bar + 1, dtype=np.int64),
        time=time,
        price=flat,
        price_places=bars.price_places,
        quantity=quantity.ravel(),
        quantity_places=places,
        buyer_is_maker=maker,
        at=time * MILLISECOND,
    )
    ends = bars.time[:-1] + bars.step
    gaps = np.flatnonzero(bars.time[1:] != ends)
    outages = [Stretch(int(ends[i]), int(bars.time[i + 1])) for i in gaps]
    return ExchangeMarket(symbol, log, outages=outages, end=int(bars.time[-1]) + bars.step)


def _paths(prices: Integers, per_bar: int, chance: np.random.Generator) -> Integers:
    """From the open over both extremes to the close, shape (n, per_bar): the low first in a bar that rises; between them on straight lines with noise within the range."""
    open_, high, low, close = prices.T
    rises = close >= open_
    corners = np.stack((open_, np.where(rises, low, high), np.where(rises, high, low), close), axis=1)
    at = np.array([0, per_bar // 3, 2 * per_bar // 3, per_bar - 1])
    path: Integers = np.empty((len(prices), per_bar), np.int64)
    for k in range(3):
        share = np.arange(at[k + 1] - at[k] + 1) / (at[k + 1] - at[k])
        line = corners[:, k, None] + (corners[:, k + 1] - corners[:, k])[:, None] * share
        path[:, at[k] : at[k + 1] + 1] = np.rint(line)
    noise = np.rint((high - low)[:, None] / 20 * chance.standard_normal(path.shape)).astype(np.int64)
    path = np.clip(path + noise, low[:, None], high[:, None])
    path[:, at] = corners
    return path


def _shares(volume: Integers, places: int, per_bar: int, chance: np.random.Generator) -> tuple[Integers, int]:
    """Each bar's volume in `per_bar` uneven parts that add up to it, and their decimal places; a bar of less than that many units has parts of nothing."""
    while places < 8 and int(volume.max(initial=0)) < 2**58 and np.any((volume > 0) & (volume < 100 * per_bar)):
        volume, places = volume * 10, places + 1
    weights = chance.random((len(volume), per_bar)) + 0.1
    parts = np.floor(volume[:, None] * (weights / weights.sum(axis=1)[:, None])).astype(np.int64)
    parts[:, -1] += volume - parts.sum(axis=1)
    return parts, places

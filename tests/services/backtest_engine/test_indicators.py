"""Backtrader's own indicators judge ours on real bars, once both have forgotten where they started.

All but two agree from their first value on: the MACD's fast average and Wilder's directional movement are started otherwise by Backtrader, which
is forgotten after a few hundred bars.
"""

import numpy as np
import pytest

from backtest_engine.cerebro import BarsFeed, bt
from tidewright import indicators as ours


class Indicators(bt.Strategy):
    def __init__(self):
        data, ind = self.data, bt.indicators
        macd, bands = (
            ind.MACDHisto(data, period_me1=12, period_me2=26, period_signal=9),
            ind.BollingerBands(data, period=20),
        )
        directional, stochastic = ind.DirectionalMovementIndex(data, period=14), ind.Stochastic(data, period=14)
        self.series = {
            "sma": ind.SMA(data, period=20),
            "ema": ind.EMA(data, period=20),
            "wma": ind.WMA(data, period=20),
            "wilder": ind.SMMA(data, period=20),
            "rsi": ind.RSI(data, period=14),
            "atr": ind.ATR(data, period=14),
            "macd.line": macd.macd,
            "macd.signal": macd.signal,
            "macd.histogram": macd.histo,
            "bollinger.lower": bands.bot,
            "bollinger.middle": bands.mid,
            "bollinger.upper": bands.top,
            "adx": directional.adx,
            "adx.plus_di": directional.plusDI,
            "adx.minus_di": directional.minusDI,
            "stochastic.k": stochastic.percK,
            "stochastic.d": stochastic.percD,
        }


@pytest.fixture(scope="module")
def bars(sample):
    return sample.part(0, 2_000)


@pytest.fixture(scope="module")
def theirs(bars):
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(BarsFeed(bars=bars))
    cerebro.addstrategy(Indicators)
    (strategy,) = cerebro.run()
    return {name: np.array(series.array)[: len(bars)] for name, series in strategy.series.items()}


@pytest.fixture(scope="module")
def own(bars):
    high, low, close = bars.high, bars.low, bars.close
    macd, bands = ours.macd(close, 12, 26, 9), ours.bollinger(close, 20, 2.0)
    directional, stochastic = ours.adx(high, low, close, 14), ours.stochastic(high, low, close, 14, 3, 3)
    return {
        "sma": ours.sma(close, 20),
        "ema": ours.ema(close, 20),
        "wma": ours.wma(close, 20),
        "wilder": ours.wilder(close, 20),
        "rsi": ours.rsi(close, 14),
        "atr": ours.atr(high, low, close, 14),
        "macd.line": macd.line,
        "macd.signal": macd.signal,
        "macd.histogram": macd.histogram,
        "bollinger.lower": bands.lower,
        "bollinger.middle": bands.middle,
        "bollinger.upper": bands.upper,
        "adx": directional.adx,
        "adx.plus_di": directional.plus_di,
        "adx.minus_di": directional.minus_di,
        "stochastic.k": stochastic.k,
        "stochastic.d": stochastic.d,
    }


STARTED_OTHERWISE = {
    # Backtrader starts the fast average with the first bars of all, we (as TA-Lib) with the last ones of the slow average's start.
    "macd.line": 200,
    "macd.signal": 200,
    "macd.histogram": 200,
    # Backtrader starts with the mean of a window of movements, we (as TA-Lib) with a sum that is one movement short.
    "adx": 300,
    "adx.plus_di": 300,
    "adx.minus_di": 300,
}
"""The bar from which on the start is forgotten, where there is anything to forget."""

NAMES = [
    *("sma", "ema", "wma", "wilder", "rsi", "atr", "bollinger.lower", "bollinger.middle", "bollinger.upper"),
    *("stochastic.k", "stochastic.d", *STARTED_OTHERWISE),
]


@pytest.mark.parametrize("name", NAMES)
def test_backtrader_agrees(own, theirs, bars, name):
    first = STARTED_OTHERWISE.get(name, 0)
    # A MACD is a difference of prices, and is as exact as they are.
    rounding = 1e-12 * bars.close.max() if name.startswith("macd") else 0.0

    assert np.array_equal(np.isnan(own[name]), np.isnan(theirs[name]))
    assert np.isfinite(own[name][50:]).all()
    np.testing.assert_allclose(own[name][first:], theirs[name][first:], rtol=1e-9, atol=rounding)


@pytest.mark.parametrize("name", STARTED_OTHERWISE)
def test_the_start_is_what_differs(own, theirs, name):
    first = np.flatnonzero(np.isfinite(own[name]))[0]

    assert not np.isclose(own[name][first], theirs[name][first], rtol=1e-6)

"""Every indicator, for strategies of one's own; each is causal and described where it is defined."""

from tidewright.domain.indicators.averages import ema, sma, wilder, wma
from tidewright.domain.indicators.crossings import crosses_above, crosses_below
from tidewright.domain.indicators.momentum import macd, rsi, stochastic
from tidewright.domain.indicators.trend import adx, donchian
from tidewright.domain.indicators.volatility import atr, bollinger, keltner, true_range, zscore
from tidewright.domain.indicators.volume import obv, vwap

__all__ = [
    "adx",
    "atr",
    "bollinger",
    "crosses_above",
    "crosses_below",
    "donchian",
    "ema",
    "keltner",
    "macd",
    "obv",
    "rsi",
    "sma",
    "stochastic",
    "true_range",
    "vwap",
    "wilder",
    "wma",
    "zscore",
]

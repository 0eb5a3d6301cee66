"""The closed vocabulary: every series, operator and function of the language."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from tidewright.domain.bars import Bars, Booleans, Floats
from tidewright.domain.indicators.averages import ema, sma, wma
from tidewright.domain.indicators.momentum import macd, rsi, stochastic
from tidewright.domain.indicators.trend import adx, donchian
from tidewright.domain.indicators.volatility import atr, bollinger, keltner, true_range, zscore
from tidewright.domain.indicators.volume import obv, vwap
from tidewright.domain.indicators.warmup import WARMUP
from tidewright.domain.rules.function import (
    AVERAGE,
    CONDITION,
    LAG,
    VALUE,
    WIDTH,
    WINDOW,
    Function,
    Need,
    Reach,
    Type,
    X,
)
from tidewright.domain.rules.operators import OPERATORS, PREFIXES
from tidewright.domain.windows import window_max, window_min

SERIES: Mapping[str, Callable[[Bars], Floats]] = {
    "open": lambda bars: bars.open,
    "high": lambda bars: bars.high,
    "low": lambda bars: bars.low,
    "close": lambda bars: bars.close,
    "volume": lambda bars: bars.volume,
    "hl2": lambda bars: (bars.high + bars.low) / 2.0,
    "hlc3": lambda bars: (bars.high + bars.low + bars.close) / 3.0,
    "ohlc4": lambda bars: (bars.open + bars.high + bars.low + bars.close) / 4.0,
}
"""The series that every market has, each of shape (n,)."""

AVERAGES: Mapping[str, Callable[[Floats, int], Floats]] = {"sma": sma, "ema": ema, "wma": wma}
"""What a Choice parameter may choose from where ``average`` takes it."""

LITERALS: Mapping[str, bool] = {"true": True, "false": False}


def _least(*values: Floats) -> Floats:
    return reduce(np.minimum, values)


def _greatest(*values: Floats) -> Floats:
    return reduce(np.maximum, values)


def _count(*conditions: Booleans) -> Floats:
    return reduce(np.add, [condition.astype(np.float64) for condition in conditions])


def _previous(x: Floats, lag: int) -> Floats:
    result = np.full(len(x), np.nan)
    result[lag:] = x[: max(len(x) - lag, 0)]
    return result


def _change(x: Floats, lag: int) -> Floats:
    return x - _previous(x, lag)


def _average(x: Floats, window: int, kind: str) -> Floats:
    return AVERAGES[kind](x, window)


def _stochastic_k(high: Floats, low: Floats, close: Floats, window: int, smooth: int) -> Floats:
    return stochastic(high, low, close, window, smooth, 1).k


def _outputs(
    described: Mapping[str, str],
    arguments: Mapping[str, Need],
    compute: Callable[..., Any],
    history: Callable[..., int],
    prices: tuple[str, ...] = (),
) -> list[Function]:
    """The outputs of one indicator in their order, each with its description; it is computed once for all of them."""
    return [
        Function(name, arguments, compute, description, history=history, prices=prices, output=output)
        for output, (name, description) in enumerate(described.items())
    ]


_X_N = {"x": X, "n": WINDOW}
_N = {"n": WINDOW}
_HLC = ("high", "low", "close")

FUNCTIONS: Mapping[str, Function] = {
    function.name: function
    for function in (
        Function("sma", _X_N, sma, "simple moving average", history=WARMUP["sma"]),
        Function("ema", _X_N, ema, "exponential moving average, weight 2 / (n + 1)", history=WARMUP["ema"]),
        Function("wma", _X_N, wma, "linearly weighted moving average", history=WARMUP["wma"]),
        Function(
            "average",
            {"x": X, "n": WINDOW, "kind": AVERAGE},
            _average,
            "the moving average that the Choice parameter `kind` names: sma, ema or wma",
            history=lambda window, kind: WARMUP[kind](window),
        ),
        Function("rsi", _X_N, rsi, "relative strength index, 0 to 100", history=WARMUP["rsi"]),
        *_outputs(
            {
                "macd": "MACD line: `ema(x, fast) - ema(x, slow)`",
                "macd_signal": "its average: the EMA of the line over `signal` bars",
                "macd_histogram": "line less signal",
            },
            {"x": X, "fast": WINDOW, "slow": WINDOW, "signal": WINDOW},
            macd,
            WARMUP["macd"],
        ),
        Function(
            "stochastic_k",
            {"n": WINDOW, "smooth": WINDOW},
            _stochastic_k,
            "where the close lies in the range of `n` bars, 0 to 100, averaged over `smooth` bars",
            history=lambda window, smooth: WARMUP["stochastic"](window, smooth, 1),
            prices=_HLC,
        ),
        Function(
            "stochastic_d",
            {"n": WINDOW, "smooth_k": WINDOW, "smooth_d": WINDOW},
            stochastic,
            "`stochastic_k(n, smooth_k)` averaged over `smooth_d` bars",
            history=WARMUP["stochastic"],
            prices=_HLC,
            output=1,
        ),
        *_outputs(
            {
                "bollinger_lower": "Bollinger band: `width` population standard deviations below the average",
                "bollinger_middle": "the average itself, `sma(x, n)`",
                "bollinger_upper": "`width` population standard deviations above it",
            },
            {"x": X, "n": WINDOW, "width": WIDTH},
            bollinger,
            lambda window, _width: WARMUP["bollinger"](window),
        ),
        Function("zscore", _X_N, zscore, "distance from the average in standard deviations", history=WARMUP["zscore"]),
        Function(
            "true_range",
            {},
            true_range,
            "the bar's range, widened to the close before",
            history=WARMUP["true_range"],
            prices=_HLC,
        ),
        Function("atr", _N, atr, "average true range (Wilder)", history=WARMUP["atr"], prices=_HLC),
        *_outputs(
            {
                "keltner_lower": "Keltner channel: `width` times `atr(atr_n)` below the average",
                "keltner_middle": "the average itself, `ema(close, n)`",
                "keltner_upper": "`width` times `atr(atr_n)` above it",
            },
            {"n": WINDOW, "atr_n": WINDOW, "width": WIDTH},
            keltner,
            lambda window, atr_window, _width: WARMUP["keltner"](window, atr_window),
            _HLC,
        ),
        *_outputs(
            {
                "donchian_lower": "Donchian channel: the lowest low of `n` bars, the current one included",
                "donchian_middle": "halfway between both",
                "donchian_upper": "the highest high of `n` bars, the current one included",
            },
            _N,
            donchian,
            WARMUP["donchian"],
            ("high", "low"),
        ),
        *_outputs(
            {
                "adx": "average directional index: how strong a trend is, 0 to 100",
                "plus_di": "directional indicator: how strong the moves up are, 0 to 100",
                "minus_di": "how strong the moves down are, 0 to 100",
            },
            _N,
            adx,
            WARMUP["adx"],
            _HLC,
        ),
        Function(
            "obv",
            {},
            obv,
            "on-balance volume; its level means nothing, only its changes",
            history=WARMUP["obv"],
            prices=("close", "volume"),
        ),
        Function(
            "vwap", _N, vwap, "average of hlc3 weighted by volume", history=WARMUP["vwap"], prices=(*_HLC, "volume")
        ),
        Function(
            "highest",
            _X_N,
            window_max,
            "largest of the last `n` values, the current one included",
            history=WARMUP["donchian"],
        ),
        Function(
            "lowest",
            _X_N,
            window_min,
            "smallest of the last `n` values, the current one included",
            history=WARMUP["donchian"],
        ),
        Function(
            "previous",
            {"x": X, "n": LAG},
            _previous,
            "the value `n` bars earlier; also written `x[n]`",
            reach=Reach.BACK,
            history=int,
        ),
        Function("change", _X_N, _change, "`x - x[n]`", reach=Reach.BACK, history=int),
        Function("abs", {"a": VALUE}, np.abs, "the value without its sign", Type.WHOLE, Reach.BAR),
        Function(
            "min",
            {"a": VALUE, "b": VALUE},
            _least,
            "the smallest of the values, bar by bar",
            Type.WHOLE,
            Reach.BAR,
            variadic=True,
        ),
        Function(
            "max",
            {"a": VALUE, "b": VALUE},
            _greatest,
            "the largest of the values, bar by bar",
            Type.WHOLE,
            Reach.BAR,
            variadic=True,
        ),
        Function(
            "count", {"c": CONDITION}, _count, "how many of the conditions hold", Type.SERIES, Reach.BAR, variadic=True
        ),
    )
}
"""What is called by name and parentheses."""

WORDS: Mapping[str, Function] = {
    **FUNCTIONS,
    **OPERATORS,
    **{function.name: function for function in PREFIXES.values()},
}
"""Everything that an `Apply` node may name."""

RESERVED = frozenset({*SERIES, *LITERALS, "and", "or", "not", "crosses", "above", "below", "on"})
"""Names that no parameter and no column may have. A function's name is free, as a function is told by its parenthesis: ``rsi: rsi(14)``."""

"""How many bars must pass before an indicator's value may be believed.

A windowed indicator needs its window. A recursive one remembers its seed for ever, though less with every bar: it is believed once
the seed's weight has fallen to `NEGLIGIBLE`. An indicator of an indicator needs the sum of both warm-ups.
"""

from collections.abc import Callable

from tidewright.domain.windows import check_windows

NEGLIGIBLE = 1e-6
"""The weight of the seed at which a recursive indicator counts as settled."""


def ema_memory(window: int) -> int:
    """The smallest number of bars k with ``(1 - 2 / (window + 1)) ** k <= NEGLIGIBLE``; about 6.9 windows."""
    check_windows(window=window)
    return _memory(2.0 / (window + 1))


def wilder_memory(window: int) -> int:
    """The smallest number of bars k with ``(1 - 1 / window) ** k <= NEGLIGIBLE``; about 13.8 windows."""
    check_windows(window=window)
    return _memory(1.0 / window)


def _memory(weight: float) -> int:
    bars, left = 0, 1.0
    while left > NEGLIGIBLE:  # not by logarithms, whose last digit differs between machines
        left *= 1.0 - weight
        bars += 1
    return bars


def _windowed(window: int) -> int:
    check_windows(window=window)
    return window - 1


def _ema(window: int) -> int:
    return window - 1 + ema_memory(window)


def _wilder_of_changes(window: int) -> int:
    return window + wilder_memory(window)


def _macd(fast: int, slow: int, signal: int) -> int:
    check_windows(fast=fast, slow=slow, signal=signal)
    return max(_ema(fast), _ema(slow)) + _ema(signal)


def _stochastic(window: int, smooth_k: int, smooth_d: int) -> int:
    check_windows(window=window, smooth_k=smooth_k, smooth_d=smooth_d)
    return window + smooth_k + smooth_d - 3


def _keltner(window: int, atr_window: int) -> int:
    check_windows(window=window, atr_window=atr_window)
    return max(_ema(window), _wilder_of_changes(atr_window))


def _adx(window: int) -> int:
    return _wilder_of_changes(window) + window - 1 + wilder_memory(window)


WARMUP: dict[str, Callable[..., int]] = {
    "sma": _windowed,
    "ema": _ema,
    "wma": _windowed,
    "rsi": _wilder_of_changes,
    "macd": _macd,
    "stochastic": _stochastic,
    "true_range": lambda: 1,
    "atr": _wilder_of_changes,
    "bollinger": _windowed,
    "zscore": _windowed,
    "keltner": _keltner,
    "adx": _adx,
    "donchian": _windowed,
    "obv": lambda: 0,  # its level never settles; its changes need nothing
    "vwap": _windowed,
}
"""Warm-up in bars by indicator's name, as a function of its windows in the order in which the indicator takes them."""

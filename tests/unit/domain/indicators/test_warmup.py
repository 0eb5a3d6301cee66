"""The declared warm-up is long enough, and for a windowed indicator no longer than needed."""

import numpy as np
import pytest

from tidewright.domain.indicators import averages, momentum, trend, volatility, volume
from tidewright.domain.indicators.warmup import NEGLIGIBLE, WARMUP, ema_memory, wilder_memory

WINDOWED = {
    "sma": (lambda b, w: averages.sma(b.close, w), (20,)),
    "wma": (lambda b, w: averages.wma(b.close, w), (20,)),
    "true_range": (lambda b: volatility.true_range(b.high, b.low, b.close), ()),
    "bollinger": (lambda b, w: volatility.bollinger(b.close, w, 2.0).upper, (20,)),
    "zscore": (lambda b, w: volatility.zscore(b.close, w), (20,)),
    "donchian": (lambda b, w: trend.donchian(b.high, b.low, w).middle, (20,)),
    "stochastic": (lambda b, *w: momentum.stochastic(b.high, b.low, b.close, *w).d, (14, 3, 5)),
    "vwap": (lambda b, w: volume.vwap(b.high, b.low, b.close, b.volume, w), (20,)),
}
RECURSIVE = {
    "ema": (lambda b, w: averages.ema(b.close, w), (20,)),
    "rsi": (lambda b, w: momentum.rsi(b.close, w), (14,)),
    "macd": (lambda b, *w: momentum.macd(b.close, *w).signal, (3, 6, 40)),
    "atr": (lambda b, w: volatility.atr(b.high, b.low, b.close, w), (14,)),
    "keltner": (lambda b, *w: volatility.keltner(b.high, b.low, b.close, *w, 2.0).upper, (20, 10)),
    "adx": (lambda b, w: trend.adx(b.high, b.low, b.close, w).adx, (14,)),
}


def test_every_indicator_has_a_warmup():
    assert set(WARMUP) == {*WINDOWED, *RECURSIVE, "obv"}


@pytest.mark.parametrize("name", WINDOWED)
def test_a_windowed_indicator_is_defined_and_final_right_after_its_warmup(walk, name):
    indicator, windows = WINDOWED[name]
    warmup = WARMUP[name](*windows)
    values = indicator(walk, *windows)
    assert np.isnan(values[:warmup]).all()
    assert not np.isnan(values[warmup:]).any()
    later = indicator(walk._make(column[1_000:] for column in walk), *windows)
    assert later[warmup:].tobytes() == values[1_000 + warmup :].tobytes()


@pytest.mark.parametrize("name", RECURSIVE)
def test_after_the_warmup_of_a_recursive_indicator_its_start_no_longer_matters(walk, name):
    indicator, windows = RECURSIVE[name]
    warmup = WARMUP[name](*windows)
    whole = indicator(walk, *windows)
    spread = float(np.nanstd(whole))
    for start in range(100, 3_000, 100):
        later = indicator(walk._make(column[start:] for column in walk), *windows)
        assert np.abs(later[warmup:] - whole[start + warmup :]).max() < 10 * NEGLIGIBLE * spread


@pytest.mark.parametrize(("window", "bars"), [(1, 1), (2, 13), (3, 20), (20, 139), (200, 1_382)])
def test_ema_memory(window, bars):
    assert ema_memory(window) == bars
    left = 1.0 - 2.0 / (window + 1)
    assert left**bars <= NEGLIGIBLE < left ** (bars - 1)


@pytest.mark.parametrize(("window", "bars"), [(1, 1), (2, 20), (14, 187), (100, 1_375)])
def test_wilder_memory(window, bars):
    assert wilder_memory(window) == bars
    left = 1.0 - 1.0 / window
    assert left**bars <= NEGLIGIBLE < left ** (bars - 1)


@pytest.mark.parametrize("name", sorted(set(WARMUP) - {"true_range", "obv"}))
def test_a_window_below_one_bar_is_refused(name):
    count = len((WINDOWED | RECURSIVE)[name][1])
    with pytest.raises(ValueError, match="is 0; make it a whole number of bars"):
        WARMUP[name](*[0] * count)

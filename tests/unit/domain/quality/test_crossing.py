"""Bars against shorter bars and against trades."""

import numpy as np
import pytest

from tidewright.adapters.bar_file import read_bars
from tidewright.domain.bars import Bars, Market
from tidewright.domain.quality import Difference, TapeBars, shorter_differences, tape_differences
from tidewright.domain.resampling import bars_of, resample
from tidewright.domain.tape import Tape

MINUTE = 60_000
BTC = Market("binance", "BTC/USDT", "1m")


def tape(count=600, every=1_000, first=0):
    """A trade a second, so that the minutes that begin after the first are all known but for the last."""
    place = np.arange(first, first + count)
    return Tape(place + 50, place * every, 100 + place % 7 * 0.5, 0.1 + place % 3 * 0.1, place % 2 == 0)


def made(of):
    return bars_of(of.ticks, BTC)


def test_bars_that_are_made_of_their_trades_do_not_differ():
    assert tape_differences(made(tape()), tape()) == []


def test_a_bar_that_differs_says_where_and_from_what():
    bars = made(tape())
    bars.high[4] += 0.5

    assert tape_differences(bars, tape()) == [Difference(4 * MINUTE, "high", bars.high[4], bars.high[4] - 0.5)]


@pytest.mark.parametrize("row", [0, 9])
def test_a_bar_at_either_end_of_the_tape_is_not_judged(row):
    bars = made(tape())
    bars.high[row] += 0.5

    assert tape_differences(bars, tape()) == []


def test_a_bar_in_which_a_trade_is_missing_is_not_judged():
    bars, kept = made(tape()), np.delete(np.arange(600), 250)
    holed = Tape(*(getattr(tape(), name)[kept] for name in ("id", "time", "price", "quantity", "buyer_is_maker")))
    bars.close[4] += 0.5
    bars.close[5] += 0.5

    assert [one.time for one in tape_differences(bars, holed)] == [5 * MINUTE]


@pytest.mark.parametrize("size", [1, 7, 59, 60, 61, 600])
def test_trades_may_come_in_any_parts(size):
    watched, whole = TapeBars(BTC), tape()
    for first in range(0, 600, size):
        watched.add(whole.part(first, min(first + size, 600)))
    bars = made(whole)

    assert [watched.check(bars.part(row, row + 1)) for row in range(10)] == [None, *[[]] * 8, None]
    assert watched.passed(8 * MINUTE)
    assert not watched.passed(9 * MINUTE)


def test_only_the_newest_stretches_are_kept():
    watched = TapeBars(BTC, kept=3)
    watched.add(tape())
    bars = made(tape())

    assert [row for row in range(10) if watched.check(bars.part(row, row + 1)) is not None] == [6, 7, 8]


def test_trades_whose_times_run_backwards_make_no_bar():
    whole = tape()
    whole.time[200], whole.time[201] = whole.time[201], whole.time[200]
    bars = made(tape())
    bars.close[3] += 1

    assert tape_differences(bars, whole) == []


def test_longer_bars_are_held_against_the_shorter_ones_in_them():
    minutes = made(tape(6_000))
    longer = resample(minutes, "5m").bars
    assert shorter_differences(longer, minutes) == []

    longer.volume[3] *= 1 + 1e-12
    longer.close[5] += 0.5

    assert [(one.time, one.column) for one in shorter_differences(longer, minutes)] == [(25 * MINUTE, "close")]


def test_a_longer_bar_that_lacks_some_of_its_parts_is_not_judged():
    minutes = made(tape(6_000))
    longer = resample(minutes, "5m").bars
    longer.close[5] += 0.5
    kept = np.delete(np.arange(100), 27)
    holed = Bars(
        *(getattr(minutes, name)[kept] for name in ("time", "open", "high", "low", "close", "volume")), step=MINUTE
    )

    assert shorter_differences(longer, holed) == []


def test_real_bars_are_made_of_shorter_ones(shared_data):
    five, hours = (
        read_bars(
            shared_data / f"binance-spot/BTC_USDT-{timeframe}-2024.feather", BTC._replace(timeframe=timeframe)
        ).bars
        for timeframe in ("5m", "1h")
    )

    assert len(resample(five, "1h").bars) == len(hours)
    assert shorter_differences(hours, five) == []

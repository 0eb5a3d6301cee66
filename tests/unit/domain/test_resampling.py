from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.adapters.tables import read_table
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.resampling import Ticks, bar_opens, bars_of, joined, resample

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
MONDAY = 1_704_067_200_000  # 2024-01-01
MARKET = Market("binance", "BTC/USDT", "1m")


def minutes(*opens, start=MONDAY):
    """A bar in each of the minutes, whose price is the minute's number and whose volume a tenth."""
    number = np.array(opens, np.int64)
    price = 100.0 + number
    return Bars(
        start + MINUTE * number, price, price + 2, price - 2, price + 1, np.full(len(number), 0.1), MINUTE, MARKET
    )


def columns(bars):
    return {name: getattr(bars, name).tolist() for name in ("time", *COLUMNS)}


def test_a_longer_bar_has_the_first_open_the_extremes_the_last_close_and_the_whole_volume():
    made = resample(minutes(*range(10)), "5m").bars

    assert columns(made) == {
        "time": [MONDAY, MONDAY + 5 * MINUTE],
        "open": [100.0, 105.0],
        "high": [106.0, 111.0],
        "low": [98.0, 103.0],
        "close": [105.0, 110.0],
        "volume": [0.5, 0.5],
    }
    assert (made.step, made.market) == (5 * MINUTE, MARKET._replace(timeframe="5m"))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("symbol", "shorter", "longer"),
    [("BTC", "5m", "1h"), ("BTC", "5m", "4h"), ("BTC", "1h", "4h"), ("BTC", "1h", "1d"), ("ETH", "5m", "1d")],
)
def test_shorter_bars_of_binance_make_its_longer_bars_bit_for_bit(shared_data, symbol, shorter, longer):
    def published(timeframe, step):
        table = read_table(shared_data / f"binance-spot/{symbol}_USDT-{timeframe}-2024.feather")
        read = {column.name: column.values for column in table.columns}
        time = read.pop("date").astype("datetime64[ms]").astype(np.int64)
        return Bars(time, *(read[name] for name in COLUMNS), step, MARKET._replace(timeframe=timeframe))

    steps = {"5m": 5 * MINUTE, "1h": HOUR, "4h": 4 * HOUR, "1d": DAY}
    made = resample(published(shorter, steps[shorter]), longer).bars
    theirs = published(longer, steps[longer]).between(int(made.time[0]), int(made.time[-1]) + 1)

    assert len(made) > 200
    assert columns(made) == columns(theirs)


def test_volumes_are_added_as_the_decimals_they_are():
    bars = replace(minutes(0, 1, 2), volume=np.array([0.1, 0.2, 1e-8]))

    assert 0.1 + 0.2 + 1e-8 != 0.30000001
    assert resample(bars, "3m").bars.volume.tolist() == [0.30000001]


@given(st.lists(st.decimals(0, 10_000, places=8), min_size=15, max_size=15))
def test_a_sum_is_the_float_nearest_to_that_of_the_decimals(decimals):
    bars = replace(minutes(*range(15)), volume=np.array([float(number) for number in decimals]))

    assert resample(bars, "15m").bars.volume.tolist() == [float(sum(decimals))]


def test_volumes_that_are_no_decimals_are_added_with_one_rounding():
    volume = np.array([1 / 3, 2.0**60, -(2.0**60)])

    assert resample(replace(minutes(0, 1, 2), volume=volume), "3m").bars.volume.tolist() == [1 / 3]


@given(st.sets(st.integers(0, 400)), st.sampled_from([("5m", "15m"), ("5m", "1h"), ("15m", "1h")]))
def test_resampling_in_steps_is_resampling_at_once(opens, timeframes):
    bars = minutes(*sorted(opens), start=MONDAY + 3 * MINUTE)
    between, longest = timeframes

    assert columns(resample(resample(bars, between).bars, longest).bars) == columns(resample(bars, longest).bars)


@given(st.sets(st.integers(0, 300), min_size=1), st.integers(0, 300))
def test_what_comes_later_changes_no_bar_that_was_known(opens, known):
    bars = minutes(*sorted(opens))
    earlier = resample(bars.between(0, MONDAY + known * MINUTE), "15m").bars
    later = resample(bars, "15m").bars

    assert columns(earlier) == columns(later.part(0, len(earlier)))


@given(st.lists(st.sampled_from([0.1, 0.2, 1e-8, 1 / 3, 5e9, np.nan]), min_size=10, max_size=10))
def test_the_volumes_of_one_bar_do_not_change_how_those_of_another_are_added(volume):
    bars = replace(minutes(*range(10)), volume=np.array(volume))

    apart = [resample(bars.part(*part), "5m").bars.volume.tobytes() for part in ((0, 5), (5, 10))]
    assert resample(bars, "5m").bars.volume.tobytes() == b"".join(apart)


def test_a_bar_with_missing_parts_is_left_out_and_named():
    made = resample(minutes(*range(5), 5, 6, 8, 9, *range(10, 15)), "5m")

    assert made.bars.time.tolist() == [MONDAY, MONDAY + 10 * MINUTE]
    assert made.incomplete.tolist() == [MONDAY + 5 * MINUTE]


def test_a_bar_with_missing_parts_can_be_kept_except_at_the_edges():
    made = resample(minutes(*range(2, 5), 5, 6, 8, 9, *range(10, 15), 20, 21), "5m", keep_incomplete=True)

    assert made.bars.time.tolist() == [MONDAY + 5 * MINUTE, MONDAY + 10 * MINUTE]
    assert made.bars.volume.tolist() == [0.4, 0.5]
    assert made.incomplete.tolist() == [MONDAY, MONDAY + 5 * MINUTE, MONDAY + 20 * MINUTE]


@pytest.mark.parametrize("keep", [False, True])
def test_a_gap_stays_a_gap(keep):
    made = resample(minutes(*range(5), *range(10, 15)), "5m", keep_incomplete=keep)

    assert made.bars.time.tolist() == [MONDAY, MONDAY + 10 * MINUTE]
    assert made.incomplete.tolist() == []


def test_no_bars_make_no_bars():
    assert len(resample(minutes(), "5m").bars) == 0
    assert len(resample(minutes(0, 1), "5m").bars) == 0


def test_nan_stays_nan():
    bars = minutes(*range(5))
    bars.high[2] = bars.volume[3] = np.nan
    made = resample(bars, "5m").bars

    assert np.isnan(made.high[0])
    assert np.isnan(made.volume[0])
    assert made.low[0] == 98.0


@pytest.mark.parametrize("timeframe", ["1m", "30s", "90s"])
def test_a_timeframe_that_is_no_longer_multiple_is_refused(timeframe):
    with pytest.raises(ValueError, match=f"{timeframe} bars cannot be made of 1m bars"):
        resample(minutes(0, 1), timeframe)


def test_weeks_begin_on_mondays_and_three_days_where_binance_has_them():
    days = MONDAY + DAY * np.arange(14)

    assert np.unique(bar_opens(days, 7 * DAY)).tolist() == [MONDAY, MONDAY + 7 * DAY]
    assert bar_opens(np.array([1_502_928_000_000]), 3 * DAY).tolist() == [
        1_502_928_000_000
    ]  # BTCUSDT's first, 2017-08-17
    assert bar_opens(days[:1] + 13 * HOUR, 4 * HOUR).tolist() == [MONDAY + 12 * HOUR]


def ticks(*trades):
    time, price, quantity = zip(*trades, strict=True)
    return Ticks(MONDAY + np.array(time, np.int64), np.array(price, np.float64), np.array(quantity, np.float64))


def test_trades_make_bars_and_a_minute_without_a_trade_has_none():
    made = bars_of(ticks((0, 10.0, 0.1), (59_999, 12.0, 0.2), (60_000, 11.0, 1), (180_001, 9.0, 2)), MARKET)

    assert columns(made) == {
        "time": [MONDAY, MONDAY + MINUTE, MONDAY + 3 * MINUTE],
        "open": [10.0, 11.0, 9.0],
        "high": [12.0, 11.0, 9.0],
        "low": [10.0, 11.0, 9.0],
        "close": [12.0, 11.0, 9.0],
        "volume": [0.3, 1.0, 2.0],
    }


def test_trades_out_of_order_are_refused():
    with pytest.raises(ValueError, match="the trades of BTC/USDT are not in the order of their times"):
        bars_of(ticks((5, 1, 1), (4, 1, 1)), MARKET)


@given(
    st.lists(
        st.tuples(st.integers(0, 400_000), st.integers(1, 99), st.decimals("0.00001", 100, places=5)),
        min_size=1,
        max_size=40,
    ),
    st.data(),
)
def test_trades_make_the_same_bars_wherever_they_are_split(trades, data):
    trades = sorted(trades, key=lambda trade: trade[0])
    split = data.draw(st.integers(0, len(trades)))
    parts = [bars_of(ticks(*part), MARKET) for part in (trades[:split], trades[split:]) if part]
    whole = bars_of(ticks(*trades), MARKET)

    assert columns(joined(parts)) == columns(whole)
    sums = {}
    for time, _, quantity in trades:
        sums[time // MINUTE] = sums.get(time // MINUTE, Decimal(0)) + quantity
    assert whole.volume.tolist() == [float(sums[minute]) for minute in sorted(sums)]

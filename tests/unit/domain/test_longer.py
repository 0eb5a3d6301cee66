"""Longer bars beside a strategy's own: known at their close, and the same bits however long the history is."""

from math import fsum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidewright
from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.indicators.averages import sma
from tidewright.domain.longer import longer
from tidewright.domain.lookahead import prove_causal
from tidewright.domain.strategies.evaluation import evaluate
from tidewright.domain.warmup import measure_warmup

HOUR, DAY = 3_600_000, 86_400_000
MONDAY = 1_704_067_200_000  # 2024-01-01
MARKET = Market("binance", "BTC/USDT", "1h")


def hours(*opens):
    """A bar in each of the hours since Monday, whose prices are about the hour's number and whose volume is a tenth."""
    number = np.array(opens, np.int64)
    price = 100.0 + number
    volume = np.full(len(number), 0.1)
    return Bars(MONDAY + HOUR * number, price, price + 2, price - 2, price + 1, volume, HOUR, MARKET)


def opens(bars):
    """The hours since Monday at which the bars open."""
    return ((bars.time - MONDAY) // HOUR).tolist()


def test_a_longer_bar_is_known_at_the_close_of_its_last_part_and_not_before():
    made = longer(hours(*range(10)), "4h")

    assert opens(made.bars) == [0, 4]
    assert made.known.tolist() == [-1, -1, -1, 0, 0, 0, 0, 1, 1, 1]
    assert (made.bars.open.tolist(), made.bars.close.tolist()) == ([100, 104], [104, 108])
    assert (made.bars.high.tolist(), made.bars.low.tolist()) == ([105, 109], [98, 102])
    assert made.bars.volume.tolist() == [0.4, 0.4]
    assert (made.bars.step, made.bars.market) == (4 * HOUR, MARKET._replace(timeframe="4h"))


def test_values_of_longer_bars_are_missing_until_the_first_is_over():
    made = longer(hours(*range(10)), "4h")

    np.testing.assert_array_equal(made.aligned(made.bars.close), [np.nan] * 3 + [104] * 4 + [108] * 3)
    np.testing.assert_array_equal(made.aligned(np.array([7, 8])), [np.nan] * 3 + [7] * 4 + [8] * 3)
    rises = made.aligned(made.bars.close > 105)
    assert rises.dtype == np.bool_
    assert rises.tolist() == [False] * 7 + [True] * 3


def test_values_of_other_bars_are_refused():
    made = longer(hours(*range(10)), "4h")

    with pytest.raises(ValueError, match=r"there are 2 longer bars and the values have shape \(10,\)"):
        made.aligned(np.zeros(10))


def test_a_longer_bar_that_began_before_the_history_is_left_out():
    made = longer(hours(*range(1, 9)), "4h")

    assert opens(made.bars) == [4]
    assert made.known.tolist() == [-1] * 6 + [0] * 2


def test_after_an_outage_a_longer_bar_is_made_of_what_there_is_once_its_end_has_passed():
    made = longer(hours(0, 1, 2, 3, 4, 5, 9, 10, 11, 20), "4h")

    assert opens(made.bars) == [0, 4, 8]
    assert made.bars.close.tolist() == [104, 106, 112]
    assert made.known.tolist() == [-1, -1, -1, 0, 0, 0, 1, 1, 2, 2]


def test_a_bar_at_the_end_of_a_longer_one_completes_it_whatever_is_missing_before():
    made = longer(hours(0, 3, 7), "4h")

    assert opens(made.bars) == [0, 4]
    assert made.known.tolist() == [-1, 0, 1]


def test_a_bar_belongs_to_the_longer_one_in_which_it_closes():
    late = hours(0, 1, 2, 3)
    late.time[3] += HOUR // 2

    made = longer(late, "4h")

    assert made.bars.close.tolist() == [103]
    assert made.known.tolist() == [-1, -1, -1, 0]


@pytest.mark.parametrize("bars", [hours(), hours(0, 1), hours(2, 3)], ids=["none", "unfinished", "begun before"])
def test_there_may_be_no_longer_bar(bars):
    made = longer(bars, "4h")

    assert len(made.bars) == 0
    assert np.isnan(made.aligned(made.bars.close)).all()
    assert made.aligned(made.bars.close).shape == (len(bars),)


@pytest.mark.parametrize("timeframe", ["1h", "30m", "90m"])
def test_a_timeframe_that_is_no_longer_multiple_is_refused(timeframe):
    with pytest.raises(ValueError, match=f"{timeframe} bars cannot be made of 1h bars"):
        longer(hours(0, 1), timeframe)


def test_weeks_begin_on_mondays():
    made = longer(hours(*range(-24, 7 * 24)), "1w")

    assert made.bars.time.tolist() == [MONDAY]
    assert made.known.tolist() == [-1] * (8 * 24 - 1) + [0]


# Whatever the bars are: hours left out, and now and then a bar between two hours.

histories = st.lists(
    st.tuples(
        st.sampled_from([HOUR] * 5 + [HOUR // 2, 3 * HOUR, 7 * HOUR, 30 * HOUR]),
        st.integers(50, 150),
        st.sampled_from([0.1, 0.2, 0.3, 1e-8, 12.34567, 1 / 3, 5e9 + 0.125, np.nan]),
    ),
    max_size=60,
)


def bars_of(history, begin):
    time = MONDAY + begin * HOUR + np.cumsum([wait for wait, _, _ in history], dtype=np.int64)
    price = np.array([price for _, price, _ in history], np.float64)
    volume = np.array([volume for _, _, volume in history], np.float64)
    return Bars(time, price, price + 1.5, price - 1.5, price + 0.5, volume, HOUR, MARKET)


def rows(bars):
    """Every longer bar as the bytes of its columns."""
    return list(zip(*(np.asarray(getattr(bars, name)).view("V8").tolist() for name in ("time", *COLUMNS)), strict=True))


@given(histories, st.integers(0, 200), st.sampled_from(["2h", "4h", "1d"]), st.data())
def test_what_is_known_at_a_bar_does_not_depend_on_what_comes_later(history, begin, timeframe, data):
    bars = bars_of(history, begin)
    cut = data.draw(st.integers(0, len(bars)))
    whole, part = longer(bars, timeframe), longer(bars.part(0, cut), timeframe)

    assert part.known.tolist() == whole.known[:cut].tolist()
    assert rows(part.bars) == rows(whole.bars)[: len(part.bars)]
    assert len(part.bars) == part.known.max(initial=-1) + 1
    for name in COLUMNS:
        aligned, known = part.aligned(getattr(part.bars, name)), whole.aligned(getattr(whole.bars, name))
        assert aligned.tobytes() == known[:cut].tobytes()


@given(histories, st.integers(0, 200), st.sampled_from([4, 24]))
def test_it_is_what_a_reader_with_one_bar_at_a_time_would_know(history, begin, many):
    bars, step = bars_of(history, begin), many * HOUR
    made = longer(bars, f"{many}h" if many == 4 else "1d")
    closes = bars.time + HOUR
    for i, now in enumerate(closes):
        ends = [end for end in range(MONDAY, now + 1, step) if np.any((closes > end - step) & (closes <= end))]
        if ends and bars.time[0] > (closes[0] - 1) // step * step:
            ends = ends[1:]
        assert made.known[i] == len(ends) - 1
        if ends:
            parts = np.flatnonzero((closes > ends[-1] - step) & (closes <= ends[-1]))
            bar, volume = made.known[i], bars.volume[parts]
            assert made.bars.time[bar] == ends[-1] - step
            assert (made.bars.open[bar], made.bars.close[bar]) == (bars.open[parts[0]], bars.close[parts[-1]])
            assert (made.bars.high[bar], made.bars.low[bar]) == (bars.high[parts].max(), bars.low[parts].min())
            np.testing.assert_allclose(made.bars.volume[bar], fsum(volume), rtol=1e-15)


# In a strategy


class Trend(tidewright.SignalStrategy):
    """Follows the day's trend by the hour."""

    def warmup(self, parameters):
        return (19 + 2) * 24 - 2

    def columns(self, bars, parameters):
        daily = tidewright.longer(bars, "1d")
        return {
            "trend": daily.aligned(sma(daily.bars.close, 20)),
            "rising": daily.aligned(daily.bars.close > daily.bars.open),
        }

    def signals(self, bars, columns, parameters):
        above = bars.close > columns["trend"]
        return tidewright.Signals(above & columns["rising"], ~above)


class Impatient(Trend):
    """Takes the day's close for known from its first hour on."""

    def columns(self, bars, parameters):
        day = bars.time // DAY
        last = np.searchsorted(day, day, side="right") - 1
        return {"trend": bars.close[last], "rising": bars.close > bars.open}


@pytest.fixture(scope="module")
def simulated():
    return SimulatedStore().read(Market("simulated", "BTC/USDT", "1h")).part(5, 4_000)


def test_a_strategy_that_looks_at_longer_bars_is_causal_and_warms_up_as_the_docstring_says(simulated):
    whole = evaluate(Trend(), simulated, {})

    assert 0 < np.count_nonzero(whole.signals.enter) < len(simulated)
    assert prove_causal(Trend(), simulated, {}, whole).passed
    assert measure_warmup(Trend(), simulated, {}, whole).passed


def test_a_strategy_that_looks_at_an_unfinished_longer_bar_is_found_out(simulated):
    proof = prove_causal(Impatient(), simulated, {}, evaluate(Impatient(), simulated, {}))

    assert not proof.passed
    assert proof.violation.column == "trend"

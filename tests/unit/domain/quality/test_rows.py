"""The row rules: the same verdicts over any split, each row judged by the sound ones before it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tidewright.domain.bars import Bars
from tidewright.domain.quality import (
    BAR_ERRORS,
    BAR_RULES,
    TRADE_RULES,
    BarWatch,
    TradeWatch,
    bar_masks,
    broken,
    trade_masks,
)
from tidewright.domain.tape import Tape
from tidewright.domain.timeframe import DAY

MINUTE = 60_000
ABSURD = [np.nan, np.inf, -np.inf, 0.0, -1.0, 1e6, 1e18, 1e308, 5e-324]


def values(count):
    return arrays(np.float64, count, elements=st.sampled_from([100.0, 101.0, 160.0, *ABSURD]) | st.floats(width=64))


@st.composite
def any_bars(draw):
    count = draw(st.integers(0, 40))
    times = st.integers(0, 12).map(lambda i: i * MINUTE) | st.integers(-(2**63), 2**63 - 1)
    step = draw(st.sampled_from([MINUTE, DAY, 7 * DAY]))
    return Bars(draw(arrays(np.int64, count, elements=times)), *(draw(values(count)) for _ in range(5)), step=step)


@st.composite
def any_tapes(draw):
    count = draw(st.integers(0, 40))
    numbers = st.integers(0, 12) | st.integers(-(2**63), 2**63 - 1)
    ids, times = (draw(arrays(np.int64, count, elements=numbers)) for _ in range(2))
    return Tape(ids, times, draw(values(count)), draw(values(count)), np.zeros(count, np.bool_))


def parts(draw_cuts, count):
    cuts = [0, *sorted(min(cut, count) for cut in draw_cuts), count]
    return list(pairwise(cuts))


cuts = st.lists(st.integers(0, 40), max_size=6)


@given(any_bars(), cuts)
def test_bars_are_judged_alike_over_any_split(bars, splits):
    watch = BarWatch("BTC/USDT", bars.step)
    received = np.arange(len(bars)) * MINUTE
    judged = [watch.judge(bars.part(*part), received[slice(*part)]) for part in parts(splits, len(bars))]
    np.testing.assert_array_equal(np.concatenate(judged), BarWatch("BTC/USDT", bars.step).judge(bars, received))


@given(any_tapes(), cuts)
def test_trades_are_judged_alike_over_any_split(tape, splits):
    watch = TradeWatch("BTC/USDT")
    judged = [watch.judge(tape.part(*part)) for part in parts(splits, len(tape))]
    np.testing.assert_array_equal(np.concatenate(judged), trade_masks(tape))


@given(any_bars())
def test_without_the_compiler_verdicts_are_the_same(bars):
    from tidewright.domain.quality import rows  # noqa: PLC0415 - its compiled loop is replaced

    compiled = bar_masks(bars)
    plain, rows._judge_bars = rows._judge_bars, getattr(rows._judge_bars, "py_func", rows._judge_bars)
    try:
        np.testing.assert_array_equal(bar_masks(bars), compiled)
    finally:
        rows._judge_bars = plain


def minutes(count=20):
    swing = 100.0 + np.arange(count) % 3
    return Bars(np.arange(count) * MINUTE, swing, swing + 2, swing - 2, swing + 1, np.ones(count), step=MINUTE)


def names(mask, rules=BAR_RULES):
    return [rule.name for rule in broken(int(mask), rules)]


def test_an_absurd_bar_condemns_itself_and_not_the_next():
    bars = minutes()
    bars.close[7] = 1e308

    masks = bar_masks(bars)

    assert names(masks[7]) == ["PriceTooHigh", "HighTooLow", "PriceJump"]
    assert not masks[8:].any()


def test_a_time_beyond_what_can_be_is_no_measure_for_the_bars_after_it():
    bars = minutes()
    received = bars.time + 2 * MINUTE
    bars.time[7] += 400 * DAY

    masks = BarWatch("BTC/USDT", MINUTE).judge(bars, received)

    assert names(masks[7]) == ["FutureTime"]
    assert [names(mask) for mask in masks[8:]] == [["Gap"], *[[]] * 11]


@pytest.mark.parametrize("late", [0, DAY])
def test_a_clock_may_be_a_day_slow(late):
    bars = minutes(1)

    masks = BarWatch("BTC/USDT", MINUTE).judge(bars, bars.time + MINUTE + 1 - late)

    assert not masks.any()


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("price", np.nan, ["NonFinite"]),
        ("price", 0.0, ["NonPositivePrice", "PriceJump"]),
        ("price", 1e6, ["PriceTooHigh", "PriceJump"]),
        ("price", 151.0, ["PriceJump"]),
        ("quantity", np.inf, ["NonFinite", "QuantityTooHigh"]),
        ("quantity", 0.0, ["NonPositiveQuantity"]),
        ("quantity", 1e18, ["QuantityTooHigh"]),
        ("id", -1, ["ImpossibleId", "UnsortedId"]),
        ("id", 2**53, ["ImpossibleId", "IdGap"]),
        ("time", -1, ["UnsortedTime", "ImpossibleTime"]),
        ("time", 4_102_444_800_000, ["ImpossibleTime"]),
        ("id", 4, ["DuplicateId"]),
        ("id", 2, ["UnsortedId"]),
        ("id", 9, ["IdGap"]),
        ("time", 3, ["UnsortedTime"]),
    ],
)
def test_a_trade_and_the_rules_that_it_breaks(column, value, expected):
    count = np.arange(10)
    tape = Tape(count.copy(), count.copy(), np.full(10, 100.0), np.ones(10), np.zeros(10, np.bool_))
    getattr(tape, column)[5] = value

    assert names(trade_masks(tape)[5], TRADE_RULES) == expected


def test_read_only_and_strided_columns_are_judged_as_any_other():
    bars = minutes()
    table = np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume], axis=1)
    table.setflags(write=False)

    assert not bar_masks(Bars(bars.time, *table.T, step=MINUTE)).any()


def test_the_errors_are_those_of_the_table():
    assert [rule.severity for rule in broken(BAR_ERRORS, BAR_RULES)] == ["Error"] * len(broken(BAR_ERRORS, BAR_RULES))
    assert not broken(BAR_ERRORS, {bit: rule for bit, rule in BAR_RULES.items() if rule.severity == "Warning"})

"""Two executions of one set of rules, which must agree on every row: the compiled pass and Great Expectations."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewright.adapters.bar_file import read_bars
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.quality import BAR_RULES, BarWatch, bar_masks

with warnings.catch_warnings(action="ignore"):  # it imports what Python 3.11 says will go
    from data_validation.expectations import BROKEN, Checkpoints, data_docs, frame_of

MINUTE = 60_000
BTC = Market("binance", "BTC/USDT", "1m")
ABSURD = [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, -1.0, 1e6, 999_999.9, 1e18, 1e308, 5e-324]


@pytest.fixture(scope="module")
def checkpoints():
    return Checkpoints()


def bars(count=60, step=MINUTE, market=BTC):
    swing = 100 + np.arange(count) % 3
    columns = [swing, swing + 2, swing - 2, swing + 1, np.ones(count)]
    return Bars(
        np.arange(count) * step, *(np.array(column, np.float64) for column in columns), step=step, market=market
    )


def disagreements(checkpoints, of, received=None):
    ours = BarWatch(of.market.symbol, of.step).judge(of, received)
    theirs = checkpoints.run(of, received).masks
    return [(int(row), int(ours[row]), int(theirs[row])) for row in np.flatnonzero(ours != theirs)]


@st.composite
def corrupted(draw):
    step = draw(st.sampled_from([MINUTE, 86_400_000, 7 * 86_400_000]))
    whole = bars(step=step)
    places = st.integers(0, len(whole) - 1)
    for _ in range(draw(st.integers(0, 12))):
        name = draw(st.sampled_from(COLUMNS))
        getattr(whole, name)[draw(places)] = draw(st.sampled_from(ABSURD) | st.floats(width=64))
    for _ in range(draw(st.integers(0, 6))):
        time = st.integers(-5, 70).map(lambda place: place * step) | st.integers(-(2**62), 2**62)
        whole.time[draw(places)] = draw(time | places.map(lambda place: int(whole.time[place]) + 7))
    first, last = sorted((draw(places), draw(places)))
    for name in ("open", "high", "low", "close"):
        getattr(whole, name)[first:last] = getattr(whole, name)[first]
    return whole


@settings(max_examples=30)
@given(of=corrupted(), now=st.none() | st.integers(0, 70))
def test_they_agree_on_corrupted_bars(checkpoints, of, now):
    received = None if now is None else np.full(len(of), now * of.step)

    assert disagreements(checkpoints, of, received) == []


@given(of=corrupted(), now=st.none() | st.integers(0, 70))
def test_the_rules_as_columns_agree_on_corrupted_bars(of, now):
    received = None if now is None else np.full(len(of), now * of.step)
    rows = frame_of(of, received)
    masks = sum(bit * BROKEN[rule.name](rows).to_numpy(np.int32) for bit, rule in BAR_RULES.items())

    np.testing.assert_array_equal(masks, BarWatch(of.market.symbol, of.step).judge(of, received))


@pytest.mark.parametrize(
    ("file", "market"),
    [
        ("binance-spot/BTC_USDT-1h-2017-2024.feather", Market("binance", "BTC/USDT", "1h")),
        ("binance-spot/ETH_USDT-1d-2024.feather", Market("binance", "ETH/USDT", "1d")),
        ("binance-usdm/BTC_USDT_USDT-1m-futures.feather", Market("binance", "BTC/USDT:USDT", "1m")),
        ("bitvavo/BTC-EUR-1h-2021-2023.csv", Market("bitvavo", "BTC/EUR", "1h")),
    ],
)
def test_they_agree_on_real_bars(checkpoints, shared_data, file, market):
    real = read_bars(shared_data / file, market).bars

    assert disagreements(checkpoints, real) == []


def test_they_agree_on_real_bars_of_which_a_hundredth_was_corrupted(checkpoints, shared_data):
    real = read_bars(shared_data / "binance-spot/BTC_USDT-1h-2024.feather", BTC._replace(timeframe="1h")).bars
    random = np.random.default_rng(7)
    columns = {name: getattr(real, name).copy() for name in ("time", *COLUMNS)}
    for name in COLUMNS:
        columns[name][random.integers(0, len(real), len(real) // 100)] = random.choice(ABSURD, len(real) // 100)
    swapped = random.integers(1, len(real), 20)
    columns["time"][swapped] = columns["time"][swapped - 1]
    broken = replace(real, **columns)

    assert disagreements(checkpoints, broken) == []
    assert len(np.flatnonzero(bar_masks(broken))) == 300


def test_every_rule_has_its_expectation_and_its_columns():
    assert set(BROKEN) == {rule.name for rule in BAR_RULES.values()}


def test_the_page_for_people_tells_of_every_rule_and_of_the_rows_that_break_it(checkpoints):
    wrong = bars()
    wrong.high[7] = 1.5
    results = checkpoints.run(wrong).results

    page = re.sub(r"<[^>]+>", " ", data_docs(results))

    assert all(rule.name in page for rule in BAR_RULES.values())
    assert "1 unexpected values found" in page
    assert "ask the exchange for it again" in page
    assert "1.5" in page


def test_what_is_kept_does_not_grow_with_the_rows(checkpoints):
    empty = bars(20_000)
    empty.volume[:] = 0.0

    assert len(str(checkpoints.run(empty).results)) < 60_000

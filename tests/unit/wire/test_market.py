"""Markets and bars survive the wire bit for bit; what is no bar series is refused."""

import math

import numpy as np
import pytest

from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.v1 import market_pb2 as pb
from tidewright.wire.market import (
    CHUNK,
    Malformed,
    bar_message,
    bar_of,
    bars_messages,
    bars_of,
    market_message,
    market_of,
)

BTC = Market("binance", "BTC/USDT", "1h")
HOUR = 3_600_000


def sent(message):
    """The message as it arrives."""
    return type(message).FromString(message.SerializeToString())


def series(count: int) -> Bars:
    numbers = np.random.default_rng(5)
    return Bars(HOUR * np.arange(count), *(numbers.lognormal(size=count) for _ in COLUMNS), step=HOUR, market=BTC)


def test_a_market_survives_the_wire():
    assert market_of(sent(market_message(BTC))) == BTC


@pytest.mark.parametrize(
    ("market", "named"),
    [
        (pb.Market(symbol="BTC/USDT", timeframe="1h"), "market.exchange: '' is no name"),
        (pb.Market(exchange="binance", symbol="B" * 81, timeframe="1h"), "1 to 80 characters"),
        (pb.Market(exchange="binance", symbol="BTC/USDT", timeframe="7m"), "market.timeframe: '7m'; give one of 1m"),
    ],
)
def test_a_market_that_is_none_is_refused(market, named):
    with pytest.raises(Malformed, match=named):
        market_of(market)


@pytest.mark.parametrize("value", [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf])
def test_numbers_arrive_bit_for_bit(value):
    time, values = bar_of(sent(bar_message(-HOUR, (value,) * 5)))
    assert time == -HOUR
    assert [v.hex() for v in values] == [value.hex()] * 5


def test_what_is_undefined_stays_so():
    assert all(math.isnan(value) for value in bar_of(sent(bar_message(0, (math.nan,) * 5)))[1])


@pytest.mark.parametrize("count", [0, 1, CHUNK, CHUNK + 1])
def test_bars_survive_the_wire_in_parts(count):
    bars = series(count)
    messages = [sent(message) for message in bars_messages(bars)]
    assert [len(message.open_time_ms) for message in messages] == [CHUNK] * (count // CHUNK) + [count % CHUNK] * (
        count % CHUNK > 0
    )
    arrived = bars_of(messages, BTC)
    assert (arrived.step, arrived.market) == (HOUR, BTC)
    for name in ("time", *COLUMNS):
        np.testing.assert_array_equal(getattr(arrived, name).view(np.int64), getattr(bars, name).view(np.int64))


def test_a_part_stays_below_what_grpc_takes_by_default():
    assert max(message.ByteSize() for message in bars_messages(series(CHUNK))) < 1 << 20


def test_columns_of_different_length_are_refused():
    (message,) = bars_messages(series(3))
    message.close.append(1.0)
    with pytest.raises(Malformed, match=r"bars.close: 4 values for 3 bars; send one for every bar"):
        bars_of([message], BTC)


def test_bars_out_of_order_are_refused_also_across_parts():
    (message,) = bars_messages(series(3))
    with pytest.raises(Malformed, match="0 does not come after the bar before it"):
        bars_of([message, message], BTC)


def test_too_many_bars_in_a_message_are_refused():
    message = pb.Bars(open_time_ms=range(CHUNK + 1))
    with pytest.raises(Malformed, match="8,193 bars in one message; send 8,192 at most"):
        bars_of([message], BTC)

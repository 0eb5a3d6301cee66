"""What the streams of market data carry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.v1 import market_data_pb2 as pb
from tidewright.wire.market import Malformed
from tidewright.wire.market_data import (
    HISTORY_CHUNK,
    StreamedBar,
    StreamedTrade,
    bar_event,
    history_events,
    history_of,
    streamed_bar_of,
    trade_event,
    trade_of,
)

MARKET = Market("binance", "BTC/USDT", "1m")
MINUTE = 60_000
numbers = st.floats(allow_nan=False)
times = st.integers(-(2**62), 2**62)


def history(count):
    columns = {name: np.arange(count) + place / 10 for place, name in enumerate(COLUMNS)}
    return Bars(MINUTE * np.arange(count), **columns, step=MINUTE, market=MARKET)


@given(st.integers(0, 2**63 - 1), times, numbers, numbers, st.booleans(), times)
def test_a_trade_is_as_it_was_sent(id_, time, price, quantity, maker, received):
    trade = StreamedTrade("binance", "BTC/USDT", id_, time, price, quantity, maker, received)
    message = trade_event(trade)
    assert (message.lane, message.order) == ("binance|BTC/USDT", id_)
    assert trade_of(message.data) == trade


@given(times, st.tuples(*[numbers] * len(COLUMNS)), times)
def test_a_bar_is_as_it_was_sent(time, values, received):
    bar = StreamedBar(MARKET, time, values, received)
    message = bar_event(bar)
    assert (message.lane, message.order) == ("binance|BTC/USDT|1m", time)
    assert streamed_bar_of(message.data) == bar


def test_numbers_that_are_none_are_passed_on_for_whoever_judges_them():
    trade = StreamedTrade("binance", "BTC/USDT", 1, 2, float("nan"), float("inf"), False, 3)
    told = trade_of(trade_event(trade).data)
    assert np.isnan(told.price)
    assert np.isinf(told.quantity)


@pytest.mark.parametrize("count", [0, 1, HISTORY_CHUNK, 2 * HISTORY_CHUNK + 1])
def test_a_history_comes_in_parts_in_a_lane_of_its_backfill(count):
    bars = history(count)
    messages = list(history_events(bars, "backfill-7"))
    assert {message.lane for message in messages} <= {"binance|BTC/USDT|1m#backfill-7"}
    parts = [history_of(message.data) for message in messages]
    assert [message.order for message in messages] == [part.bars.time[-1] for part in parts]
    assert {part.backfill for part in parts} <= {"backfill-7"}
    assert [time for part in parts for time in part.bars.time] == bars.time.tolist()
    for name in COLUMNS:
        assert [value for part in parts for value in getattr(part.bars, name)] == getattr(bars, name).tolist()


@pytest.mark.parametrize(
    ("read", "event", "told"),
    [
        (trade_of, pb.TradeEvent(symbol="BTC/USDT"), "exchange: empty; give the one of the trade"),
        (trade_of, pb.TradeEvent(exchange="binance"), "symbol: empty"),
        (streamed_bar_of, pb.BarEvent(), "exchange"),
        (history_of, pb.HistoryEvent(), "exchange"),
    ],
)
def test_what_lacks_its_market_is_malformed(read, event, told):
    with pytest.raises(Malformed, match=told):
        read(event.SerializeToString())


@pytest.mark.parametrize("read", [trade_of, streamed_bar_of, history_of])
def test_bytes_that_are_no_message_are_malformed(read):
    with pytest.raises(Malformed, match=r"5 bytes that are no [A-Z]\w+Event"):
        read(b"\xff\xff\xff\xff\xff")

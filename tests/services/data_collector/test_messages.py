"""What Binance says, and what cannot have been meant."""

import json
import math
from pathlib import Path

import pytest
from exchange_tapes import FIRST, trade

from data_collector.messages import (
    Bar,
    Farewell,
    Garbled,
    PushedKline,
    PushedTrade,
    Trade,
    bars_of,
    first_id_of,
    pushed,
    pushed_bar,
    pushed_trade,
    time_of,
    trades_of,
)

SYMBOL = "BTC/USDT"
KLINE = {
    "e": "kline", "E": FIRST + 60_000, "s": "BTCUSDT",
    "k": {"t": FIRST, "T": FIRST + 59_999, "i": "1m", "o": "2.0", "h": "4.0", "l": "1.0", "c": "3.0", "v": "9.5", "x": True},
}  # fmt: skip
ROW = {
    "id": 7,
    "price": "2.5",
    "qty": "0.1",
    "time": FIRST,
    "isBuyerMaker": True,
    "quoteQty": "0.25",
    "isBestMatch": True,
}
KLINE_ROW = [FIRST, "2.0", "4.0", "1.0", "3.0", "9.5", FIRST + 59_999, "0", 4, "0", "0", "0"]


def told(data):
    return pushed(json.dumps({"stream": "any", "data": data}).encode())


def test_a_trade():
    event = pushed(trade(7, 0, "2.5", "0.1", maker=True).encode()).data
    assert isinstance(event, PushedTrade)
    assert pushed_trade(event, SYMBOL) == Trade(7, FIRST, 2.5, 0.1, buyer_is_maker=True)


def test_a_bar_is_one_that_says_so_and_whose_time_is_over():
    event = told(KLINE).data
    assert isinstance(event, PushedKline)
    assert event.closed
    assert pushed_bar(event, SYMBOL) == Bar(FIRST, (2.0, 4.0, 1.0, 3.0, 9.5))
    assert not told(KLINE | {"E": FIRST + 1_000}).data.closed
    assert not told(KLINE | {"k": KLINE["k"] | {"x": False}}).data.closed


def test_answers_and_farewells():
    assert (pushed(b'{"result":null,"id":3}').id, pushed(b'{"error":{"code":2},"id":4}').error) == (3, {"code": 2})
    assert isinstance(told({"e": "serverShutdown", "E": FIRST}).data, Farewell)


ABSURD = [float("nan"), 1e308, -1, "-1.0", "NaN", "", "abc", None, 10**30, [], "inf", 0]


@pytest.mark.parametrize("value", [*ABSURD, True])
@pytest.mark.parametrize("field", ["p", "q", "T"])
def test_numbers_of_a_trade_that_are_none_are_refused(field, value):
    text = json.loads(trade(7, 0))
    text["data"][field] = value
    with pytest.raises(Garbled):
        pushed_trade(pushed(json.dumps(text)).data, SYMBOL)


@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize("field", ["o", "h", "l", "c", "t"])
def test_numbers_of_a_bar_that_are_none_are_refused(field, value):
    with pytest.raises(Garbled):
        pushed_bar(told(KLINE | {"k": KLINE["k"] | {field: value}}).data, SYMBOL)


@pytest.mark.parametrize("change", [{"t": FIRST + 1}, {"T": FIRST + 60_000}, {"h": "2.5"}, {"l": "2.5"}, {"i": "7x"}])
def test_bars_that_contradict_themselves_are_refused(change):
    with pytest.raises(Garbled):
        pushed_bar(told(KLINE | {"k": KLINE["k"] | change}).data, SYMBOL)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"\xff", b'{"data":{"e":"depthUpdate"}}', b'{"data":{}}', b'{"error":' + b"[" * 100_000]
)
def test_what_is_no_message_is_refused(text):
    with pytest.raises(Garbled):
        pushed(text)


@pytest.mark.parametrize("time", [0, -1, 4_102_444_800_000, 10**400, "1" * 400, None])
def test_an_event_of_no_time_is_refused(time):
    for event in (trade(7, 0), json.dumps({"data": KLINE})):
        text = json.loads(event)
        text["data"]["E"] = time
        with pytest.raises(Garbled):
            pushed(json.dumps(text))


@pytest.mark.parametrize(("symbol", "price"), [("BTC/USDT", 1e6), ("BTC/IDR", 1e12)])
def test_what_could_never_enter_the_store_is_refused(symbol, price):
    """So it is asked for again: nobody can do so later."""
    below = math.nextafter(price, 0.0)
    assert trades_of([ROW | {"price": below, "qty": 9e17}], symbol)[0].price == below
    assert bars_of([[FIRST, 2.0, below, 1.0, 3.0, 9e17, *KLINE_ROW[6:]]], symbol, "1m")[0].values[1] == below
    with pytest.raises(Garbled):
        trades_of([ROW | {"price": price}], symbol)
    with pytest.raises(Garbled):
        trades_of([ROW | {"qty": 1e18}], symbol)
    with pytest.raises(Garbled):
        bars_of([[FIRST, 2.0, price, 1.0, 3.0, 9.5, *KLINE_ROW[6:]]], symbol, "1m")
    with pytest.raises(Garbled):
        bars_of([[FIRST, 2.0, 4.0, 1.0, 3.0, 1e18, *KLINE_ROW[6:]]], symbol, "1m")


def test_answers_of_rest():
    assert trades_of([ROW], SYMBOL) == [Trade(7, FIRST, 2.5, 0.1, buyer_is_maker=True)]
    assert bars_of([KLINE_ROW], SYMBOL, "1m") == [Bar(FIRST, (2.0, 4.0, 1.0, 3.0, 9.5))]
    assert (first_id_of([{"a": 1, "f": 7}]), first_id_of([]), time_of({"serverTime": FIRST})) == (7, None, FIRST)


@pytest.mark.parametrize(
    "rows", [{}, None, [1], [ROW, ROW], [ROW | {"price": "nan"}], [{**ROW, "id": None}], [ROW, ROW | {"id": 6}]]
)
def test_answers_with_trades_that_are_none_are_refused(rows):
    with pytest.raises(Garbled):
        trades_of(rows, SYMBOL)


@pytest.mark.parametrize("missing", range(12))
def test_a_row_of_klines_that_lacks_a_place_is_refused(missing):
    with pytest.raises(Garbled):
        bars_of([KLINE_ROW[:missing] + KLINE_ROW[missing + 1 :]], SYMBOL, "1m")


def test_recorded_klines_are_read(shared_data: Path):
    """Those of cryptofeed's recording: every kline that it has, in the form of 2021."""
    lines = (shared_data / "raw-websocket/binance-spot-klines-20211012.ws").read_text().splitlines()
    texts = [line.partition(": ")[2] for line in lines if "@kline_1m" in line and line[:1].isdigit()]
    bars = [pushed_bar(pushed(text).data, SYMBOL) for text in texts]
    assert len(bars) >= 2
    assert {bar.time % 60_000 for bar in bars} == {0}

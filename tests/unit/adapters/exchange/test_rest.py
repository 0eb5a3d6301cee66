import asyncio
import json

import pytest
from fake_binance import at, kline, status

from tidewright.adapters.exchange.binance import Kind
from tidewright.adapters.exchange.http import Http, Patience, Rejected
from tidewright.adapters.exchange.rest import BinanceRest
from tidewright.adapters.exchange.source import UnknownSymbol
from tidewright.domain.bars import COLUMNS, Market
from tidewright.ports import Stretch

HOUR = 3_600_000
START = at("2024-01-01")
DAY = Stretch(START, START + 24 * HOUR)


@pytest.fixture
def ask(binance, clock):
    def call(method, *arguments, kind=Kind.KLINES, symbol="BTC/USDT", timeframe="1h"):
        async def run():
            async with Http(2, Patience(), clock.pace) as http:
                source = BinanceRest(http, binance.url, Market("binance", symbol, timeframe), kind)
                return await getattr(source, method)(*arguments)

        return asyncio.run(run())

    return call


def columns(bars):
    return {name: getattr(bars, name).tolist() for name in ("time", *COLUMNS)}


def test_the_time_is_the_exchanges(ask, binance):
    assert ask("now") == binance.now


def test_the_beginning_is_the_first_bar_at_or_after_a_time(ask, binance):
    assert ask("first", at("2017-01-01")) == binance.listed
    assert ask("first", START + 1) == START + HOUR
    assert ask("first", binance.now) is None


def test_bars_are_those_of_the_stretch(ask):
    bars = ask("bars", DAY)

    assert bars.time.tolist() == list(range(*DAY, HOUR))
    assert [getattr(bars, name)[3] for name in COLUMNS] == list(kline(START + 3 * HOUR, HOUR))


def test_the_longest_stretch_is_one_page(ask, binance):
    assert len(ask("bars", Stretch(START, START + 1_000 * HOUR))) == 1_000
    assert len(binance.requests) == 1


def test_perpetuals_are_asked_for_elsewhere(ask, binance):
    ask("bars", DAY, symbol="BTC/USDT:USDT")

    assert binance.requests[0].startswith("/fapi/v1/klines?symbol=BTCUSDT&")


def test_trades_make_the_bars_of_the_exchange(ask):
    assert columns(ask("bars", DAY, kind=Kind.TRADES)) == columns(ask("bars", DAY))


def test_trades_are_read_page_by_page(ask, binance, monkeypatch):
    whole = columns(ask("bars", DAY))
    monkeypatch.setattr("tidewright.adapters.exchange.rest._PAGE", 3)

    assert columns(ask("bars", DAY, kind=Kind.TRADES)) == whole
    assert binance.count("fromId") == 24


def test_hours_without_trades_are_passed_over(ask, binance):
    binance.outages.append((START, START + 3 * HOUR))

    assert ask("bars", DAY, kind=Kind.TRADES).time[0] == START + 3 * HOUR
    assert len(ask("bars", Stretch(START, START + HOUR), kind=Kind.TRADES)) == 0


def test_an_unknown_symbol_is_told_with_how_to_write_one(ask):
    with pytest.raises(UnknownSymbol, match="Binance knows no BTCUSTD on this market; write the symbol as base/quote"):
        ask("bars", DAY, symbol="BTC/USTD")


ROW = [START, "100", "102", "99", "101", "1", START + HOUR - 1, "0", 4, "0", "0", "0"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({}, "something else than a list"),
        ([1], "holds no bars"),
        ([["soon", *ROW[1:]]], "holds no bars"),
        ([[START, "100"]], "holds no bars"),
        ([[START, "1", "2", "x", "1", "1"]], "holds no bars"),
        ([[START, "100", "99", "98", "101", "1"]], "the answer is broken: 1 bar where the high is below"),
        ([[START, "100", "NaN", "98", "101", "1"]], "the answer is broken"),
        ([ROW, ROW], "the answer is broken"),
        ([[START + HOUR, *ROW[1:]], ROW], "the answer is broken"),
    ],
)
def test_an_answer_without_bars_is_rejected(ask, binance, answer, reason):
    binance.fail("klines", status(200, json.dumps(answer).encode()))

    with pytest.raises(Rejected, match=reason):
        ask("bars", DAY)


def test_bars_outside_of_the_stretch_are_left_out(ask, binance):
    rows = [[START + hour * HOUR, *ROW[1:]] for hour in range(-2, 30)]
    binance.fail("klines", status(200, json.dumps(rows).encode()))

    assert len(ask("bars", DAY)) == 24


@pytest.mark.parametrize("answer", [[1], [{"a": 1}], [{"a": 1, "p": "x", "q": "1", "T": START}]])
def test_an_answer_without_trades_is_rejected(ask, binance, answer):
    binance.fail("aggTrades", status(200, json.dumps(answer).encode()))

    with pytest.raises(Rejected, match="the answer holds no trades"):
        ask("bars", DAY, kind=Kind.TRADES)


def test_a_server_that_gives_the_same_trades_for_ever_is_not_listened_to_for_ever(ask, binance, monkeypatch):
    monkeypatch.setattr("tidewright.adapters.exchange.rest._PAGE", 1)
    same = json.dumps([{"a": 1, "p": "1", "q": "1", "T": START}]).encode()
    binance.fail("aggTrades", *[status(200, same)] * 9)

    with pytest.raises(Rejected, match="trade 1 comes after trade 1"):
        ask("bars", DAY, kind=Kind.TRADES)


def test_trades_out_of_order_are_rejected(ask, binance):
    trades = [{"a": i, "p": "1", "q": "1", "T": START + 9 - i} for i in range(2)]
    binance.fail("aggTrades", status(200, json.dumps(trades).encode()))

    with pytest.raises(Rejected, match="not in the order of their times"):
        ask("bars", DAY, kind=Kind.TRADES)


@pytest.mark.parametrize("answer", [b"[]", b"{}", b'{"serverTime": "noon"}'])
def test_an_answer_without_a_time_is_rejected(ask, binance, answer):
    binance.fail("time", status(200, answer))

    with pytest.raises(Rejected, match="answers with no time"):
        ask("now")

"""The service on its host, asked over REST and gRPC while it collects."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import httpx
import pytest
from collecting import SYMBOL, TRADES, exchanging, until
from exchange_tapes import FIRST

from data_collector import rest, rpc
from data_collector.service import CollectorService
from data_collector.settings import CollectorSettings
from data_collector.wiring import assembled
from tidewright.domain.instant import utc
from tidewright.serving.host import serving
from tidewright.serving.metrics import Metrics
from tidewright.serving.service import Service
from tidewright.serving.settings import ServingSettings
from tidewright.v1 import market_data_service_pb2 as pb
from tidewright.v1.market_data_service_pb2_grpc import MarketDataServiceStub
from tidewright.v1.market_pb2 import Market
from tidewright.wire.market_data import history_of
from tidewright.wire.topology import RAW_HISTORY

pytestmark = pytest.mark.anyio

MINUTE = 60_000
BARS = Market(exchange="binance", symbol=SYMBOL, timeframe="1m")


@dataclass
class Asked:
    served: CollectorService
    rest: httpx.AsyncClient
    rpc: MarketDataServiceStub


@asynccontextmanager
async def asked(url, streams, **settings):
    told = {"exchange_url": url, "stream_url": url.replace("http", "ws"), "quiet": 0.3, "measure": 0.2}
    metrics = Metrics()
    made = assembled(CollectorSettings(**told | settings), metrics, streams)
    service = Service(
        "data-collector", 1, "Market data", rest.router(made.served), (rpc.servicer(made.served),),
        made.served.problem, made.work, made.served.stop,
    )  # fmt: skip
    host = ServingSettings(host="127.0.0.1", rest_port=0, grpc_port=0)
    async with (
        serving(service, host, metrics) as running,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.rest_port}", trust_env=False) as client,
        grpc.aio.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel,
    ):
        yield Asked(made.served, client, MarketDataServiceStub(channel))


async def test_status_tells_how_every_lane_stands(tape, streams, published):
    async with exchanging(tape) as (_, url, _), asked(url, streams, symbols=SYMBOL) as service:
        await until(lambda: published.count() == TRADES)
        status = (await service.rest.get("/status")).json()
        (symbol,) = status["symbols"]
        trades = symbol["lanes"][0]
        assert (trades["timeframe"], trades["last"], trades["behind"]) == ("", TRADES, False)
        assert status["skew"]["errorMs"] >= 0
        assert status["problem"] == ""
        assert (await service.rest.get("/readyz")).status_code == 200
        told = await service.rpc.GetCollection(pb.GetCollectionRequest())
        assert [lane.timeframe for lane in told.symbols[0].lanes] == ["", "1m", "5m", "15m", "1h", "4h", "1d"]
        assert told.symbols[0].lanes[0].last == TRADES


async def test_symbols_are_added_removed_and_remembered(tape, streams, published, tmp_path):
    async with exchanging(tape) as (_, url, _):
        async with asked(url, streams, symbols="", state=tmp_path) as service:
            assert (await service.rest.put("/symbols/btc-usdt")).json()["symbol"] == SYMBOL
            assert (await service.rest.put("/symbols/BTC/USDT")).status_code == 200
            await until(lambda: published.count() > 100)
            assert (await service.rest.get("/symbols")).json() == {"symbols": [SYMBOL]}
        async with asked(url, streams, symbols="ETH/USDT", state=tmp_path) as service:
            assert (await service.rest.get("/symbols")).json() == {"symbols": [SYMBOL]}
            await service.rpc.RemoveSymbol(pb.RemoveSymbolRequest(symbol=SYMBOL))
            assert (await service.rest.delete("/symbols/BTC/USDT")).status_code == 404
        assert json.loads((tmp_path / "symbols.json").read_text()) == {"symbols": []}


@pytest.mark.parametrize(
    ("symbol", "status", "said"),
    [("NOPE/USDT", 404, "trades no NOPEUSDT"), ("BTC/USDT:USDT", 400, "spot market"), ("%00", 400, "write one")],
)
async def test_a_symbol_that_cannot_be_collected_is_refused(tape, streams, symbol, status, said):
    async with exchanging(tape) as (_, url, _), asked(url, streams, symbols="") as service:
        answer = await service.rest.put(f"/symbols/{symbol}")
        assert answer.status_code == status
        assert said in answer.json()["detail"]


async def test_a_backfill_publishes_past_bars_once(tape, streams):
    request = {"symbol": SYMBOL, "timeframe": "1m", "start": utc(FIRST), "end": utc(FIRST + 3 * MINUTE)}
    async with exchanging(tape, start=FIRST + 200_000) as (_, url, truth), asked(url, streams, symbols="") as service:
        begun = (await service.rest.post("/backfill", json=request)).json()
        for _ in range(2):
            told = await _finished(service, begun["id"])
            assert (told["state"], told["done"], told["bars"], told["problem"]) == ("Complete", 1.0, 3, "")
            assert (await service.rest.post("/backfill", json=request)).json()["id"] == begun["id"]
        data = [entry.data for entry in streams.server.log(RAW_HISTORY.name).entries.values()]
        (history,) = map(history_of, data)
        rows = zip(history.bars.time.tolist(), history.bars.close.tolist(), strict=True)
        assert list(rows) == [(row[0], row[4]) for row in truth.bars("1m")[:3]]
        over_rpc = await service.rpc.GetBackfill(pb.GetBackfillRequest(id=begun["id"]))
        assert over_rpc.backfill.state == pb.BACKFILL_STATE_COMPLETE


async def test_a_backfill_that_was_interrupted_goes_on(tape, streams):
    """Another process, or the next one, publishes nothing twice."""
    request = {"symbol": SYMBOL, "timeframe": "1m", "start": utc(FIRST), "end": utc(FIRST + 3 * MINUTE)}
    async with exchanging(tape, start=FIRST + 200_000) as (_, url, _):
        for bars in (3, 0):
            again = type(streams)(streams.server)
            async with asked(url, again, symbols="") as service:
                begun = (await service.rest.post("/backfill", json=request)).json()
                assert (await _finished(service, begun["id"]))["bars"] == bars
    assert len(streams.server.log(RAW_HISTORY.name).entries) == 1


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"end": "2024-08-08"}, 400, "end: no bar opens"),
        ({"timeframe": "7m"}, 400, "timeframe: '7m'"),
        ({"start": "yesterday"}, 400, "start: 'yesterday'"),
        ({"start": "1700-01-01", "end": "2024-08-09"}, 400, "bars; ask for"),
        ({"symbol": "a|b"}, 400, "symbol: 'a|b'"),
        ({"colour": "red"}, 400, "colour"),
        ({"symbol": None}, 400, "symbol"),
    ],
)
async def test_a_backfill_that_cannot_be_meant_is_refused(tape, streams, change, status, said):
    request = {"symbol": SYMBOL, "timeframe": "1m", "start": utc(FIRST), "end": utc(FIRST + MINUTE)} | change
    async with exchanging(tape) as (_, url, _), asked(url, streams, symbols="") as service:
        answer = await service.rest.post("/backfill", json=request)
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


async def test_a_backfill_of_an_exchange_that_nobody_knows_fails_and_says_why(tape, streams):
    request = {"exchange": "bourse", "symbol": SYMBOL, "timeframe": "1m", "start": "2024-01-01", "end": "2024-01-02"}
    async with exchanging(tape) as (_, url, _), asked(url, streams, symbols="") as service:
        begun = (await service.rest.post("/backfill", json=request)).json()
        told = await _finished(service, begun["id"])
        assert told["state"] == "Failed"
        assert "'bourse' is no exchange" in told["problem"]
        assert (await service.rest.get("/backfill/unknown")).status_code == 404


async def test_history_and_live_are_streams(tape, streams, published):
    async with (
        exchanging(tape, start=FIRST + 120_000) as (_, url, truth),
        asked(url, streams, symbols=SYMBOL) as service,
    ):
        live = service.rpc.StreamLive(pb.StreamLiveRequest(symbols=[SYMBOL]))
        trades, bars = [], []
        async with asyncio.timeout(30):
            async for told in live:
                trades += [event.trade.id for event in told.trades]
                bars += [event.bar.open_time_ms for event in told.bars if event.market.timeframe == "1m"]
                if trades and trades[-1] == TRADES:
                    break
        assert trades == list(range(trades[0], TRADES + 1))
        assert bars == sorted(set(bars))
        past = service.rpc.StreamHistory(
            pb.StreamHistoryRequest(market=BARS, start_ms=FIRST - 2 * MINUTE, end_ms=FIRST + 60 * MINUTE)
        )
        closes = [close async for part in past for close in part.bars.close]
        assert closes == [row[4] for row in truth.bars("1m")]


async def test_streams_of_what_is_not_collected_are_refused(tape, streams):
    async with exchanging(tape) as (_, url, _), asked(url, streams, symbols="") as service:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await service.rpc.StreamLive(pb.StreamLiveRequest(symbols=["ETH/USDT"])).read()
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_it_is_not_ready_while_the_exchange_is_away_and_says_why(streams):
    async with asked("http://127.0.0.1:1", streams, symbols=SYMBOL) as service:
        answer = await service.rest.get("/readyz")
        assert answer.status_code == 503
        assert SYMBOL in answer.json()["reason"]


async def _finished(service, identity):
    async with asyncio.timeout(30):
        while True:
            told = (await service.rest.get(f"/backfill/{identity}")).json()
            if told["state"] in {"Complete", "Failed"}:
                return told
            await asyncio.sleep(0.01)

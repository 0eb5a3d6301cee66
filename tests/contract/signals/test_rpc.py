"""``tidewright.v1.SignalService``, as a client sees it."""

import grpc
import pytest
from live_market import BTC, ETH, HOUR, hours, resolved

from tidewright.v1.signal_service_pb2 import GetSignalRequest, GetStrategyRequest, StreamSignalsRequest
from tidewright.v1.strategy_pb2 import STRATEGY_FORM_SIGNALS
from tidewright.wire.signal import provenance_of, signal_of
from tidewright.wire.strategy import values_of

pytestmark = pytest.mark.anyio


async def test_the_newest_signal_arrives_bit_for_bit(asked):
    async with asked(hours(BTC, range(60))) as service:
        service.live.clock.time = 61 * HOUR
        answer = await service.rpc.GetSignal(GetSignalRequest(symbol="BTC/USDT"))
        newest = service.live.service.newest()
    assert signal_of(answer.signal) == newest.signal
    assert provenance_of(answer.provenance) == newest.provenance
    assert answer.overdue_bars == 1


async def test_columns_alone(asked):
    async with asked(hours(BTC, range(60))) as service:
        answer = await service.rpc.GetSignal(GetSignalRequest(columns_only=True))
    assert not answer.signal.HasField("events")


async def test_a_stream_catches_up_and_goes_on(asked):
    async with asked(hours(BTC, range(60))) as service:
        stream = service.rpc.StreamSignals(StreamSignalsRequest(from_ms=57 * HOUR))
        caught_up = await stream.read()
        service.live.feed.bars[BTC] = hours(BTC, range(61))
        await service.live.refresh()
        new = await stream.read()
        stream.cancel()
    assert [signal.bar.open_time_ms // HOUR for signal in caught_up.signals] == [57, 58, 59]
    assert [signal.bar.open_time_ms // HOUR for signal in new.signals] == [60]
    assert new.provenance.parity.bars == 1


async def test_a_stream_from_the_epoch_is_not_one_from_now_on(asked):
    async with asked(hours(BTC, range(60))) as service:
        for request, first in (
            (StreamSignalsRequest(from_ms=0), resolved().warmup),
            (StreamSignalsRequest(), 59),
        ):
            stream = service.rpc.StreamSignals(request)
            assert (await stream.read()).signals[0].bar.open_time_ms == first * HOUR
            stream.cancel()


async def test_the_strategy(asked):
    async with asked(hours(BTC, range(60)), hours(ETH, range(3))) as service:
        answer = await service.rpc.GetStrategy(GetStrategyRequest())
    strategy = resolved(symbols=["BTC/USDT", "ETH/USDT"])
    assert (answer.name, answer.form, answer.strategy_digest) == ("ma-cross", STRATEGY_FORM_SIGNALS, strategy.digest)
    assert values_of(answer.parameters) == strategy.parameters
    btc, eth = answer.markets
    assert (btc.newest_open_time_ms, btc.provenance.bars, btc.problem) == (59 * HOUR, 60, "")
    assert not eth.HasField("newest_open_time_ms")
    assert not eth.HasField("provenance")
    assert "3 of the" in eth.problem


@pytest.mark.parametrize(
    ("symbol", "count", "code"),
    [
        ("SOL/USDT", 60, grpc.StatusCode.NOT_FOUND),
        ("BTC/USDT", 3, grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_what_cannot_be_answered_has_a_status(asked, symbol, count, code):
    async with asked(hours(BTC, range(count))) as service:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await service.rpc.GetSignal(GetSignalRequest(symbol=symbol))
        assert refused.value.code() is code


async def test_a_stream_of_an_unknown_symbol_is_refused(asked):
    async with asked(hours(BTC, range(60))) as service:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await service.rpc.StreamSignals(StreamSignalsRequest(symbols=["SOL/USDT"])).read()
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND

"""``tidewright.v1.MarketDataService``."""

from collections.abc import AsyncIterator, Sequence

from data_collector.backfill import Backfill, State
from data_collector.service import CollectorService
from data_collector.status import LaneStatus, SymbolStatus
from tidewright.domain.bars import Market
from tidewright.ports import Message, Stretch
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.rpc import Context, Server, Servicer
from tidewright.v1 import market_data_service_pb2 as pb
from tidewright.v1 import market_pb2
from tidewright.v1.market_data_service_pb2_grpc import (
    MarketDataServiceServicer,
    add_MarketDataServiceServicer_to_server,
)
from tidewright.wire.market import Malformed, bars_messages, market_message, market_of

_STATES = {
    State.WAITING: pb.BACKFILL_STATE_WAITING,
    State.RUNNING: pb.BACKFILL_STATE_RUNNING,
    State.COMPLETE: pb.BACKFILL_STATE_COMPLETE,
    State.FAILED: pb.BACKFILL_STATE_FAILED,
}


def servicer(service: CollectorService) -> Servicer:
    """The service as its host wants it."""

    def add(server: Server) -> None:
        add_MarketDataServiceServicer_to_server(_MarketDataServicer(service), server)

    return Servicer(pb.DESCRIPTOR.services_by_name["MarketDataService"].full_name, add)


class _MarketDataServicer(MarketDataServiceServicer):
    def __init__(self, service: CollectorService) -> None:
        self._service = service

    async def StreamHistory(  # noqa: N802
        self, request: pb.StreamHistoryRequest, context: Context
    ) -> AsyncIterator[pb.StreamHistoryResponse]:
        period = Stretch(request.start_ms, request.end_ms)
        async for bars in self._service.history(_market(request.market), period):
            for message in bars_messages(bars):
                yield pb.StreamHistoryResponse(bars=message)

    async def StreamLive(  # noqa: N802
        self, request: pb.StreamLiveRequest, context: Context
    ) -> AsyncIterator[pb.StreamLiveResponse]:
        async for messages in self._service.live(request.symbols):
            yield _live(messages)

    async def GetCollection(self, request: pb.GetCollectionRequest, context: Context) -> pb.GetCollectionResponse:  # noqa: N802
        status = self._service.status()
        return pb.GetCollectionResponse(
            symbols=[_symbol(one) for one in status.symbols],
            clock_skew_ms=status.skew.offset if status.skew else None,
            clock_error_ms=status.skew.error if status.skew else None,
            queued=status.queued,
            weight_used=status.weight_used,
            problem=status.problem,
        )

    async def AddSymbol(self, request: pb.AddSymbolRequest, context: Context) -> pb.AddSymbolResponse:  # noqa: N802
        return pb.AddSymbolResponse(symbol=_symbol(await self._service.add(request.symbol)))

    async def RemoveSymbol(self, request: pb.RemoveSymbolRequest, context: Context) -> pb.RemoveSymbolResponse:  # noqa: N802
        self._service.remove(request.symbol)
        return pb.RemoveSymbolResponse()

    async def StartBackfill(self, request: pb.StartBackfillRequest, context: Context) -> pb.StartBackfillResponse:  # noqa: N802
        period = Stretch(request.start_ms, request.end_ms)
        return pb.StartBackfillResponse(backfill=_backfill(self._service.backfill(_market(request.market), period)))

    async def GetBackfill(self, request: pb.GetBackfillRequest, context: Context) -> pb.GetBackfillResponse:  # noqa: N802
        return pb.GetBackfillResponse(backfill=_backfill(self._service.known_backfill(request.id)))


def _market(message: market_pb2.Market) -> Market:
    try:
        return market_of(message)
    except Malformed as error:
        raise Failure(Kind.INVALID, str(error)) from error


def _live(messages: Sequence[Message]) -> pb.StreamLiveResponse:
    """Messages are events already; those of bars have a timeframe in their lane."""
    told = pb.StreamLiveResponse()
    for message in messages:
        events = told.bars if message.lane.count("|") == 2 else told.trades
        events.add().MergeFromString(message.data)
    return told


def _symbol(status: SymbolStatus) -> pb.CollectedSymbol:
    return pb.CollectedSymbol(
        symbol=status.symbol,
        problem=status.problem,
        lag_ms=status.lag,
        connection_age_seconds=status.connection_age,
        lanes=[_lane(lane) for lane in status.lanes],
    )


def _lane(status: LaneStatus) -> pb.CollectedLane:
    return pb.CollectedLane(
        timeframe=status.timeframe,
        last=status.last,
        behind=status.behind,
        waiting=status.waiting,
        gaps_found=status.gaps_found,
        gaps_repaired=status.gaps_repaired,
        repeated=status.repeated,
        dropped=status.dropped,
        absent=status.absent,
    )


def _backfill(backfill: Backfill) -> pb.Backfill:
    return pb.Backfill(
        id=backfill.id,
        market=market_message(backfill.market),
        start_ms=backfill.period.start,
        end_ms=backfill.period.end,
        state=_STATES[backfill.state],
        done=backfill.done,
        bars=backfill.bars,
        problem=backfill.problem,
    )

"""``tidewright.v1.SignalService``."""

from collections.abc import AsyncIterator

from tidewright.domain.live import LiveSignal
from tidewright.serving.rpc import Context, Server, Servicer
from tidewright.signals.service import Newest, Said, Served, SignalService
from tidewright.v1 import signal_service_pb2 as pb
from tidewright.v1.signal_service_pb2_grpc import SignalServiceServicer, add_SignalServiceServicer_to_server
from tidewright.v1.strategy_pb2 import STRATEGY_FORM_SIGNALS, STRATEGY_FORM_STEP
from tidewright.wire.market import market_message
from tidewright.wire.signal import provenance_message, signal_message
from tidewright.wire.strategy import value_messages


def servicer(service: SignalService) -> Servicer:
    """The service as its host wants it."""

    def add(server: Server) -> None:
        add_SignalServiceServicer_to_server(_SignalServicer(service), server)

    return Servicer(pb.DESCRIPTOR.services_by_name["SignalService"].full_name, add)


class _SignalServicer(SignalServiceServicer):
    """`_told` keeps the newest answer of each symbol: most calls ask for what others have asked for."""

    def __init__(self, service: SignalService) -> None:
        self._service = service
        self._told: dict[str, tuple[LiveSignal, pb.GetSignalResponse]] = {}

    async def GetStrategy(self, request: pb.GetStrategyRequest, context: Context) -> pb.GetStrategyResponse:  # noqa: N802
        strategy = self._service.strategy
        return pb.GetStrategyResponse(
            name=self._service.name,
            form=STRATEGY_FORM_STEP if self._service.asked_bar_by_bar else STRATEGY_FORM_SIGNALS,
            parameters=value_messages(strategy.parameters),
            strategy_digest=strategy.digest,
            warmup_bars=strategy.warmup,
            markets=[_served(market) for market in self._service.served()],
        )

    async def GetSignal(self, request: pb.GetSignalRequest, context: Context) -> pb.GetSignalResponse:  # noqa: N802
        newest = self._service.newest(request.symbol, columns_only=request.columns_only)
        signal, response = self._told.get(request.symbol, (None, None))
        if response is None or signal is not newest.signal:
            response = _newest(newest)
            self._told[request.symbol] = newest.signal, response
        response.overdue_bars = newest.overdue
        return response

    async def StreamSignals(  # noqa: N802
        self, request: pb.StreamSignalsRequest, context: Context
    ) -> AsyncIterator[pb.StreamSignalsResponse]:
        start = request.from_ms if request.HasField("from_ms") else None
        async for said in self._service.stream(request.symbols, start, columns_only=request.columns_only):
            yield _said(said)


def _newest(newest: Newest) -> pb.GetSignalResponse:
    return pb.GetSignalResponse(signal=signal_message(newest.signal), provenance=provenance_message(newest.provenance))


def _said(said: Said) -> pb.StreamSignalsResponse:
    return pb.StreamSignalsResponse(
        signals=[signal_message(signal) for signal in said.signals], provenance=provenance_message(said.provenance)
    )


def _served(served: Served) -> pb.ServedMarket:
    message = pb.ServedMarket(market=market_message(served.market), problem=served.problem)
    if served.history is not None:
        message.newest_open_time_ms = served.history.newest
        message.provenance.CopyFrom(provenance_message(served.history.provenance))
    return message

"""``tidewright.v1.StrategyService``."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from tidewright.domain.bars import Bars
from tidewright.domain.timeframe import milliseconds
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.rpc import Context, Server, Servicer
from tidewright.strategy_service.service import StrategyService
from tidewright.v1 import strategy_service_pb2 as pb
from tidewright.v1.market_pb2 import Bars as BarsMessage
from tidewright.v1.strategy_pb2 import STRATEGY_FORM_SIGNALS, STRATEGY_FORM_STEP
from tidewright.v1.strategy_service_pb2_grpc import StrategyServiceServicer, add_StrategyServiceServicer_to_server
from tidewright.wire.market import Malformed, bars_of, market_of
from tidewright.wire.strategy import evaluation_messages, parameter_message, values_of


def servicer(service: StrategyService) -> Servicer:
    """The service as its host wants it."""

    def add(server: Server) -> None:
        add_StrategyServiceServicer_to_server(_StrategyServicer(service), server)

    return Servicer(pb.DESCRIPTOR.services_by_name["StrategyService"].full_name, add)


class _StrategyServicer(StrategyServiceServicer):
    def __init__(self, service: StrategyService) -> None:
        self._service = service

    async def DescribeStrategy(  # noqa: N802
        self, request: pb.DescribeStrategyRequest, context: Context
    ) -> pb.DescribeStrategyResponse:
        name, parameters, step = await self._service.described()
        with _told():
            messages = [parameter_message(parameter) for parameter in parameters]
        form = STRATEGY_FORM_STEP if step else STRATEGY_FORM_SIGNALS
        return pb.DescribeStrategyResponse(name=name, form=form, parameters=messages)

    async def GetWarmup(self, request: pb.GetWarmupRequest, context: Context) -> pb.GetWarmupResponse:  # noqa: N802
        with _told():
            parameters = values_of(request.parameters)
        return pb.GetWarmupResponse(bars=await self._service.warmup(parameters))

    async def Evaluate(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.EvaluateRequest], context: Context
    ) -> AsyncIterator[pb.EvaluateResponse]:
        with _told():
            start, parts = await _question(request_iterator)
            parameters = values_of(start.parameters)
        evaluation = await self._service.evaluation(lambda: _bars(start, parts), parameters)
        for message in evaluation_messages(evaluation, start.bars):
            yield message


async def _question(messages: AsyncIterator[pb.EvaluateRequest]) -> tuple[pb.EvaluationStart, list[BarsMessage]]:
    """What is asked. Raises Malformed as soon as there are more bars than were to follow."""
    start, parts, left = None, list[BarsMessage](), 0
    async for message in messages:
        part = message.WhichOneof("part")
        if part is None or (part == "start") != (start is None):
            raise Malformed("part: the first message has start, and every other one bars")
        if part == "start":
            start, left = message.start, message.start.bars
        else:
            parts.append(message.bars)
            left -= len(message.bars.open_time_ms)
        if left < 0:
            raise Malformed(
                f"bars: more than the {message.start.bars if start is None else start.bars:,} that were to follow"
            )
    if start is None or left:
        raise Malformed(f"bars: {left:,} are missing; send as many as start.bars says" if start else "start: missing")
    return start, parts


def _bars(start: pb.EvaluationStart, parts: list[BarsMessage]) -> Bars:
    """The bars of a question. Raises Malformed."""
    market = market_of(start.market)
    if start.step_ms != milliseconds(market.timeframe):
        raise Malformed(f"step_ms: {start.step_ms} is not the length of a bar of {market.timeframe}")
    return bars_of(parts, market)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except Malformed as error:
        raise Failure(Kind.INVALID, str(error)) from error

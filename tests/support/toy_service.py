"""A service with every way to end, for the tests of the host."""

import asyncio
import sys

from tidewright.serving.failures import Failure, Kind
from tidewright.serving.host import run
from tidewright.serving.metrics import Metrics
from tidewright.serving.rest import Query, Request, Router
from tidewright.serving.rpc import Servicer
from tidewright.serving.service import Service
from tidewright.serving.settings import ServingSettings, settings_of
from tidewright.v1 import signal_service_pb2 as pb
from tidewright.v1.signal_service_pb2_grpc import SignalServiceServicer, add_SignalServiceServicer_to_server


class Toy(SignalServiceServicer):
    """Answers by the word that it is asked with; ``wait`` waits for `go`, and `asked` says that somebody waits."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked = asyncio.Event()
        self.stopped = asyncio.Event()
        self.trouble = ""
        self.router = Router()
        self.router.add_api_route("/word", self.rest)
        self.router.add_api_route("/body", self.body, methods=["POST"])

    async def answer(self, word: str) -> str:
        match word:
            case "wait":
                self.asked.set()
                await self.go.wait()
            case "refuse":
                raise Failure(Kind.PRECONDITION, "word: 'refuse' is refused; say another")
            case "fail":
                raise ZeroDivisionError("nobody foresaw this")
        return word

    async def rest(self, word: str = Query(max_length=10)) -> dict[str, str]:
        return {"word": await self.answer(word)}

    async def body(self, request: Request) -> dict[str, int]:
        return {"size": len(await request.body())}

    async def GetStrategy(self, request, context):
        return pb.GetStrategyResponse(name="toy")

    async def GetSignal(self, request, context):
        response = pb.GetSignalResponse()
        response.signal.market.symbol = await self.answer(request.symbol)
        return response

    async def StreamSignals(self, request, context):
        for symbol in request.symbols:
            yield pb.StreamSignalsResponse(signals=[{"market": {"symbol": await self.answer(symbol)}}])
        self.asked.set()
        await self.stopped.wait()
        raise Failure(Kind.UNAVAILABLE, "the toy is put away; open the stream again")

    def service(self) -> Service:
        return Service(
            name="toy",
            number=99,
            title="Toy",
            router=self.router,
            servicers=(
                Servicer(
                    "tidewright.v1.SignalService", lambda server: add_SignalServiceServicer_to_server(self, server)
                ),
            ),
            problem=lambda: self.trouble,
            stop=self.stopped.set,
        )


def make(metrics: Metrics) -> Service:
    """For a process of its own."""
    return Toy().service()


if __name__ == "__main__":
    sys.exit(run(make, settings_of(ServingSettings)))

"""What comes from another process is a stranger's: whatever it answers, the work ends with a reason, and nobody's memory or patience is used up."""

import json
import socket
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import own_strategies
import pytest
from strategy_server import IMPATIENT, remote, served, served_class

from tidewright.adapters.remote_strategy import RemoteStrategy
from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.bars import Market
from tidewright.domain.strategies.evaluation import StrategyUnreachable, evaluate
from tidewright.runs.payload import payload_of, read_payload
from tidewright.runs.record import document_of
from tidewright.runs.work import Kept, work
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.rpc import Servicer
from tidewright.specs.backtest_run import BacktestRun
from tidewright.v1 import strategy_service_pb2 as pb
from tidewright.v1.signal_service_pb2_grpc import SignalServiceServicer, add_SignalServiceServicer_to_server
from tidewright.v1.strategy_pb2 import Column, Flags, Numbers, Parameter, Signals
from tidewright.v1.strategy_service_pb2_grpc import StrategyServiceServicer, add_StrategyServiceServicer_to_server
from tidewright.wire.market import CHUNK

IMAGE = f"registry/desk@sha256:{64 * '0'}"
SOURCE = {"classRef": {"module": "nowhere", "class": "Stranger", "image": IMAGE}}
RUN = {
    "apiVersion": "tidewright.io/v1alpha1",
    "kind": "BacktestRun",
    "metadata": {"name": "own"},
    "spec": {
        "strategy": {"source": SOURCE, "symbols": ["BTC/USDT"], "timeframe": "1h"},
        "data": {"exchange": "simulated", "start": "2022-02-01", "end": "2022-08-01"},
    },
}
TASK = read_payload("run.json", json.dumps(payload_of(BacktestRun.model_validate(RUN))))


def ended(address, patience=IMPATIENT):
    """How work ends whose strategy is at an address."""
    strategies = []

    def connect():
        strategies.append(RemoteStrategy(address, patience))
        return strategies[0]

    def keep(found):
        return Kept(document_of(found), "file:///a/report.html", "file:///a")

    try:
        return work(TASK, SimulatedStore(), keep, lambda progress: None, lambda name: None, connect)
    finally:
        for strategy in strategies:
            strategy.close()


class Stranger(StrategyServiceServicer):
    """Answers right, but for what a test has it say."""

    def __init__(self, **said):
        self.said = said

    def answer(self, question, right):
        said = self.said.get(question, right)
        return said() if callable(said) else said

    async def DescribeStrategy(self, request, context):
        return self.answer("describe", pb.DescribeStrategyResponse(name="Stranger", form=1))

    async def GetWarmup(self, request, context):
        return self.answer("warmup", pb.GetWarmupResponse(bars=0))

    async def Evaluate(self, request_iterator, context):
        length = 0
        async for request in request_iterator:
            length += len(request.bars.open_time_ms)
        for part in self.said.get("evaluate", right)(length):
            yield part


def right(length):
    yield from (part(min(CHUNK, length - first)) for first in range(0, length, CHUNK))


def part(bars, **more):
    flags = Flags(values=[False] * bars)
    return pb.EvaluateResponse(bars=bars, signals=Signals(enter=flags, exit=flags), **more)


@contextmanager
def stranger(**said):
    """The address of a stranger."""
    name = pb.DESCRIPTOR.services_by_name["StrategyService"].full_name
    servicer = Stranger(**said)
    with served(Servicer(name, lambda server: add_StrategyServiceServicer_to_server(servicer, server))) as address:
        yield address


def one(length, **more):
    return [part(length, **more)]


def refuse(kind):
    def refusing(*_):
        raise Failure(kind, "words of its own")

    return refusing


def numbers(count, name="a"):
    return Column(name=name, numbers=Numbers(values=[1.0] * count))


def test_a_stranger_that_answers_right_is_believed():
    with stranger() as address:
        assert ended(address).reason == "Complete"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"evaluate": lambda n: [*right(n), part(1)]}, "a part of 1 bars where 0 are left"),
        ({"evaluate": lambda n: right(n - 1)}, "bars; send one value for every bar that was given"),
        ({"evaluate": lambda n: []}, "an answer for 0 of"),
        ({"evaluate": lambda n: one(n, columns=[numbers(n - 1)])}, "send one for every bar"),
        ({"evaluate": lambda n: one(n, columns=[numbers(n)] * 2)}, "name each differently"),
        ({"evaluate": lambda n: one(n, columns=[Column(name="a")])}, "'a' has no values"),
        ({"evaluate": lambda n: one(n, columns=[numbers(n, "")])}, "'' is no name"),
        ({"evaluate": lambda n: one(n, columns=[numbers(n, "enter")])}, "as a signal is; choose another name"),
        ({"evaluate": lambda n: one(n, columns=[numbers(0, str(i)) for i in range(129)])}, "send 128 at most"),
        ({"evaluate": lambda n: [pb.EvaluateResponse(bars=n)]}, "enter or exit is missing"),
        ({"evaluate": lambda n: [pb.EvaluateResponse(bars=-1)]}, "a part of -1 bars"),
        ({"evaluate": lambda n: [part(n, columns=[numbers(3 << 20)])]}, "RESOURCE_EXHAUSTED: "),
        ({"warmup": pb.GetWarmupResponse(bars=-5)}, "Stranger: warmup is -5"),
        ({"describe": pb.DescribeStrategyResponse(form=1)}, "name: '' is no name"),
        ({"describe": pb.DescribeStrategyResponse(name="x" * 81, form=1)}, "is no name; give one of 1 to 80"),
        ({"describe": pb.DescribeStrategyResponse(name="x")}, "form: 0; send STRATEGY_FORM_SIGNALS"),
        ({"describe": pb.DescribeStrategyResponse(name="x", form=1, parameters=[Parameter()])}, "is of kind 0"),
        ({"describe": refuse(Kind.PRECONDITION)}, "words of its own"),
        ({"warmup": refuse(Kind.INVALID)}, "words of its own"),
        ({"evaluate": refuse(Kind.PRECONDITION)}, "words of its own"),
        ({"evaluate": refuse(Kind.BUSY)}, "Stranger: RESOURCE_EXHAUSTED: words of its own"),
        ({"evaluate": lambda n: 1 / 0}, "Stranger: INTERNAL: the service's log says why"),
        ({"evaluate": refuse(Kind.UNAVAILABLE)}, "ended 5 times over the same question (words of its own)"),
    ],
)  # fmt: skip
def test_a_stranger_that_answers_wrong_has_failed(said, told):
    with stranger(**said) as address:
        record = ended(address)
    assert (record.reason, told in record.message) == ("StrategyFailed", True), record.message


def test_a_strategy_that_is_never_defined_is_only_one_that_never_trades():
    with stranger(
        evaluate=lambda n: one(n, columns=[Column(name="a", numbers=Numbers(values=[np.nan] * n))])
    ) as address:
        record = ended(address)
    assert (record.reason, record.result.trades) == ("Complete", "0")


def test_one_that_uses_the_future_is_found_out():
    with served_class("Peeking") as address:
        record = ended(address)
    assert (record.reason, record.tested.look_ahead) == ("Complete", False)


def test_a_strategy_that_never_answers_is_given_up():
    with served_class("Hanging") as address:
        try:
            record = ended(address, replace(IMPATIENT, answer=0.3))
        finally:
            own_strategies.ENOUGH.set()
    assert record.reason == "StrategyFailed"
    assert record.message == "Hanging: no answer within 0.3 s; let it do less, or allow it more time"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Leaving", "Leaving raised SystemExit: enough"),
        ("Crowded", "Crowded: 1000 columns; return 128 at most"),
    ],
)
def test_a_class_that_goes_wrong_has_failed(name, told):
    with served_class(name) as address:
        record = ended(address)
    assert record.reason == "StrategyFailed"
    assert told in record.message


def test_a_warm_up_that_never_ends_is_only_one_after_which_nothing_is_traded():
    with served_class("Endless") as address:
        record = ended(address)
    assert (record.reason, record.result.trades) == ("Complete", "0")


def test_a_strategy_that_is_asked_bar_by_bar_is_refused_with_the_remedy():
    with served_class("Stepping") as address:
        record = ended(address)
    assert record.reason == "Refused"
    assert record.message.startswith("Stepping is asked bar by bar, with its position, ")


def test_another_service_is_no_strategy():
    servicer = Servicer(
        "tidewright.v1.SignalService", lambda s: add_SignalServiceServicer_to_server(SignalServiceServicer(), s)
    )
    with served(servicer) as address:
        record = ended(address)
    assert record.reason == "StrategyFailed"
    assert record.message.endswith("what answers there is no tidewright.v1.StrategyService")


def test_where_nobody_answers_it_may_be_otherwise_another_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it listens, and says nothing
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StrategyUnreachable, match=f"nobody has answered at {address} for 0.2 s; the log "):
            ended(address, replace(IMPATIENT, start=0.2))


def test_one_that_is_not_there_any_more_is_unreachable():
    with served_class("Bare") as address, remote(address) as strategy:
        pass
    bars = SimulatedStore().read(Market("simulated", "BTC/USDT", "1h")).part(0, 5)
    with pytest.raises(StrategyUnreachable, match="is not asked any more"):
        evaluate(strategy, bars, {})

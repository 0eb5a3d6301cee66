"""A strategy whose code is in another process, which serves ``tidewright.v1.StrategyService``.

What comes from there is a stranger's: it is bounded in size and time, and held to the wire's rules here and to every strategy's where it is evaluated.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

from tidewright.adapters.grpc_peer import Channel, Interrupted, NotAnswered, Patience, Peer, Unreachable
from tidewright.domain.bars import Bars
from tidewright.domain.strategies.evaluation import Evaluation, StrategyFailed, StrategyUnreachable
from tidewright.domain.strategies.strategy import Columns, Parameter, Parameters, Signals, StrategyError
from tidewright.runs.refusal import InputRefused
from tidewright.specs.problems import Problem, shorten
from tidewright.v1 import strategy_service_pb2 as pb
from tidewright.v1.strategy_pb2 import STRATEGY_FORM_SIGNALS, STRATEGY_FORM_STEP
from tidewright.v1.strategy_service_pb2_grpc import StrategyServiceStub
from tidewright.wire.market import Malformed, bars_messages, market_message
from tidewright.wire.strategy import LARGEST_ANSWER, evaluation_of, parameter_of, value_messages

_Answer = TypeVar("_Answer")
_Question = Callable[[StrategyServiceStub, float], _Answer]

_LONGEST_NAME = 80
_PATIENCE = Patience()


class RemoteStrategy:
    """A `Strategy` that is asked at an address. It holds nothing of what it was told but its declaration, so that every question is put as if it were the first.

    Making one waits until it can be asked. That, and asking, raises StrategyError for what the strategy refuses, StrategyFailed for what goes wrong in it,
    with its answer or for want of one, and StrategyUnreachable where nobody answers. Raises InputRefused for a strategy that is asked bar by bar.
    """

    name: str
    parameters: tuple[Parameter, ...]

    def __init__(self, address: str, patience: Patience = _PATIENCE) -> None:
        self.name = f"the strategy at {address}"
        self._peer = Peer(address, patience, LARGEST_ANSWER)
        try:
            self.name, self.parameters = self._asked(_described)
        except BaseException:
            self.close()
            raise
        self._warmups: dict[tuple[tuple[str, object], ...], int] = {}

    def warmup(self, parameters: Parameters) -> int:
        """As the strategy has said, asked once for each set of parameters."""
        key = tuple(parameters.items())
        if key not in self._warmups:
            request = pb.GetWarmupRequest(parameters=value_messages(parameters))
            self._warmups[key] = self._asked(lambda stub, seconds: stub.GetWarmup(request, timeout=seconds).bars)
        return self._warmups[key]

    def columns(self, bars: Bars, parameters: Parameters) -> Columns:
        """The columns; the signals, which come with them, are with them."""
        return _Told(self._evaluated(bars, parameters))

    def signals(self, bars: Bars, columns: Columns, parameters: Parameters) -> Signals:
        """Those that came with `columns`, and where these are of another's making, those of the strategy's own."""
        told = columns if isinstance(columns, _Told) else _Told(self._evaluated(bars, parameters))
        return told.signals

    def close(self) -> None:
        """Ask nothing any more."""
        self._peer.close()

    def _evaluated(self, bars: Bars, parameters: Parameters) -> Evaluation:
        def question(stub: StrategyServiceStub, seconds: float) -> Evaluation:
            call = stub.Evaluate(_parts(bars, parameters), timeout=seconds)
            try:
                return evaluation_of(call, len(bars))
            finally:
                call.cancel()

        return self._asked(question)

    def _asked(self, question: _Question[_Answer]) -> _Answer:
        def put(channel: Channel, seconds: float) -> _Answer:
            return question(StrategyServiceStub(channel), seconds)

        try:
            return self._peer.ask(put)
        except Unreachable as error:
            raise StrategyUnreachable(f"{self.name}: {error}") from error
        except Malformed as malformed:
            raise StrategyFailed(f"{self.name}: {malformed}") from malformed
        except NotAnswered as error:
            raise self._failed(error) from error

    def _failed(self, error: NotAnswered) -> StrategyError:
        match error.code:
            case "INVALID_ARGUMENT":
                return StrategyError(error.detail)
            case "FAILED_PRECONDITION":
                return StrategyFailed(error.detail)
            case "DEADLINE_EXCEEDED":
                seconds = f"{self._peer.patience.answer:g} s"
                return StrategyFailed(f"{self.name}: no answer within {seconds}; let it do less, or allow it more time")
            case "UNIMPLEMENTED":
                return StrategyFailed(f"{self.name}: what answers there is no tidewright.v1.StrategyService")
        if isinstance(error, Interrupted):
            return StrategyFailed(f"{self.name}: {error.detail}; it may have used up its memory, its log says more")
        return StrategyFailed(f"{self.name}: {error}")


class _Told(dict):  # type: ignore[type-arg]  # of columns by name
    """Columns with the signals that came with them: the two are one answer."""

    def __init__(self, evaluation: Evaluation) -> None:
        super().__init__(evaluation.columns)
        assert isinstance(evaluation.signals, Signals)  # noqa: S101 - it came over the wire, which knows no others
        self.signals = evaluation.signals


def _described(stub: StrategyServiceStub, seconds: float) -> tuple[str, tuple[Parameter, ...]]:
    answer = stub.DescribeStrategy(pb.DescribeStrategyRequest(), timeout=seconds)
    if not 0 < len(answer.name) <= _LONGEST_NAME:
        raise Malformed(f"name: {shorten(answer.name)} is no name; give one of 1 to {_LONGEST_NAME} characters")
    if answer.form == STRATEGY_FORM_STEP:
        message = (
            f"{answer.name} is asked bar by bar, with its position, and that cannot be done from another container: it would be a call a bar; "
            "derive it from SignalStrategy, or run it with `tidewright run`"
        )
        raise InputRefused([Problem("", 0, (), message)])
    if answer.form != STRATEGY_FORM_SIGNALS:
        raise Malformed(f"form: {answer.form}; send STRATEGY_FORM_SIGNALS")
    return answer.name, tuple(map(parameter_of, answer.parameters))


def _parts(bars: Bars, parameters: Parameters) -> Iterator[pb.EvaluateRequest]:
    yield pb.EvaluateRequest(
        start=pb.EvaluationStart(
            market=market_message(bars.market),
            step_ms=bars.step,
            bars=len(bars),
            parameters=value_messages(parameters),
        )
    )
    for part in bars_messages(bars):
        yield pb.EvaluateRequest(bars=part)

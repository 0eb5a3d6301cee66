"""The use case: a strategy class is asked, a new object of it for every question, and what goes wrong in it is told as its own."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from tidewright.domain.bars import Bars
from tidewright.domain.strategies.evaluation import Evaluation, StrategyFailed, declared_warmup, evaluate
from tidewright.domain.strategies.parameters import resolve
from tidewright.domain.strategies.step import is_step
from tidewright.domain.strategies.strategy import Parameter, Parameters, Strategy, StrategyError
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.logs import logger
from tidewright.wire.market import Malformed
from tidewright.wire.strategy import MOST_COLUMNS

_Answer = TypeVar("_Answer")


class StrategyService:
    """Asks objects that `make` makes, in threads of `executor`, so that a strategy that takes long keeps nobody waiting but who has asked it.

    `trouble` says why there is no strategy to ask: then every question is answered with that. All raise Failure.
    """

    def __init__(self, make: Callable[[], Strategy], executor: Executor, trouble: str = "") -> None:
        self._make = make
        self._executor = executor
        self._trouble = trouble

    def problem(self) -> str:
        """Why it cannot be asked; empty where it can."""
        return self._trouble

    async def described(self) -> tuple[str, Sequence[Parameter], bool]:
        """Name, parameters, and whether it is asked bar by bar."""
        return await self._asked(lambda strategy: (strategy.name, strategy.parameters, is_step(strategy)))

    async def warmup(self, parameters: Parameters) -> int:
        """How many bars must pass."""
        return await self._asked(lambda strategy: declared_warmup(strategy, _resolved(strategy, parameters)))

    async def evaluation(self, bars: Callable[[], Bars], parameters: Parameters) -> Evaluation:
        """Columns and signals over `bars`."""
        return await self._asked(lambda strategy: _evaluated(strategy, bars(), _resolved(strategy, parameters)))

    async def _asked(self, question: Callable[[Strategy], _Answer]) -> _Answer:
        if self._trouble:
            raise Failure(Kind.PRECONDITION, self._trouble)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._put, question)
        except StrategyFailed as error:
            logger().error("the strategy failed", exc_info=error.__cause__ or error)
            raise Failure(Kind.PRECONDITION, str(error)) from error
        except (StrategyError, Malformed) as error:
            raise Failure(Kind.INVALID, str(error)) from error

    def _put(self, question: Callable[[Strategy], _Answer]) -> _Answer:
        strategy = self._make()
        try:
            return question(strategy)
        except SystemExit as error:  # it would end the process, and nobody would know why
            raise StrategyFailed(f"{strategy.name} raised SystemExit: {error}") from error


def _resolved(strategy: Strategy, parameters: Parameters) -> Parameters:
    return resolve(strategy.parameters, parameters, getattr(strategy, "constraints", ()))


def _evaluated(strategy: Strategy, bars: Bars, parameters: Parameters) -> Evaluation:
    if is_step(strategy):
        raise StrategyError(f"{strategy.name} is asked bar by bar, which this service cannot do")
    evaluation = evaluate(strategy, bars, parameters)
    if len(evaluation.columns) > MOST_COLUMNS:
        raise StrategyFailed(f"{strategy.name}: {len(evaluation.columns)} columns; return {MOST_COLUMNS} at most")
    return evaluation

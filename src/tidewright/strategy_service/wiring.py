"""The service put together from its settings."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tidewright.domain.strategies.strategy import Strategy
from tidewright.runs.refusal import InputRefused
from tidewright.runs.strategies import load_class
from tidewright.serving.rest import Router
from tidewright.serving.service import Service
from tidewright.specs.manifest import Document
from tidewright.strategy_service import rpc
from tidewright.strategy_service.service import StrategyService
from tidewright.strategy_service.settings import StrategySettings

NUMBER = 0
"""The service's number, which gives its ports."""


def strategy_service(settings: StrategySettings) -> Service:
    """The service as its host wants it. A class that cannot be used is served all the same: who asks is told why, where a container that ends would tell nobody."""
    make, trouble = _loaded(settings.strategy)
    served = StrategyService(make, ThreadPoolExecutor(os.cpu_count(), "strategy"), trouble)
    return Service(
        name="strategy",
        number=NUMBER,
        title=f"Strategy {settings.strategy}",
        router=Router(),
        servicers=(rpc.servicer(served),),
        problem=served.problem,
    )


def _loaded(reference: str) -> tuple[Callable[[], Strategy], str]:
    """How objects of the class are made, or why they cannot be."""
    module, _, name = reference.partition(":")
    try:
        return load_class(module, name, Document("", {}, {(): 0}), ("source", "classRef")).unasked, ""
    except InputRefused as refusal:
        return _none, "; ".join(map(str, refusal.problems))


def _none() -> Strategy:
    raise AssertionError("there is no strategy to ask")

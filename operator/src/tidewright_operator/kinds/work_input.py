"""What a resource's work is made from: its spec as a model, and the ConfigMap with all of it, strategy included, which is made once."""

import json
from collections.abc import Iterable
from typing import TypeVar

from pydantic import ValidationError

from tidewright.runs.payload import payload_of
from tidewright.runs.refusal import InputRefused
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Document
from tidewright.specs.optimization_study import OptimizationStudy
from tidewright.specs.problems import Problem, explain
from tidewright.specs.resource import Resource
from tidewright.specs.trading_strategy import TradingStrategy
from tidewright_operator.cluster import CONFIG_MAP, TRADING_STRATEGY, Cluster, Conflict, Object
from tidewright_operator.conditions import Finding
from tidewright_operator.names import child_name
from tidewright_operator.ownership import owned_metadata

SPEC_KEY = "run.json"

_LARGEST = 900_000
"""Bytes of a payload; a ConfigMap may have a mebibyte, with its metadata."""

_IDENTITY = ("name", "namespace", "uid")

_Model = TypeVar("_Model", bound=Resource)


class NotAccepted(Exception):
    """The resource cannot be worked on: a reason and a message; for ever, unless it waits for something."""

    def __init__(self, reason: str, message: str, *, waits: bool = False) -> None:
        super().__init__(message)
        self.reason, self.waits = reason, waits

    @property
    def finding(self) -> Finding:
        return Finding("Accepted", status=False, reason=self.reason, message=str(self))


def spec_name(thing: Object) -> str:
    """The name of the resource's ConfigMap."""
    return child_name(thing["metadata"]["name"], thing["metadata"]["uid"])


def spec_config_map(thing: Object, payload: Object) -> Object:
    """The resolved spec, strategy included: a later edit of the strategy cannot change what is worked on. Raises ValueError where it is too large for a ConfigMap."""
    text = json.dumps(payload, sort_keys=True, ensure_ascii=False)
    if len(text.encode()) > _LARGEST:
        raise ValueError(
            "the resource with its strategy is larger than a ConfigMap may be; shorten the strategy's rules"
        )
    return {
        "metadata": owned_metadata(thing, spec_name(thing)),
        "immutable": True,
        "data": {SPEC_KEY: text},
    }


def model_of(kind: type[_Model], thing: Object) -> _Model:
    """The resource as a model of its kind. Raises NotAccepted with every problem."""
    try:
        return kind.model_validate(thing)
    except ValidationError as error:
        raise NotAccepted("InvalidSpec", _in_words(explain(error, kind, Document("", thing, {(): 0})))) from error


async def snapshot(cluster: Cluster, thing: Object, model: BacktestRun | OptimizationStudy) -> Object:
    """The payload in the resource's ConfigMap, made once: what is worked on stays what it was at the beginning. Raises NotAccepted."""
    meta = thing["metadata"]
    kept = await cluster.get(CONFIG_MAP, meta["namespace"], spec_name(thing))
    if kept is not None:
        return dict(json.loads(kept["data"][SPEC_KEY]))
    payload = await _payload(cluster, model, meta)
    begun_with = thing.get("status", {}).get("provenance", {}).get("strategyDigest")
    if begun_with not in (None, payload["strategyDigest"]):
        message = f"the ConfigMap with what this {model.kind} began with is gone, and the strategy is not what it was; make it anew"
        raise NotAccepted("StrategyChanged", message)
    try:
        made = await cluster.create_once(CONFIG_MAP, spec_config_map(thing, payload))
    except ValueError as error:
        raise NotAccepted("InvalidSpec", str(error)) from error
    if made is None:
        raise Conflict(f"the ConfigMap {spec_name(thing)} was made by somebody else just now")
    return payload


async def _payload(cluster: Cluster, model: BacktestRun | OptimizationStudy, meta: Object) -> Object:
    """What would be worked on if that began now."""
    named, strategy = model.spec.strategy.name, None
    if named is not None:
        found = await cluster.get(TRADING_STRATEGY, meta["namespace"], named)
        if found is None:
            message = f"there is no TradingStrategy {named} in this namespace; the work begins when there is one"
            raise NotAccepted("StrategyNotFound", message, waits=True)
        try:
            strategy = TradingStrategy.model_validate(found)
        except ValidationError as error:
            problems = explain(error, TradingStrategy, Document("", found, {(): 0}))
            raise NotAccepted("InvalidStrategy", f"TradingStrategy {named}: {_in_words(problems)}") from error
    try:
        return payload_of(model, strategy, meta["uid"]) | {"metadata": {part: meta[part] for part in _IDENTITY}}
    except InputRefused as refused:
        raise NotAccepted("InvalidStrategy", _in_words(refused.problems)) from refused
    except ValueError as error:
        raise NotAccepted("InvalidSpec", str(error)) from error


def _in_words(problems: Iterable[Problem]) -> str:
    return "; ".join(str(problem) for problem in problems)

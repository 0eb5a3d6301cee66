"""The strategy that a study found: its own, with the values of one of its trials in place, as a resource to apply."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tidewright.domain.strategies.strategy import Value
from tidewright.runs.refusal import InputRefused
from tidewright.runs.strategies import resolve_strategy
from tidewright.runs.study_space import RISK, with_risk
from tidewright.specs.manifest import API_VERSION, Document
from tidewright.specs.trading_strategy import StrategySpec

Candidate: TypeAlias = Literal["selected", "best", "robust", "knee"]
"""Which of a study's trials is meant: the one that it selected, or what another way to select would have chosen."""

STUDY, TRIAL, STUDY_DIGEST = "tidewright.io/study", "tidewright.io/trial", "tidewright.io/study-digest"
"""The annotations of a TradingStrategy that say where its parameters came from: the study's name, the trial's number, and the digest of the study's result."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be said before a strategy is used: the verdict on its study, empty where it is not known, and whether its prices were made up."""

    verdict: str
    simulated: bool


@dataclass(frozen=True)
class Found:
    """A trial of a study, and the strategy that it tried; `changed` where that is known to be another than the study's by now."""

    study: str
    trial: int
    digest: str
    strategy: StrategySpec
    judged: Judged
    changed: bool = False

    def resource(self, name: str) -> dict[str, Any]:
        """The TradingStrategy `name` as plain values: the strategy, and where its parameters came from."""
        spec = self.strategy.record()
        spec["risk"] = {field: value for field, value in spec["risk"].items() if value != []}
        annotations = {STUDY: self.study, TRIAL: str(self.trial), STUDY_DIGEST: self.digest}
        return {
            "apiVersion": API_VERSION,
            "kind": "TradingStrategy",
            "metadata": {"name": name, "annotations": {key: value for key, value in annotations.items() if value}},
            "spec": spec,
        }


def with_values(strategy: StrategySpec, named: Mapping[str, Value]) -> StrategySpec:
    """`strategy` with searched values in place, by names such as ``fast`` and ``risk.stopLoss``. Raises StrategyError for a risk that cannot be."""
    changes = {name: value for name, value in named.items() if name.startswith(RISK)}
    parameters = {**strategy.parameters, **{name: value for name, value in named.items() if name not in changes}}
    risk = with_risk(strategy.risk, changes) if changes else strategy.risk
    return strategy.model_copy(update={"parameters": parameters, "risk": risk})


def found_in(record: Mapping[str, Any], candidate: Candidate = "selected") -> Found | None:
    """A candidate of a study, by the study's record; None where the study has none. Raises KeyError, TypeError and ValidationError for what is no whole record."""
    chosen = record["selected"] if candidate == "selected" else record["candidates"][candidate]
    if chosen is None:
        return None
    made_of = record["provenance"]
    return Found(
        study=record["name"],
        trial=chosen["number"],
        digest=made_of["resultDigest"],
        strategy=with_values(StrategySpec.model_validate(record["run"]["spec"]["strategy"]), chosen["parameters"]),
        judged=Judged(record["verdict"]["word"], bool(made_of["data"]["simulated"])),
    )


def found_on_cluster(study: Mapping[str, Any], strategy: Mapping[str, Any]) -> Found | None:
    """The selected trial of an OptimizationStudy as the API server has it, with the `strategy` that it studies; None where it has no result. Raises as `found_in`."""
    status = study.get("status") or {}
    best, result, made_of, tested = (status.get(name) or {} for name in ("best", "result", "provenance", "tested"))
    if not result or not best:
        return None
    base = StrategySpec.model_validate(strategy)
    found = with_values(base, best.get("parameters") or {})
    return Found(
        study=study["metadata"]["name"],
        trial=best["trial"],
        digest=made_of.get("resultDigest") or "",
        strategy=found,
        judged=Judged(result.get("verdict") or "", bool(tested.get("simulated"))),
        changed=_differs(found, tested.get("strategyDigest")),
    )


def _differs(strategy: StrategySpec, digest: str | None) -> bool:
    """Whether a strategy is known to be another than that of `digest`; code that is not part of the resource is not asked."""
    source = strategy.source
    if digest is None or (source.builtin is None and source.rules is None):
        return False
    try:
        return resolve_strategy(strategy, Document("", {}, {(): 1}), ()).digest != digest
    except InputRefused:
        return True

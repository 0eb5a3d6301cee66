"""The strategy that a study found: its own, with the values of one of its trials in place, as a resource to apply."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tidewright.domain.strategies.strategy import Value
from tidewright.runs.study_space import RISK, with_risk
from tidewright.specs.manifest import API_VERSION
from tidewright.specs.trading_strategy import StrategySpec

Candidate: TypeAlias = Literal["selected", "best", "robust", "knee"]
"""Which of a study's trials is meant: the one that it selected, or what another way to select would have chosen."""

STUDY, TRIAL, STUDY_DIGEST = "tidewright.io/study", "tidewright.io/trial", "tidewright.io/study-digest"
"""The annotations of a TradingStrategy that say where its parameters came from: the study's name, the trial's number, and the digest of the study's result."""


@dataclass(frozen=True)
class Found:
    """A trial of a study, and the strategy that it tried."""

    study: str
    trial: int
    digest: str
    strategy: StrategySpec

    def resource(self, name: str) -> dict[str, Any]:
        """The TradingStrategy `name` as plain values: the strategy, and where its parameters came from."""
        annotations = {STUDY: self.study, TRIAL: str(self.trial), STUDY_DIGEST: self.digest}
        told = {key: value for key, value in annotations.items() if value}
        metadata = {"name": name, "annotations": told}
        return {
            "apiVersion": API_VERSION,
            "kind": "TradingStrategy",
            "metadata": metadata,
            "spec": self.strategy.record(),
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
    selected = StrategySpec.model_validate(record["run"]["spec"]["strategy"])
    strategy = with_values(selected, chosen["parameters"])
    return Found(record["name"], chosen["number"], record["provenance"]["resultDigest"], strategy)

"""The floor of a namespace: the least evidence that any promotion in it needs, and the least costs that evidence may have been made at.

It is the ConfigMap `tidewright-floor`, which an admission policy keeps for the namespace's owner; its keys are paths::

    data:
      backtest.minSharpe: "0.5"
      backtest.minPeriod: 365d
      costs.commission: 0.1%

The groups `backtest`, `study` and `dryRun` have the fields of `spec.promotion`, `costs` those of `Costs`.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ValidationError

from tidewright.specs.admission import FLOOR
from tidewright.specs.manifest import Document
from tidewright.specs.problems import explain
from tidewright.specs.quantities import Percent
from tidewright.specs.resource import Spec
from tidewright.specs.trading_strategy import Promotion

NAME = FLOOR


class Costs(Spec):
    """The least that a fill must have cost in a backtest that counts."""

    commission: Annotated[str, Percent("0%", "10%")] = "0%"
    """Share of each fill's value."""
    maker_commission: Annotated[str, Percent("0%", "10%")] | None = None
    """Share of a limit order's value; absent, the same as commission."""
    slippage: Annotated[str, Percent("0%", "10%")] = "0%"
    """Share by which market and stop orders fill worse than their price."""


class Floor(Promotion):
    """What the namespace asks for, beside what a strategy asks of itself."""

    costs: Costs = Costs()
    """The least costs."""

    @classmethod
    def read(cls, data: Mapping[str, str]) -> "Floor":
        """The floor in a ConfigMap's data. Raises ValueError with everything that is wrong: a floor that cannot be read is no reason to have none."""
        nested: dict[str, Any] = {}
        for path, text in data.items():
            group, _, name = path.partition(".")
            fields = nested.setdefault(group, {}) if name else None
            if isinstance(fields, dict):
                fields[name] = _value(text.strip())
            else:
                nested[path] = text
        try:
            return cls.model_validate(nested)
        except ValidationError as error:
            problems = explain(error, cls, Document("", nested, {(): 0}))
            raise ValueError("; ".join(map(str, problems))) from None


def _value(text: str) -> int | float | str:
    """A number where it is one: a ConfigMap knows text only."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text

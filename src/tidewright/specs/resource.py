"""What all resources share: strict, frozen, camelCase models, and rules across their fields."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from tidewright.specs.quantities import Name


@dataclass(frozen=True)
class CrossFieldRule:
    """A condition on several fields of one model; `message` names the fields and the remedy."""

    holds: Callable[[Any], bool]
    message: str


class Spec(BaseModel):
    """A part of a resource: unknown fields are refused, nothing is coerced, nothing changes once read."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )
    cross_field_rules: ClassVar[tuple[CrossFieldRule, ...]] = ()

    @model_validator(mode="after")
    def _check_across_fields(self) -> Self:
        broken = [rule.message for rule in self.cross_field_rules if not rule.holds(self)]
        if broken:
            raise ValueError("\n".join(broken))
        return self

    def record(self) -> dict[str, Any]:
        """The model as plain JSON values, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Metadata(BaseModel):
    """The part of Kubernetes' object metadata that matters outside a cluster; the rest is accepted and ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    name: Name = Field(description="Name of the resource, unique within its kind and namespace.")
    namespace: Name | None = Field(default=None, description="Namespace; ignored outside a cluster.")


def exactly_one(*names: str) -> Callable[[Any], bool]:
    """The rule that one, and only one, of the named fields is set."""
    return lambda model: sum(getattr(model, name) is not None for name in names) == 1

"""What all resources share: strict, frozen, camelCase models, and rules across their fields."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, InitErrorDetails

from tidewright.specs.quantities import Name


@dataclass(frozen=True)
class CrossFieldRule:
    """A condition on several fields of one model; `message` names the fields and the remedy, `field` is the one to point at."""

    holds: Callable[[Any], bool]
    message: str
    field: str = ""


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

    @model_validator(mode="wrap")
    @classmethod
    def _check_across_fields(cls, value: Any, check_fields: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401
        """Rules are held against the right fields of a model that has wrong ones, too: all that is wrong is told at once."""
        try:
            model = check_fields(value)
        except ValidationError as error:
            wrong = error.errors(include_url=False)
            part = _sound_part(cls, value, {details["loc"][0] for details in wrong if details["loc"]})
            broken = [rule for rule in cls.cross_field_rules if _certainly_broken(rule, part)]
            if not broken:
                raise
            known = [_again(details) for details in wrong]
            raise ValidationError.from_exception_data(cls.__name__, [*known, *_errors(broken, value)]) from None
        broken = [rule for rule in cls.cross_field_rules if not rule.holds(model)]
        if broken:
            raise ValidationError.from_exception_data(cls.__name__, _errors(broken, value))
        return model

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


def _sound_part(model: type[BaseModel], value: object, wrong: Set[str | int]) -> SimpleNamespace:
    """The fields of `value` that nothing is wrong with, as they were written, and the defaults of those left out."""
    part = SimpleNamespace()
    given = value if isinstance(value, dict) else {}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        if alias in given and alias not in wrong:
            setattr(part, name, given[alias])
        elif alias not in given and not field.is_required():
            setattr(part, name, field.get_default(call_default_factory=True))
    return part


def _certainly_broken(rule: CrossFieldRule, part: SimpleNamespace) -> bool:
    try:
        return not rule.holds(part)
    except (AttributeError, TypeError, ValueError):  # it asks for more than is known
        return False


def _errors(broken: list[CrossFieldRule], value: object) -> list[InitErrorDetails]:
    given = value if isinstance(value, dict) else {}
    return [
        InitErrorDetails(
            type="value_error",
            loc=(rule.field,) if rule.field else (),
            input=given.get(rule.field),
            ctx={"error": ValueError(rule.message)},
        )
        for rule in broken
    ]


def _again(details: ErrorDetails) -> InitErrorDetails:
    return InitErrorDetails(
        type=details["type"], loc=details["loc"], input=details["input"], ctx=details.get("ctx", {})
    )

"""What all resources share: strict, frozen, camelCase models, and rules across their fields."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails

from tidewright.specs import cel
from tidewright.specs.quantities import Name


@dataclass(frozen=True)
class CrossFieldRule:
    """A condition on several fields of one model; `message` names the fields and the remedy, `field` is the one to point at.

    `cel` is the same condition for the API server. What CEL cannot see (a mapping of values of any type) is said by
    `structure`, a part of the model's JSON Schema.
    """

    holds: Callable[[Any], bool]
    message: str
    field: str = ""
    cel: str = ""
    structure: Mapping[str, Any] | None = None


class Spec(BaseModel):
    """A part of a resource: unknown fields are refused, nothing is coerced, nothing changes once read."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        defer_build=True,  # a command needs few of the models
    )
    cross_field_rules: ClassVar[tuple[CrossFieldRule, ...]] = ()
    may_change: ClassVar[tuple[str, ...] | None] = None
    """The fields of a resource's spec that may change once it is created; None for all."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The rules beside the fields, as Kubernetes writes them."""
        described = handler(schema)
        model = handler.resolve_ref_schema(described)
        rules = [cel.validation(rule.cel, rule.message, rule.field) for rule in cls.cross_field_rules if rule.cel]
        if rules:
            model["x-kubernetes-validations"] = rules
        for rule in cls.cross_field_rules:
            model |= rule.structure or {}
        return described

    @model_validator(mode="wrap")
    @classmethod
    def _check_across_fields(cls, value: Any, check_fields: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401
        """Rules are held against the right fields of a model that has wrong ones, too: all that is wrong is told at once.

        A field without a value (null) counts as left out, as the API server takes it.
        """
        known = {field.alias or name for name, field in cls.model_fields.items()}
        if isinstance(value, dict):
            value = {name: given for name, given in value.items() if given is not None or name not in known}
        try:
            model = check_fields(value)
        except ValidationError as error:
            wrong = error.errors(include_url=False)
            part = _sound_part(cls, value, {details["loc"][0] for details in wrong if details["loc"]})
            broken = [rule for rule in cls.cross_field_rules if _certainly_broken(rule, part)]
            if not broken:
                raise
            told = [_again(details) for details in wrong]
            raise ValidationError.from_exception_data(cls.__name__, [*told, *_errors(broken, value)]) from None
        broken = [rule for rule in cls.cross_field_rules if not rule.holds(model)]
        if broken:
            raise ValidationError.from_exception_data(cls.__name__, _errors(broken, value))
        return model

    def record(self) -> dict[str, Any]:
        """The model as plain JSON values, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Resource(Spec):
    """A whole resource. Its status is the operator's: `kubectl get -o yaml` writes it, and it says nothing about what is wanted."""

    @model_validator(mode="before")
    @classmethod
    def _leave_out_status(cls, value: Any) -> Any:  # noqa: ANN401
        return {name: given for name, given in value.items() if name != "status"} if isinstance(value, dict) else value


class Metadata(BaseModel):
    """The part of Kubernetes' object metadata that matters outside a cluster; the rest is accepted and ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    name: Name = Field(description="Name of the resource, unique within its kind and namespace.")
    namespace: Name | None = Field(default=None, description="Namespace; ignored outside a cluster.")


def _without_nulls(value: object) -> object:
    return {name: given for name, given in value.items() if given is not None} if isinstance(value, dict) else value


NULL_IS_ABSENT = BeforeValidator(_without_nulls)
"""Marks a mapping: a key without a value (null) counts as left out, as the API server takes it."""


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

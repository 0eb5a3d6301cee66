"""A model's JSON Schema as the structural schema that Kubernetes wants of a custom resource.

Structural means: every value's type is said once, in its place; no references, no null, no choice between types. See
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from collections.abc import Mapping
from math import inf
from typing import Any, TypeAlias

from tidewright.specs import cel

Schema: TypeAlias = dict[str, Any]

_KEPT = (
    "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "multipleOf", "minItems", "maxItems", "maxProperties",
    "required", "anyOf", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
)  # fmt: skip
_NO_COLLECTION = {"minItems": 1, "maxItems": 0, "minProperties": 1, "maxProperties": 0}
"""What no list and no mapping satisfies; it says nothing about scalars."""

_NEAR = 1_000_000
"""Bounds beyond are there for safety, and say nothing to an author."""

_WHOLE = cel.validation("type(self) == int", "must be a whole number; write it without a point")


def structural(schema: Schema) -> Schema:
    """The structural schema of a model, from its `model_json_schema(by_alias=True)`."""
    return _converted(schema, schema.get("$defs", {}))


def without_nulls(value: object) -> object:
    """A JSON value without the fields that hold nothing."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _converted(field: Schema, models: Mapping[str, Schema]) -> Schema:
    field = _in_place(field, models)
    rules = [*field.get("x-kubernetes-validations", ())]
    found = _described(field) | _typed(field, models, rules) | {name: field[name] for name in _KEPT if name in field}
    if "const" in field:
        found["enum"] = [field["const"]]
    if field.get("default") is not None:
        found["default"] = without_nulls(field["default"])
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in field:
            found |= {bound: field[exclusive], exclusive: True}
    if rules:
        found["x-kubernetes-validations"] = rules
    return found


def _described(field: Schema) -> Schema:
    """The description, with what `kubectl explain` would not show otherwise: the default, and bounds that somebody may come near."""
    if "description" not in field:
        return {}
    text = " ".join(field["description"].split())
    default = field.get("default")
    low, high = field.get("x-between", (field.get("minimum"), field.get("maximum", inf)))
    if low is not None and (isinstance(high, str) or high <= _NEAR):
        text += f" Between {_shown(low)} and {_shown(high)}."
    if isinstance(default, bool | int | float | str) and default != "":
        text += f" Default: {_shown(default)}."
    return {"description": text}


def _shown(value: str | float) -> str:
    """A value as it is written in YAML."""
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else f"{value:.16g}"


def _in_place(field: Schema, models: Mapping[str, Schema]) -> Schema:
    """The field with what it refers to written in, and without the null of an optional field."""
    options = [option for option in field.get("anyOf", ()) if option.get("type") == "null"]
    if options:
        (only,) = (option for option in field["anyOf"] if option not in options)
        return _in_place({**only, **{name: part for name, part in field.items() if name != "anyOf"}}, models)
    if "$ref" in field:
        beside = {name: part for name, part in field.items() if name != "$ref"}
        return {**models[field["$ref"].rsplit("/", 1)[1]], **beside}
    return field


def _typed(field: Schema, models: Mapping[str, Schema], rules: list[cel.Validation]) -> Schema:  # noqa: PLR0911 - one a type
    """The type of a field, and what is inside it; what a type needs of CEL is added to `rules`."""
    match field.get("type", "object"):
        case ["integer", "string"]:
            return {"x-kubernetes-int-or-string": True}
        case [*_]:  # no type: any scalar, which excludes the others by what they cannot satisfy
            return {"x-kubernetes-preserve-unknown-fields": True, **_NO_COLLECTION}
        case "object" if "properties" in field:
            inner = {name: _converted(part, models) for name, part in field["properties"].items()}
            return {"type": "object", "properties": inner}
        case "object":
            return {"type": "object", "additionalProperties": _values(field, models, rules)}
        case "array":
            return {"type": "array", "items": _converted(field["items"], models)}
        case "integer":
            rules.insert(0, _WHOLE)
            return {"type": "integer", "format": "int64"}
        case simple:
            return {"type": simple}


def _values(field: Schema, models: Mapping[str, Schema], rules: list[cel.Validation]) -> Schema:
    """The schema of a mapping's values. A structural schema has no place for what its keys must be, so that becomes a rule."""
    ((pattern, value),) = field.get("patternProperties", {"": field.get("additionalProperties")}).items()
    if pattern:
        names = field["propertyNames"]
        (rule,) = names["x-kubernetes-validations"]
        kept = rule["rule"].replace("self", "key")
        rules.append(
            cel.validation(
                f"self.all(key, key.size() <= {names['maxLength']} && {kept})", f"a key is {rule['message']}"
            )
        )
    return _converted(value, models)

from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field

from tidewright.specs.pod import Quantity
from tidewright.specs.quantities import Identifier, Percent
from tidewright.specs.resource import CrossFieldRule, Spec
from tidewright.specs.structural import structural
from tidewright.specs.trading_strategy import Number, ParameterValue

WHOLE = {"rule": "type(self) == int", "message": "must be a whole number; write it without a point"}


class Inner(Spec):
    """What is inside."""

    depth: Annotated[int, Field(ge=0, le=9)] = 1
    """How deep it is."""
    note: str | None = None


class Outer(Spec):
    """One field of each sort."""

    name: Identifier
    """Its name, in
    two lines."""
    kind: Literal["A", "B"] = "A"
    only: Literal["A"] = "A"
    share: Annotated[str, Percent("1%", "9%")] | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.5
    number: Number = 1
    quantity: Quantity = 1
    anything: ParameterValue | None = None
    flag: bool = False
    inner: Inner = Inner()
    """The inner one."""
    perhaps: Inner | None = None
    several: Annotated[tuple[Inner, ...], Field(max_length=3)] = ()
    by_name: Annotated[dict[Identifier, str], Field(max_length=4)] = Field(default_factory=dict)
    by_any_name: Annotated[dict[str, ParameterValue], Field(max_length=4)] = Field(default_factory=dict)

    cross_field_rules: ClassVar = (
        CrossFieldRule(lambda self: self.kind == self.only, "be the same", "kind", "self.kind == self.only"),
    )


@pytest.fixture(scope="module")
def schema():
    return structural(Outer.model_json_schema(by_alias=True))


@pytest.fixture(scope="module")
def field(schema):
    return lambda name: {
        part: value for part, value in schema["properties"][name].items() if part != "x-kubernetes-validations"
    }


@pytest.fixture(scope="module")
def rules(schema):
    return lambda name: schema["properties"][name].get("x-kubernetes-validations", [])


def test_a_model_is_an_object_with_its_rules(schema):
    assert (schema["type"], schema["description"], schema["required"]) == (
        "object",
        "One field of each sort.",
        ["name"],
    )
    assert schema["x-kubernetes-validations"] == [
        {"rule": "self.kind == self.only", "message": "be the same", "fieldPath": ".kind"}
    ]


def test_a_description_is_one_line(field):
    assert field("name")["description"] == "Its name, in two lines."


def test_a_description_tells_the_default_and_the_bounds_that_somebody_may_come_near():
    class Told(Spec):
        share: Annotated[str, Percent("1%", "9%")] = "5%"
        """A share."""
        seed: Annotated[int, Field(ge=0, le=2**53)] = 7
        """A seed."""
        level: Annotated[float, Field(ge=1, le=125)] | None = None
        """A level."""
        flag: bool = False
        """A flag."""
        note: str = ""
        """A note."""

    told = structural(Told.model_json_schema())["properties"]
    assert [told[name]["description"] for name in told] == [
        "A share. Between 1% and 9%. Default: 5%.",
        "A seed. Default: 7.",
        "A level. Between 1 and 125.",
        "A flag. Default: false.",
        "A note.",
    ]


def test_a_text_keeps_its_pattern_and_gains_a_rule_that_says_what_to_write(field, rules):
    assert field("name") | {"description": ""} == {
        "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "maxLength": 64, "description": "",
    }  # fmt: skip
    (rule,) = rules("name")
    assert rule["rule"] == "self.matches(r'^[A-Za-z_][A-Za-z0-9_]*$')"
    assert rule["message"].startswith("not a name; write letters")


def test_a_choice_is_an_enum(field):
    assert field("kind") == {"type": "string", "enum": ["A", "B"], "default": "A"}
    assert field("only") == {"type": "string", "enum": ["A"], "default": "A"}


def test_an_optional_field_is_one_that_is_not_required(field):
    assert field("share")["type"] == "string"
    assert field("perhaps")["type"] == "object"
    assert "default" not in field("share")


def test_the_bounds_of_a_percent_string_are_a_rule(rules):
    (rule,) = rules("share")
    number = "double(self.substring(0, self.size() - 1))"
    assert rule["rule"].endswith(f"&& {number} >= 1.0 && {number} <= 9.0")
    assert rule["message"] == "must be between 1% and 9%; write a number and a percent sign"


def test_a_bound_that_is_excluded_is_said_as_openapi_3_0_says_it(field):
    assert field("level") == {
        "type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1, "exclusiveMaximum": True, "default": 0.5,
    }  # fmt: skip


def test_a_whole_number_is_one_that_is_written_without_a_point(schema):
    depth = schema["properties"]["inner"]["properties"]["depth"]
    assert depth == {
        "description": "How deep it is. Between 0 and 9. Default: 1.", "type": "integer", "format": "int64", "minimum": 0, "maximum": 9, "default": 1,
        "x-kubernetes-validations": [WHOLE],
    }  # fmt: skip


def test_a_number_is_a_number_whole_or_not(field):
    assert field("number") == {"type": "number", "minimum": -1e15, "maximum": 1e15, "default": 1}


def test_a_number_or_a_text_is_what_kubernetes_has_a_mark_for(field):
    assert field("quantity")["x-kubernetes-int-or-string"] is True
    assert "type" not in field("quantity")


def test_a_scalar_of_any_type_excludes_lists_and_mappings_by_what_they_cannot_satisfy(field):
    assert field("anything") == {
        "x-kubernetes-preserve-unknown-fields": True, "minItems": 1, "maxItems": 0, "minProperties": 1, "maxProperties": 0,
        "maxLength": 64, "minimum": -1e15, "maximum": 1e15,
    }  # fmt: skip


def test_a_model_within_is_written_in_place_with_the_fields_own_description_and_default(field):
    inner = field("inner")
    assert (inner["description"], inner["default"]) == ("The inner one.", {"depth": 1})
    assert inner["properties"].keys() == {"depth", "note"}
    assert field("several")["items"]["properties"].keys() == {"depth", "note"}
    assert field("several")["maxItems"] == 3


def test_the_keys_of_a_mapping_are_held_by_a_rule(field, rules):
    assert field("byName") == {"type": "object", "maxProperties": 4, "additionalProperties": {"type": "string"}}
    (rule,) = rules("byName")
    assert rule["rule"] == "self.all(key, key.size() <= 64 && key.matches(r'^[A-Za-z_][A-Za-z0-9_]*$'))"
    assert rule["message"].startswith("a key is not a name; write letters")


def test_the_keys_of_a_mapping_that_cel_cannot_see_are_free(field, rules):
    assert field("byAnyName")["additionalProperties"]["x-kubernetes-preserve-unknown-fields"] is True
    assert rules("byAnyName") == []

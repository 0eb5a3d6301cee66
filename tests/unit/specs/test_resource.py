from typing import Annotated, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from tidewright.specs.quantities import Percent
from tidewright.specs.resource import NULL_IS_ABSENT, CrossFieldRule, Metadata, Resource, Spec, exactly_one


class Inner(Spec):
    depth: int = 1


class Span(Spec):
    """A model with a rule of each sort."""

    low: int
    high: int
    share: Annotated[str, Percent("0%", "100%")] | None = None
    inner: Inner = Inner()
    the_other: str | None = None

    cross_field_rules: ClassVar = (
        CrossFieldRule(lambda self: self.low < self.high, "must be above low", "high"),
        CrossFieldRule(
            lambda self: self.share is None or self.the_other is None, "share and theOther exclude each other"
        ),
        CrossFieldRule(lambda self: self.inner.depth < 5, "inner is too deep", "inner"),
    )


def wrong_with(**fields):
    """Location and message of everything wrong."""
    with pytest.raises(ValidationError) as caught:
        Span.model_validate(fields)
    errors = caught.value.errors(include_url=False)
    return [(details["loc"], str(details.get("ctx", {}).get("error", details["type"]))) for details in errors]


def test_a_broken_rule_is_located_at_the_field_it_names():
    assert wrong_with(low=3, high=2) == [(("high",), "must be above low")]


def test_a_rule_that_names_no_field_is_located_at_the_model():
    assert wrong_with(low=1, high=2, share="5%", theOther="x") == [((), "share and theOther exclude each other")]


def test_all_broken_rules_are_told_at_once():
    assert len(wrong_with(low=3, high=2, share="5%", theOther="x", inner={"depth": 9})) == 3


def test_a_rule_about_right_fields_is_told_beside_wrong_fields_of_the_same_model():
    assert wrong_with(low=3, high=2, share=5, more=1) == [
        (("share",), "a ratio is written as a percent string; write 5%"),
        (("more",), "extra_forbidden"),
        (("high",), "must be above low"),
    ]


def test_a_rule_about_a_wrong_field_is_not_told_as_nobody_knows():
    assert wrong_with(low="3", high=2) == [(("low",), "int_type")]
    assert wrong_with(high=2) == [(("low",), "missing")]
    assert wrong_with(low=1, high=2, share=5, theOther="x") == [
        (("share",), "a ratio is written as a percent string; write 5%")
    ]


def test_a_rule_that_looks_into_a_part_waits_until_the_model_is_right():
    assert wrong_with(low="3", high=2, inner={"depth": 9}) == [(("low",), "int_type")]


@pytest.mark.parametrize("value", [None, 3, "x", [1]])
def test_what_is_no_mapping_is_refused_as_such(value):
    with pytest.raises(ValidationError) as caught:
        Span.model_validate(value)
    assert [details["type"] for details in caught.value.errors()] == ["model_type"]


def test_fields_are_camel_case_outside_and_absent_ones_are_left_out_of_the_record():
    span = Span.model_validate({"low": 1, "high": 2, "theOther": "x"})
    assert span.record() == {"low": 1, "high": 2, "inner": {"depth": 1}, "theOther": "x"}
    assert Span.model_validate(span.record()) == span


@pytest.mark.parametrize("value", ["1", 1.0, True])
def test_nothing_is_coerced(value):
    assert wrong_with(low=value, high=2)[0] == (("low",), "int_type")


def test_a_field_with_nothing_in_it_is_left_out():
    assert wrong_with(low=None, high=2) == [(("low",), "missing")]
    assert Span.model_validate({"low": 1, "high": 2, "inner": None}).inner == Inner()
    assert wrong_with(low=1, high=2, unknown=None) == [(("unknown",), "extra_forbidden")]


def test_a_key_with_nothing_in_it_is_left_out_of_a_mapping():
    weights = TypeAdapter(Annotated[dict[str, int], NULL_IS_ABSENT])
    assert weights.validate_python({"a": 1, "b": None}) == {"a": 1}


def test_the_schema_holds_the_rules_as_kubernetes_writes_them():
    class Ordered(Spec):
        low: int
        high: int
        cross_field_rules: ClassVar = (
            CrossFieldRule(lambda self: self.low < self.high, "must be above low", "high", "self.low < self.high"),
            CrossFieldRule(lambda self: self.low != 3, "no three", structure={"not": {"enum": [3]}}),
        )

    schema = Ordered.model_json_schema()
    assert schema["x-kubernetes-validations"] == [
        {"rule": "self.low < self.high", "message": "must be above low", "fieldPath": ".high"}
    ]
    assert schema["not"] == {"enum": [3]}


def test_a_resource_is_read_without_its_status():
    class Thing(Resource):
        spec: Inner

    assert Thing.model_validate({"spec": {}, "status": {"anything": 1}}) == Thing(spec=Inner())
    with pytest.raises(ValidationError, match="model_type"):
        Thing.model_validate(3)


def test_a_resource_does_not_change_once_read():
    with pytest.raises(ValidationError, match="frozen"):
        Span(low=1, high=2).low = 5  # type: ignore[misc]


def test_of_the_metadata_what_only_a_cluster_knows_is_ignored():
    metadata = Metadata.model_validate({"name": "x", "labels": {"a": "b"}, "uid": "1"})
    assert metadata.model_dump() == {"name": "x", "namespace": None}


def test_exactly_one():
    rule = exactly_one("share", "the_other")
    assert [rule(Span.model_construct(share=a, the_other=b)) for a in (None, "5%") for b in (None, "x")] == [
        False,
        True,
        True,
        False,
    ]

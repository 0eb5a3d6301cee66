import json

import pytest
from broken_resources import rules

from tidewright.specs.crd import crd
from tidewright.specs.kinds import KINDS

BOUND = {"string": {"maxLength", "enum"}, "array": {"maxItems"}, "integer": {"maximum"}, "number": {"maximum"}}
SMALL = 200_000


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request):
    return request.param


@pytest.fixture
def schema(kind):
    (version,) = crd(kind)["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]


def parts(schema, path=""):
    """Path and schema of everything in a structural schema."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from parts(inner, f"{path}.{name}")
    for inner, mark in ((schema.get("items"), "[]"), (schema.get("additionalProperties"), "{}")):
        if inner:
            yield from parts(inner, f"{path}{mark}")


def test_a_definition_is_small(kind):
    assert len(json.dumps(crd(kind))) < SMALL


def test_everything_is_bounded(schema):
    for name in ("spec", "status"):
        for path, part in parts(schema["properties"][name], name):
            if "additionalProperties" in part:
                assert "maxProperties" in part, path
            assert BOUND.get(part.get("type"), {"type"}) & {*part} or part.get("type") in {"boolean", "object", None}, (
                path
            )


def test_every_field_is_described(schema):
    undescribed = [
        path for path, part in parts(schema) if not part.get("description") and not path.endswith(("[]", "{}"))
    ]
    assert undescribed == [".metadata"]


def test_no_part_of_it_is_other_than_structural(schema):
    forbidden = {"$ref", "const", "title", "patternProperties", "propertyNames", "oneOf", "nullable"}
    for path, part in parts(schema):
        assert not forbidden & {*part}, path
        assert not isinstance(part.get("additionalProperties"), bool), path


@pytest.mark.parametrize(("model", "rule"), [*rules()], ids=lambda value: value if isinstance(value, str) else "")
def test_every_rule_across_fields_is_held_by_the_api_server_too(model, rule):
    assert rule.cel or rule.structure, f"{model}: add cel= to the rule: {rule.message}"
    assert "\n" not in rule.cel + rule.message


def test_what_stands_for_the_result_is_fixed_field_by_field(kind, schema):
    spec = schema["properties"]["spec"]
    fixed = {rule["fieldPath"][1:] for rule in spec.get("x-kubernetes-validations", ()) if "oldSelf" in rule["rule"]}
    free = {
        "TradingStrategy": {*spec["properties"]},
        "BacktestRun": {"suspend", "ttlAfterFinished"},
        "OptimizationStudy": {"suspend", "ttlAfterFinished", "parallelism", "trials"},
        "RLTraining": {"suspend", "ttlAfterFinished"},
    }
    assert {*spec["properties"]} - fixed == free[kind.name]


def test_a_fixed_field_that_may_be_absent_stays_absent():
    (kind,) = (kind for kind in KINDS if kind.name == "BacktestRun")
    spec = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    by_field = {rule.get("fieldPath"): rule["rule"] for rule in spec["x-kubernetes-validations"]}
    assert by_field[".seed"] == "self.seed == oldSelf.seed"
    assert by_field[".pod"] == "has(self.pod) == has(oldSelf.pod) && (!has(self.pod) || self.pod == oldSelf.pod)"


def test_a_status_has_no_defaults_and_its_conditions_are_merged_by_type(schema):
    status = schema["properties"]["status"]
    assert [path for path, part in parts(status) if "default" in part] == []
    conditions = status["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


def test_a_result_is_a_dozen_figures_at_most(schema):
    for path, part in parts(schema["properties"]["status"]):
        if path.endswith(".result"):
            figures = [name for name, inner in part["properties"].items() if inner.get("maxLength") == 32]
            assert 0 < len(figures) <= 12
            assert all(inner["type"] == "string" for inner in part["properties"].values())
            break
    else:
        assert "signals" in schema["properties"]["spec"]["properties"]

import json

import pytest

from tidewright.cli.endings import DONE, REFUSED
from tidewright.specs.manifest import RESOURCES


def parts(schema):
    """Every mapping in a schema."""
    if isinstance(schema, dict):
        yield schema
        for inner in schema.values():
            yield from parts(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from parts(inner)


@pytest.fixture(params=list(RESOURCES))
def schema(request, command):
    ended = command("schema", request.param)
    assert (ended.code, ended.err) == (DONE, "")
    return json.loads(ended.out)


def test_an_unknown_kind_is_refused_with_those_there_are(command):
    ended = command("schema", "Backtest")
    assert (
        ended.code,
        "'Backtest' is not one of 'TradingStrategy', 'BacktestRun', 'OptimizationStudy', 'RLTraining'" in ended.err,
    ) == (REFUSED, True)


def test_the_resource_has_its_four_fields_and_no_others(schema):
    assert schema["required"] == ["apiVersion", "kind", "metadata", "spec"]
    assert schema["properties"].keys() == set(schema["required"])
    assert schema["additionalProperties"] is False


def test_every_reference_leads_somewhere(schema):
    for part in parts(schema):
        if "$ref" in part:
            assert part["$ref"].removeprefix("#/$defs/") in schema["$defs"]


def test_every_field_is_described_for_the_user(schema):
    for name, model in schema["$defs"].items():
        for field, described in model.get("properties", {}).items():
            model_of_it = schema["$defs"].get(described.get("$ref", "").removeprefix("#/$defs/"), {})
            assert described.get("description") or model_of_it.get("description"), f"{name}.{field}"


def test_every_pattern_is_one_that_editors_understand(schema):
    for part in parts(schema):
        if isinstance(part.get("pattern"), str):
            assert "(?" not in part["pattern"]
            assert part["maxLength"] > 0


def test_unknown_fields_are_refused_everywhere_but_in_the_metadata(schema):
    models = {name: model for name, model in schema["$defs"].items() if "properties" in model}
    assert {name for name, model in models.items() if model.get("additionalProperties", True) is not False} == {
        "Metadata"
    }

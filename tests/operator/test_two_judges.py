"""The API server, with the CRDs, accepts exactly the resources that the models accept; docs/admission.md lists what only one can judge."""

import json
from pathlib import Path

import pytest
import yaml
from broken_resources import BROKEN, rules
from drawn_resources import resources
from hypothesis import HealthCheck, given, note, settings
from pydantic import ValidationError
from whole_resources import whole

from tidewright.specs.kinds import KINDS
from tidewright.specs.manifest import Manifest

SAMPLES = sorted((Path(__file__).parents[2] / "manifests" / "samples").glob("*.yaml"))
BY_NAME = {kind.name: kind for kind in KINDS}
ACCEPTED, MALFORMED, REFUSED = 201, 400, 422

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture(scope="session")
def judge(api):
    """What the API server answers to a resource, given as values or as the text of its JSON."""

    def judge(kind, resource):
        text = resource if isinstance(resource, str) else json.dumps(resource)
        answer = api.post(
            f"/apis/tidewright.io/v1alpha1/namespaces/default/{kind.plural}",
            params={"dryRun": "All", "fieldValidation": "Strict"},
            content=text,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in {ACCEPTED, MALFORMED, REFUSED}, answer.text
        return answer

    return judge


def refusal(kind, resource):
    """Why the model refuses a resource, nothing where it does not."""
    try:
        kind.model.model_validate(resource)
    except ValidationError as error:
        return str(error)
    return ""


@by_kind
def test_what_is_drawn_is_accepted_by_both_or_by_none(kind, judge):
    @settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(resources(kind))
    def both_agree(resource):
        answer, why = judge(kind, resource), refusal(kind, resource)
        note(f"the API server: {answer.text}")
        note(f"the model: {why or 'accepted'}")
        assert (answer.status_code == ACCEPTED) == (why == "")

    both_agree()


@by_kind
def test_the_whole_resources_are_accepted_and_given_the_same_defaults(kind, judge):
    for resource in whole(kind.name):
        answer = judge(kind, resource)
        assert answer.status_code == ACCEPTED, answer.text
        assert filled(answer.json()["spec"]) == filled(kind.model.model_validate(resource).record()["spec"])


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_the_samples_are_accepted(file, judge):
    manifest = Manifest()
    manifest.read(file.name, file.read_text(encoding="utf-8"))
    for kind in KINDS:
        for _, _, document in manifest.of_kind(kind.name):
            assert judge(kind, document.value).status_code == ACCEPTED


def filled(value):
    """A JSON value without its empty mappings: whether these are written makes no difference to anybody."""
    if isinstance(value, dict):
        return {name: filled(inner) for name, inner in value.items() if inner != {}}
    return [filled(inner) for inner in value] if isinstance(value, list) else value


def test_every_rule_has_an_example():
    shown = {broken.message for broken in BROKEN}
    missing = [f"{model}: {rule.message}" for model, rule in rules() if rule.message not in shown]
    assert not missing, "add an edit that breaks it to tests/support/broken_resources.py"


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.kind}-{broken.field}-{broken.message[:24]}")
def test_a_broken_rule_is_told_with_the_field_and_the_remedy(broken, judge):
    kind, resource = BY_NAME[broken.kind], broken.resource()
    assert broken.message in refusal(kind, resource)
    answer = judge(kind, resource)
    assert answer.status_code == REFUSED
    told = {(cause["field"], cause["message"]) for cause in answer.json()["details"]["causes"]}
    assert any(field == f"spec.{broken.field}" and broken.message in message for field, message in told), told


def edited(kind, *path, value):
    """The first whole resource of a kind with one value of its spec replaced."""
    resource = whole(kind.name)[0]
    parent = resource["spec"]
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = value
    return resource


BACKTEST = BY_NAME["BacktestRun"]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("data", "start"), "31.01.2024", "not a time; write a date such as 2024-01-31"),
        (("data", "start"), "2023-02-29", "not a time; write a date such as 2024-01-31"),
        (("deadline",), "90", "not a duration; write a whole number and a unit, such as 30m, 4h or 90d"),
        (("broker", "commission"), "11%", "must be between 0% and 10%; write a number and a percent sign"),
        (("broker", "commission"), "0.1", "must be between 0% and 10%; write a number and a percent sign"),
        (("seed",), 7.5, "spec.seed in body must be of type integer"),
        (("seed",), 7.0, "must be a whole number; write it without a point"),
        (("engine",), "fast", 'supported values: "Fast", "Backtrader", "Both"'),
        (("retries",), 11, "should be less than or equal to 10"),
        (("pod", "nodeSelector"), {"a b": "c"}, "a key is not a label's key; write letters, digits"),
        (("pod", "resources", "limits"), {"cpu": "two"}, "not a quantity; write a whole number"),
    ],
)
def test_a_wrong_value_is_told_with_the_field_and_what_to_write(judge, path, value, told):
    resource = edited(BACKTEST, *path, value=value)
    assert refusal(BACKTEST, resource)
    answer = judge(BACKTEST, resource)
    assert answer.status_code == REFUSED
    assert f"spec.{'.'.join(path)}" in answer.json()["message"]
    assert told in answer.json()["message"]


@pytest.mark.parametrize(
    "path", [("seed",), ("broker",), ("broker", "cash"), ("deadline",), ("pod", "nodeSelector", "disk")]
)
def test_nothing_in_a_field_is_as_if_it_were_left_out(judge, path):
    resource = edited(BACKTEST, *path, value=None)
    assert refusal(BACKTEST, resource) == ""
    assert judge(BACKTEST, resource).status_code == ACCEPTED


def test_nothing_in_a_list_is_refused(judge):
    strategy = BY_NAME["TradingStrategy"]
    resource = edited(strategy, "symbols", value=["BTC/USDT", None])
    assert refusal(strategy, resource)
    assert judge(strategy, resource).status_code == REFUSED


def test_a_number_without_a_fraction_is_whole_on_its_way_from_yaml(judge):
    resource = whole("BacktestRun")[0]
    text = yaml.safe_dump(resource).replace("seed: 7", "seed: 7.0")
    manifest = Manifest()
    manifest.read("bt.yaml", text)
    assert manifest.problems == []
    ((_, read, document),) = manifest.of_kind("BacktestRun")
    assert (read.record()["spec"]["seed"], document.value["spec"]["seed"]) == (7, 7)
    assert judge(BACKTEST, document.value).status_code == ACCEPTED


def test_a_field_written_twice_is_refused(judge):
    resource = whole("BacktestRun")[0]
    text = json.dumps(resource).replace('"seed": 7', '"seed": 7, "seed": 8')
    assert judge(BACKTEST, text).status_code == MALFORMED
    manifest = Manifest()
    manifest.read("bt.json", text)
    assert [problem.path for problem in manifest.problems] == [("spec", "seed")]


def test_a_status_is_not_judged(judge):
    resource = whole("BacktestRun")[0] | {"status": {"progress": {"percent": 5}}}
    assert refusal(BACKTEST, resource) == ""
    assert judge(BACKTEST, resource).status_code == ACCEPTED

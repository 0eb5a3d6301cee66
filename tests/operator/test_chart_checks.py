"""The judges of the chart: that each of them would notice something, and what they make of the comments in values.yaml."""

import json

import pytest
from chart_cluster import helm

from chart import values
from chart.check import Finding, conform, unexplained
from chart.children import children
from chart.schemas import standalone
from cluster.build import built
from tidewright.specs.manifest import as_yaml

VALUES = """\
# -- How many there are.
# It may be none.
# @schema {minimum: 0}
replicas: 1

image:
  # -- Where it comes from.
  # @schema {enum: [here, there]}
  source: here
"""


@pytest.fixture
def values_of(tmp_path):
    def values_of(text):
        path = tmp_path / "values.yaml"
        path.write_text(text)
        return values.read(path)

    return values_of


def test_a_comment_describes_a_value_to_people_and_to_helm(values_of):
    found = values_of(VALUES)
    schema = json.loads(values.schema_of_part(found, ()))["properties"]
    told = {"description": "How many there are. It may be none.", "type": "integer", "default": 1, "minimum": 0}
    assert schema["replicas"] == told
    assert schema["image"]["additionalProperties"] is False
    assert '| `part.image.source` | `"here"` | Where it comes from. One of `here`, `there`. |' in values.table(
        found, "part"
    )


def test_a_value_may_be_like_another(values_of):
    found = values_of(
        """\
defaults:
  # -- How many there are.
  # @schema {minimum: 0}
  replicas: 1
# -- One of them.
# @schema {like: defaults}
one: {replicas: 2}
"""
    )
    schema = json.loads(values.schema_of_part(found, ()))["properties"]["one"]
    assert schema["properties"] == {"replicas": {"description": "How many there are.", "type": "integer", "minimum": 0}}
    assert schema["additionalProperties"] is False
    assert schema["default"] == {"replicas": 2}


@pytest.mark.parametrize("text", ["replicas: 1", "image: {}", "image:\n  source: here"])
def test_a_value_without_a_description_is_refused(values_of, text):
    with pytest.raises(values.Undescribed, match=r"replicas|image"):
        values_of(text)


def test_an_objects_schema_refuses_fields_that_it_does_not_know():
    described = {
        "Pod": {"type": "object", "properties": {"spec": {"$ref": "#/components/schemas/Spec"}}},
        "Spec": {
            "type": "object",
            "properties": {"labels": {"type": "object", "additionalProperties": {"type": "string"}}},
        },
        "Other": {"type": "object"},
    }
    assert standalone(described, "Pod") == {
        "$ref": "#/$defs/Pod",
        "$defs": {
            "Pod": {"type": "object", "properties": {"spec": {"$ref": "#/$defs/Spec"}}, "additionalProperties": False},
            "Spec": described["Spec"] | {"additionalProperties": False},
        },
    }


@pytest.fixture
def manifest(tmp_path):
    """Writes objects as a manifest; skips where there is nothing to judge it with."""
    helm("version")
    if not built():
        pytest.skip("the schemas are those of an API server: compile one with `make cluster-build`")

    def manifest(*objects):
        path = tmp_path / "objects.yaml"
        path.write_text(as_yaml(objects))
        return path

    return manifest


def test_what_the_operator_makes_is_what_the_api_server_describes(manifest):
    made = children()
    assert {thing["kind"] for thing in made} >= {
        "ConfigMap",
        "Job",
        "Deployment",
        "Service",
        "NetworkPolicy",
        "PodDisruptionBudget",
    }
    conform(manifest(*made))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"parallelism": "one"}, "got string, want integer"),
        ({"paralelism": 1}, "additional properties 'paralelism' not allowed"),
    ],
)
def test_what_the_api_server_does_not_know_is_noticed(manifest, change, told):
    job = next(thing for thing in children() if thing["kind"] == "Job")
    with pytest.raises(RuntimeError, match=told):
        conform(manifest({**job, "spec": job["spec"] | change}))


def test_every_finding_is_explained_and_every_explanation_needed():
    found = [Finding("CKV_1", "Job.research.one", "Tokens"), Finding("CKV_2", "Job.research.one", "Digests")]
    exceptions = [
        {"rule": "CKV_1", "things": ["Job.*"], "reason": "a reason"},
        {"rule": "CKV_2", "things": ["Pod.*"], "reason": "a reason"},
    ]
    assert unexplained(found, exceptions) == [
        "CKV_2 Job.research.one: Digests",
        "CKV_2 ['Pod.*']: nothing needs this exception",
    ]

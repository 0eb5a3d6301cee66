from pathlib import Path

import pytest
import yaml

from tidewright.specs.admission import POLICIES
from tidewright.specs.kinds import KINDS

WRITTEN = Path(__file__).parents[3] / "manifests" / "policy"


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.label)
def test_a_policy_is_as_it_is_written_down_and_bound_to_deny(policy):
    written = (WRITTEN / f"{policy.label}.yaml").read_text(encoding="utf-8")
    assert list(yaml.safe_load_all(written)) == policy.documents()
    rule, binding = policy.documents()
    assert binding["spec"] == {"policyName": rule["metadata"]["name"], "validationActions": ["Deny"]}


def test_a_policy_is_about_kinds_that_there_are():
    assert {name for policy in POLICIES for name in policy.resources} <= {kind.plural for kind in KINDS}


def test_each_label_has_its_policy():
    assert [policy.label for policy in POLICIES] == ["live-execution", "source-ref"]

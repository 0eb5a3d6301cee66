from pathlib import Path

import pytest
import yaml

from tidewright.specs.admission import POLICIES, NeedsLabel
from tidewright.specs.kinds import KINDS

WRITTEN = Path(__file__).parents[3] / "manifests" / "policy"


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_a_policy_is_as_it_is_written_down_and_bound_to_deny(policy):
    written = (WRITTEN / f"{policy.name}.yaml").read_text(encoding="utf-8")
    assert list(yaml.safe_load_all(written)) == policy.documents()
    rule, binding = policy.documents()
    assert binding["spec"] == {"policyName": rule["metadata"]["name"], "validationActions": ["Deny"]}


def test_a_policy_is_about_kinds_that_there_are():
    asked = {name for policy in POLICIES if isinstance(policy, NeedsLabel) for name in policy.resources}
    assert asked <= {kind.plural for kind in KINDS}


def test_each_label_and_the_floor_have_their_policy():
    assert [policy.name for policy in POLICIES] == ["live-execution", "source-ref", "floors"]

import pytest
from pydantic import ValidationError

from tidewright.specs.pod import Pod, Toleration


@pytest.mark.parametrize("quantity", [2, 0, "2", "500m", "1.5", "4Gi", "1000000n"])
def test_quantities_are_taken_as_they_are(quantity):
    pod = Pod.model_validate({"resources": {"limits": {"cpu": quantity}}})
    assert pod.record()["resources"]["limits"]["cpu"] == quantity


@pytest.mark.parametrize("quantity", [0.5, True, -1, "", "two", "4gb", "1 Gi", "1\n", [1]])
def test_what_is_no_quantity_is_refused(quantity):
    with pytest.raises(ValidationError, match="not a quantity; write a whole number, or a number and a unit in quotes"):
        Pod.model_validate({"resources": {"limits": {"cpu": quantity}}})


@pytest.mark.parametrize(
    "toleration",
    [
        {"operator": "Exists"},
        {"key": "spot"},
        {"key": "spot", "value": "cheap", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30},
    ],
)
def test_a_toleration_is_as_kubernetes_has_it(toleration):
    assert Toleration.model_validate(toleration).record() == {"operator": "Equal"} | toleration


@pytest.mark.parametrize(
    ("toleration", "message"),
    [
        ({}, "a toleration of every key needs operator: Exists"),
        ({"key": "spot", "operator": "Exists", "value": "a"}, "operator Exists takes no value"),
        ({"key": "spot", "tolerationSeconds": 3}, "tolerationSeconds needs effect: NoExecute"),
    ],
)
def test_a_toleration_that_kubernetes_would_refuse_is_refused_at_once(toleration, message):
    with pytest.raises(ValidationError, match=message):
        Toleration.model_validate(toleration)

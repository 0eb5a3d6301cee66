"""Live execution and code from a ConfigMap are refused wherever a namespace is not labelled for them."""

import uuid

import pytest
from installed import until
from whole_resources import whole

from tidewright.specs.admission import POLICIES

FORBIDDEN = 403
MERGE = {"Content-Type": "application/merge-patch+json"}
LIVE, _, _, FROM_CONFIG_MAP = whole("TradingStrategy")
RUN = {"strategy": FROM_CONFIG_MAP["spec"], "data": {"exchange": "simulated"}}
LABEL = {policy.label: f"tidewright.io/{policy.label}" for policy in POLICIES}


def _resource(kind, spec):
    return {"apiVersion": "tidewright.io/v1alpha1", "kind": kind, "metadata": {"name": "asked"}, "spec": spec}


NEEDS_LIVE = ("tradingstrategies", LIVE)
NEEDS_SOURCE_REF = [
    ("tradingstrategies", FROM_CONFIG_MAP),
    ("backtestruns", _resource("BacktestRun", RUN)),
    ("optimizationstudies", _resource("OptimizationStudy", RUN)),
]


@pytest.fixture(scope="module")
def namespaces(api):
    """Makes namespaces with labels, in which alone the policies are in force: other tests must not notice them."""
    suffix = uuid.uuid4().hex[:8]
    ours = {"policies": suffix}

    def make(name, **labels):
        name = f"{name}-{suffix}"
        api.post("/api/v1/namespaces", json={"metadata": {"name": name, "labels": ours | labels}}).raise_for_status()
        made.append(f"/api/v1/namespaces/{name}")
        return name

    made: list[str] = []
    for policy in POLICIES:
        rule, binding = policy.documents()
        binding["spec"]["matchResources"] = {"namespaceSelector": {"matchLabels": ours}}
        for document in (rule, binding):
            kind = f"{document['kind'].lower()}s".replace("policys", "policies")
            path = f"/apis/admissionregistration.k8s.io/v1/{kind}"
            api.post(path, json=document).raise_for_status()
            made.append(f"{path}/{document['metadata']['name']}")
    yield make
    for path in reversed(made):
        api.delete(path).raise_for_status()


@pytest.fixture(scope="module")
def plain(api, namespaces):
    """A namespace without labels; the policies have been noticed by the API server."""
    namespace = namespaces("plain")
    for needs in (NEEDS_LIVE, NEEDS_SOURCE_REF[0]):
        until(lambda needs=needs: asked(api, namespace, *needs).status_code == FORBIDDEN, "the policies are in force")
    return namespace


def asked(api, namespace, plural, resource, **params):
    path = f"/apis/tidewright.io/v1alpha1/namespaces/{namespace}/{plural}"
    return api.post(path, json=resource, params={"dryRun": "All"} | params)


def test_live_execution_needs_its_label(api, plain, namespaces):
    refused = asked(api, plain, *NEEDS_LIVE)
    assert refused.status_code == FORBIDDEN
    assert (
        f"spec.execution.mode: Live is not allowed in namespace '{plain}'; use mode: DryRun, or have its owner label it "
        "tidewright.io/live-execution=allowed"
    ) in refused.json()["message"]
    for value, accepted in (("allowed", True), ("no", False)):
        labelled = namespaces(f"live-{value}", **{LABEL["live-execution"]: value})
        assert asked(api, labelled, *NEEDS_LIVE).is_success is accepted


@pytest.mark.parametrize(("plural", "resource"), NEEDS_SOURCE_REF, ids=[plural for plural, _ in NEEDS_SOURCE_REF])
def test_code_from_a_config_map_needs_its_label(api, plain, namespaces, plural, resource):
    refused = asked(api, plain, plural, resource)
    assert refused.status_code == FORBIDDEN
    assert f"a sourceRef is not allowed in namespace '{plain}'; use classRef with an image" in refused.json()["message"]
    labelled = namespaces(f"source-{plural}", **{LABEL["source-ref"]: "allowed"})
    assert asked(api, labelled, plural, resource).is_success


@pytest.mark.parametrize("number", [1, 2])
def test_whoever_asks_for_neither_needs_no_label(api, plain, number):
    assert asked(api, plain, "tradingstrategies", whole("TradingStrategy")[number]).is_success


def test_without_its_label_a_resource_may_still_be_deleted_but_not_changed(api, plain, namespaces):
    namespace = namespaces("was-live", **{LABEL["live-execution"]: "allowed"})
    path = f"/apis/tidewright.io/v1alpha1/namespaces/{namespace}/tradingstrategies"
    api.post(path, json=LIVE).raise_for_status()
    address = f"{path}/{LIVE['metadata']['name']}"
    taken_away = {"metadata": {"labels": {LABEL["live-execution"]: None}}}
    api.patch(f"/api/v1/namespaces/{namespace}", json=taken_away, headers=MERGE).raise_for_status()

    def changed():
        return api.patch(address, json={"spec": {"timeframe": "4h"}}, headers=MERGE, params={"dryRun": "All"})

    until(lambda: changed().status_code == FORBIDDEN, "the label's going is noticed")
    finalizer = {"metadata": {"finalizers": ["tidewright.io/state"]}}
    assert api.patch(address, json=finalizer, headers=MERGE).is_success
    assert api.patch(address, json={"metadata": {"finalizers": None}}, headers=MERGE).is_success
    assert api.delete(address).is_success

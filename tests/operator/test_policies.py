"""Live execution and code from a ConfigMap are refused wherever a namespace is not labelled for them, and its floor is its owner's to set."""

import uuid

import pytest
from installed import until
from whole_resources import whole

from tidewright.specs.admission import FLOOR, POLICIES, NeedsLabel

FORBIDDEN = 403
MERGE = {"Content-Type": "application/merge-patch+json"}
LIVE, _, _, FROM_CONFIG_MAP = whole("TradingStrategy")
RUN = {"strategy": FROM_CONFIG_MAP["spec"], "data": {"exchange": "simulated"}}
LABEL = {policy.label: f"tidewright.io/{policy.label}" for policy in POLICIES if isinstance(policy, NeedsLabel)}


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


CONFIG_MAPS = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
FLOORS = {"apiGroups": ["tidewright.io"], "resources": ["floors"], "verbs": ["create", "update", "delete"]}


class Account:
    """A service account of a namespace, and what it may do with the ConfigMaps there."""

    def __init__(self, api, namespace, name, *rules):
        roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        api.post(f"{roles}/roles", json={"metadata": {"name": name}, "rules": [*rules]}).raise_for_status()
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        binding = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
        api.post(f"{roles}/rolebindings", json=binding).raise_for_status()
        self._api, self._path = api, f"/api/v1/namespaces/{namespace}/configmaps"
        self._as = {"Impersonate-User": f"system:serviceaccount:{namespace}:{name}"}

    def create(self, name=FLOOR, **params):
        config_map = {"metadata": {"name": name}, "data": {"backtest.minSharpe": "1"}}
        return self._api.post(self._path, json=config_map, params=params, headers=self._as)

    def lower(self, name=FLOOR):
        change = {"data": {"backtest.minSharpe": "0"}}
        return self._api.patch(f"{self._path}/{name}", json=change, headers=self._as | MERGE)

    def delete(self, name=FLOOR):
        return self._api.delete(f"{self._path}/{name}", headers=self._as)

    def delete_all(self):
        return self._api.delete(self._path, headers=self._as)


@pytest.fixture(scope="module")
def owned(api, namespaces):
    """An author and an owner of one namespace; the policy has been noticed by the API server."""
    namespace = namespaces("owned")
    author = Account(api, namespace, "author", CONFIG_MAPS)
    owner = Account(api, namespace, "owner", CONFIG_MAPS, FLOORS)
    until(lambda: author.create("another", dryRun="All").is_success, "the author's right is noticed")
    until(lambda: author.create(dryRun="All").status_code == FORBIDDEN, "the policy is in force")
    until(lambda: owner.create(dryRun="All").is_success, "the owner's right is noticed")
    return namespace, author, owner


def test_the_floor_is_its_owners_alone(owned):
    namespace, author, owner = owned
    refused = author.create()
    assert refused.status_code == FORBIDDEN
    told = f"{FLOOR} belongs to the owner of namespace '{namespace}'; ask whoever may create floors.tidewright.io there"
    assert told in refused.json()["message"]

    assert owner.create().is_success
    for attempt in (author.lower, author.delete, author.delete_all):
        assert attempt().status_code == FORBIDDEN
    assert owner.lower().is_success
    assert owner.delete().is_success


def test_every_other_config_map_is_its_authors(owned):
    _, author, _ = owned
    for attempt in (author.create, author.lower, author.delete):
        assert attempt("another").is_success


def test_a_namespace_goes_with_its_floor(api, owned):
    namespace, _, owner = owned
    assert owner.create().is_success
    controller = {"Impersonate-User": "system:serviceaccount:kube-system:namespace-controller"}

    gone = api.delete(f"/api/v1/namespaces/{namespace}/configmaps", headers=controller)

    assert gone.is_success
    assert api.get(f"/api/v1/namespaces/{namespace}/configmaps/{FLOOR}").status_code == 404

"""The names of calls, as Kubernetes' own RequestInfo has them."""

import pytest
from api_call import ApiCall

RUNS = "/apis/tidewright.io/v1alpha1/namespaces/team/backtestruns"


@pytest.mark.parametrize(
    ("method", "path", "query", "call"),
    [
        ("GET", "/api/v1/pods", {}, ApiCall("list", "pods")),
        ("GET", "/api/v1/pods", {"watch": "1"}, ApiCall("watch", "pods")),
        ("GET", "/api/v1/pods", {"watch": "true"}, ApiCall("watch", "pods")),
        ("GET", "/api/v1/nodes/n", {}, ApiCall("get", "nodes", name="n")),
        ("GET", "/api/v1/namespaces", {}, ApiCall("list", "namespaces")),
        ("GET", "/api/v1/namespaces/team", {}, ApiCall("get", "namespaces", name="team")),
        ("PUT", "/api/v1/namespaces/team/finalize", {}, ApiCall("update", "namespaces", "finalize", name="team")),
        ("POST", RUNS, {}, ApiCall("create", "backtestruns", "", "tidewright.io", "team")),
        ("PATCH", f"{RUNS}/a", {}, ApiCall("patch", "backtestruns", "", "tidewright.io", "team", "a")),
        ("PATCH", f"{RUNS}/a/status", {}, ApiCall("patch", "backtestruns", "status", "tidewright.io", "team", "a")),
        ("DELETE", f"{RUNS}/a", {}, ApiCall("delete", "backtestruns", "", "tidewright.io", "team", "a")),
        ("DELETE", RUNS, {}, ApiCall("deletecollection", "backtestruns", "", "tidewright.io", "team")),
        ("GET", "/readyz", {}, ApiCall("get", "/readyz")),
        ("GET", "/apis/tidewright.io/v1alpha1", {}, ApiCall("get", "/apis/tidewright.io/v1alpha1")),
    ],
)
def test_a_call_has_the_names_that_rbac_has_for_it(method, path, query, call):
    assert ApiCall.of(method, path, query) == call

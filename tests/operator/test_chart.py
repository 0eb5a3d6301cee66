"""What the chart renders, and what it lets the operator do once it is installed."""

import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
import yaml
from chart_cluster import chart_cluster, helm
from fake_kubelet import FakeKubelet
from installed import until
from operator_process import operating

from chart.render import CHART, golden, render
from tidewright.specs.crd import crd
from tidewright.specs.kinds import KINDS
from tidewright_operator.settings import Settings

GOLDEN = Path(__file__).parents[1] / "golden" / "chart.yaml"
ANOTHER_RENDERING = """the chart renders something else than tests/golden/chart.yaml has. Where that is meant, look at the difference that this makes:

    PYTHONPATH=hack uv run python -m chart golden > tests/golden/chart.yaml"""
MERGE = {"Content-Type": "application/merge-patch+json"}


def rendered(*options):
    """The objects of the chart by kind and name."""
    helm("version")
    objects = yaml.load_all(render(*options), yaml.CSafeLoader)
    return {(one["kind"], one["metadata"]["name"]): one for one in objects if one}


def with_values(**values):
    return [part for name, value in values.items() for part in ("--set-json", f"{name.replace('__', '.')}={value}")]


def deployment(objects):
    return objects["Deployment", "tidewright-operator"]["spec"]


def test_what_is_rendered_is_what_was_looked_at():
    assert golden() == GOLDEN.read_text(), ANOTHER_RENDERING


def test_the_kinds_are_those_of_this_version():
    objects = rendered()
    for kind in KINDS:
        definition = objects["CustomResourceDefinition", f"{kind.plural}.tidewright.io"]
        assert definition["spec"] == crd(kind)["spec"]
        assert definition["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_chart_and_its_parts_are_of_the_projects_version():
    charts = [yaml.safe_load(path.read_text()) for path in CHART.rglob("Chart.yaml")]
    versions = {(chart["version"], chart["appVersion"]) for chart in charts}
    assert versions == {(version("tidewright"), version("tidewright"))}
    (parts,) = (chart["dependencies"] for chart in charts if "dependencies" in chart)
    assert {part["version"] for part in parts} == {version("tidewright")}


def test_a_part_is_left_out_where_it_is_not_wanted():
    parts = {kind for kind, _ in rendered(*with_values(api__enabled="false"))}
    assert "Deployment" in parts
    assert not {"CustomResourceDefinition", "ValidatingAdmissionPolicy"} & parts
    parts = {kind for kind, _ in rendered("--values", CHART / "values-api.yaml")}
    assert "CustomResourceDefinition" in parts
    assert not {"Deployment", "StatefulSet", "Job", "ServiceAccount", "Pod", "NetworkPolicy"} & parts


def test_the_operator_is_told_every_setting_and_no_other():
    (container,) = deployment(rendered())["template"]["spec"]["containers"]
    assert {one["name"] for one in container["env"]} == {
        f"TIDEWRIGHT_{name.upper()}" for name in Settings.__annotations__
    }


def test_what_is_set_is_what_the_operator_reads():
    objects = rendered("--values", CHART / "ci" / "production-values.yaml")
    (container,) = deployment(objects)["template"]["spec"]["containers"]
    found = Settings.read({one["name"]: one["value"] for one in container["env"] if "value" in one})
    assert found == Settings(
        worker_image="registry.example/tidewright/backtest-engine:0.1.0",
        signals_image="registry.example/tidewright/backtest-engine:0.1.0",
        signals_exchange="kraken",
        study_image="registry.example/tidewright/optuna-optimizer:0.1.0",
        study_secret="trials",  # noqa: S106
        store="postgresql://market",
        artifacts="s3://results",
        tracking="http://mlflow.research:5000",
        streams_secret="redis",  # noqa: S106 - the name of one
        data_claim="market",
        artifacts_claim="results",
        anchor_claim="anchors",
        workers=16,
        resync_seconds=30,
        lease_namespace="tidewright-system",
    )
    assert container["image"] == f"registry.example/tidewright/operator@sha256:{64 * '0'}"


def test_an_operator_alone_is_ready_when_it_works_and_goes_before_its_successor_comes():
    found = deployment(rendered())
    assert found["strategy"] == {"type": "Recreate"}
    assert found["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_of_two_operators_one_waits_and_is_ready_all_the_same():
    objects = rendered(*with_values(operator__replicas="2"))
    assert "strategy" not in deployment(objects)
    assert deployment(objects)["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/healthz"
    assert objects["PodDisruptionBudget", "tidewright-operator"]["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize(
    ("create", "known", "there"),
    [("Auto", False, False), ("Auto", True, True), ("Always", False, True), ("Never", True, False)],
)
def test_metrics_are_scraped_where_the_cluster_knows_how(create, known, there):
    knows = ["--api-versions", "monitoring.coreos.com/v1/PodMonitor"] if known else []
    objects = rendered(*knows, *with_values(operator__podMonitor__create=f'"{create}"'))
    assert (("PodMonitor", "tidewright-operator") in objects) is there


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("operator.replica=3", "additional properties 'replica' not allowed"),
        ("operator.replicas=0", "minimum"),
        ("operator.image.digest=latest", "does not match pattern"),
        ("operator.podMonitor.create=Sometimes", "must be one of 'Auto', 'Always', 'Never'"),
        ("operator.watchNamespaces={Research}", "does not match pattern"),
        ("postgress.enabled=true", "additional properties 'postgress' not allowed"),
    ],
)
def test_a_value_that_is_none_is_refused_by_name(value, told):
    with pytest.raises(RuntimeError, match=told):
        rendered("--set", value)


def test_a_kubernetes_that_is_too_old_is_refused():
    with pytest.raises(RuntimeError, match="requires kubeVersion"):
        rendered("--kube-version", "1.29.0")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with chart_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def installed(cluster):
    """The cluster with the chart as it comes, in `tidewright-system`, where pods must be restricted ones."""
    cluster.create_namespace("tidewright-system")
    cluster.create_namespace("research")
    with FakeKubelet(cluster.plane.access(), "tidewright-system"):
        cluster.helm("install", "tidewright", CHART, "--namespace", "tidewright-system", "--wait", "--timeout", "120s")
        yield cluster


def test_a_second_operator_for_all_namespaces_is_refused(installed):
    installed.create_namespace("second")
    with pytest.raises(RuntimeError, match=r'ClusterRole "tidewright-operator" .* exists'):
        installed.helm("install", "again", CHART, "--namespace", "second", *with_values(api__enabled="false"))


OPERATOR = {"name": "tidewright-operator", "namespace": "tidewright-system"}
AUTHOR = {"name": "author", "namespace": "tidewright-system"}


def may(cluster, verb, resource, namespace="research", name="", account=OPERATOR):
    """Whether the account, by default the operator's, may, as the API server tells it when it asks for itself; a resource is ``group/resource[/subresource]``."""
    group, kind, *part = resource.split("/")
    asked = {"verb": verb, "group": group, "resource": kind, "subresource": "".join(part), "name": name}
    answer = cluster.kube.post(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        json={"spec": {"resourceAttributes": asked | {"namespace": namespace}}},
        headers={"Impersonate-User": "system:serviceaccount:{namespace}:{name}".format(**account)},
    )
    return answer.raise_for_status().json()["status"]["allowed"]


WORKS_WITH = {
    "tidewright.io/backtestruns": "get list watch",
    "tidewright.io/tradingstrategies": "get list watch",
    "tidewright.io/optimizationstudies": "get list watch patch",
    "tidewright.io/rltrainings": "get list watch",
    "tidewright.io/backtestruns/status": "patch",
    "tidewright.io/tradingstrategies/status": "patch",
    "tidewright.io/optimizationstudies/status": "patch",
    "tidewright.io/rltrainings/status": "patch",
    "tidewright.io/backtestruns/finalizers": "update",
    "tidewright.io/tradingstrategies/finalizers": "update",
    "tidewright.io/optimizationstudies/finalizers": "update",
    "tidewright.io/rltrainings/finalizers": "update",
    "batch/jobs": "get list watch create patch delete",
    "/pods": "list",
    "/configmaps": "get list create patch delete",
    "/events": "create",
    "apps/deployments": "get list watch create patch",
    "/services": "get list watch create patch",
    "/serviceaccounts": "get list watch create patch",
    "policy/poddisruptionbudgets": "get list watch create patch delete",
    "networking.k8s.io/networkpolicies": "get list watch create patch",
}
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
ABOUT_ONESELF = {"authorization.k8s.io", "authentication.k8s.io"}


def resources_of(cluster):
    """Every resource that the API server has, as ``group/resource[/subresource]``."""
    groups = cluster.get("/apis")["groups"]
    for one in ["v1", *(served["groupVersion"] for group in groups for served in group["versions"])]:
        group = one.rpartition("/")[0]
        path = f"/apis/{one}" if group else f"/api/{one}"
        yield from (f"{group}/{resource['name']}" for resource in cluster.get(path)["resources"])


def test_the_operator_may_do_its_work_and_nothing_else(installed):
    """Asked for every verb of every resource that there is, and of the subresources that nobody lists."""
    unlisted = {f"tidewright.io/{kind.plural}/finalizers" for kind in KINDS}
    allowed = {
        resource: " ".join(verb for verb in VERBS if may(installed, verb, resource))
        for resource in {*resources_of(installed), *unlisted}
        if resource.split("/")[0] not in ABOUT_ONESELF
    }
    assert {resource: verbs for resource, verbs in allowed.items() if verbs} == WORKS_WITH


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("get", "/secrets"),
        ("list", "/secrets"),
        ("create", "/pods/exec"),
        ("get", "/pods/log"),
        ("create", "/serviceaccounts/token"),
    ],
)
def test_no_secret_no_shell_and_no_token_is_the_operators(installed, verb, resource):
    for namespace in ("research", "tidewright-system", ""):
        assert not may(installed, verb, resource, namespace)


def test_the_lease_is_its_own_and_beside_it(installed):
    lease = "coordination.k8s.io/leases"
    for verb in ("get", "update"):
        assert may(installed, verb, lease, "tidewright-system", name="tidewright-operator")
        assert not may(installed, verb, lease, "tidewright-system", name="another")
    assert may(installed, "create", lease, "tidewright-system")
    assert not may(installed, "create", lease, "kube-system")


@pytest.fixture(scope="module")
def team(installed):
    """An operator of the namespace `trading` alone, in a namespace of its own."""
    for namespace in ("team", "trading"):
        installed.create_namespace(namespace)
    values = with_values(api__enabled="false", operator__watchNamespaces='["trading"]')
    installed.helm("install", "team", CHART, "--namespace", "team", "--values", CHART / "values-operator.yaml", *values)
    return {"name": "team-operator", "namespace": "team"}


def test_an_operator_of_some_namespaces_is_nobody_in_others(installed, team):
    for resource, verbs in WORKS_WITH.items():
        for verb in verbs.split():
            assert may(installed, verb, resource, "trading", account=team)
            assert not may(installed, verb, resource, "research", account=team)
            assert not may(installed, verb, resource, "", account=team)


def test_an_operator_of_some_namespaces_works_there(installed, team, tmp_path):
    with operating(installed, tmp_path, **team) as log:
        create_run(installed, "trading")
        until(lambda: jobs_in(installed, "trading"), "the run has a Job")
        assert "forbidden" not in log.read_text().lower()


def bind(cluster, role, account):
    """Give an account one of Kubernetes' own roles in `research`."""
    binding = {"metadata": {"name": account["name"]}, "roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": role}}
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/research/rolebindings"
    subject = {"kind": "ServiceAccount", **account}
    cluster.kube.post(path, json=binding | {"subjects": [subject]}).raise_for_status()


def test_who_may_edit_a_namespace_may_run_there_and_write_no_status(installed):
    bind(installed, "edit", AUTHOR)
    until(lambda: may(installed, "create", "tidewright.io/backtestruns", account=AUTHOR), "the roles are aggregated")
    assert may(installed, "patch", "tidewright.io/tradingstrategies/scale", account=AUTHOR)
    assert not may(installed, "patch", "tidewright.io/backtestruns/status", account=AUTHOR)
    assert not may(installed, "create", "tidewright.io/backtestruns", "trading", account=AUTHOR)


def test_the_floor_of_a_namespace_is_set_by_who_administers_it(installed):
    owner, editor = ({"name": name, "namespace": "tidewright-system"} for name in ("owner", "editor"))
    bind(installed, "admin", owner)
    bind(installed, "edit", editor)
    until(lambda: may(installed, "update", "tidewright.io/floors", account=owner), "the roles are aggregated")
    floor = {"metadata": {"name": "tidewright-floor"}, "data": {"backtest.minSharpe": "1"}}

    def create(account):
        somebody = {"Impersonate-User": "system:serviceaccount:{namespace}:{name}".format(**account)}
        path = "/api/v1/namespaces/research/configmaps"
        return installed.kube.post(path, json=floor, params={"dryRun": "All"}, headers=somebody).status_code

    until(lambda: create(editor) == httpx.codes.FORBIDDEN, "the policy is in force")
    assert may(installed, "create", "/configmaps", account=editor)
    assert create(OPERATOR) == httpx.codes.FORBIDDEN
    assert create(owner) == httpx.codes.CREATED


@pytest.fixture(scope="module")
def operator(installed, tmp_path_factory):
    """The log of the real operator, with the chart's service account and environment."""
    with operating(installed, tmp_path_factory.mktemp("operator")) as log:
        yield log


RUNS = "/apis/tidewright.io/v1alpha1/namespaces/{}/backtestruns"


def create_run(cluster, namespace):
    sample = CHART.parents[1] / "manifests" / "samples" / "backtestrun-demo.yaml"
    cluster.kube.post(RUNS.format(namespace), json=yaml.safe_load(sample.read_text())).raise_for_status()


def jobs_in(cluster, namespace):
    return cluster.get(f"/apis/batch/v1/namespaces/{namespace}/jobs")["items"]


def test_with_what_the_chart_gives_it_the_operator_works(installed, operator):
    create_run(installed, "research")
    run = f"{RUNS.format('research')}/demo"

    def accepted():
        conditions = installed.get(run).get("status", {}).get("conditions", ())
        return {"Valid"} & {one["reason"] for one in conditions}

    until(lambda: jobs_in(installed, "research") and accepted(), "the run has a Job and a status")
    (container,) = jobs_in(installed, "research")[0]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "tidewright/backtest-engine:0.1.0"
    installed.kube.patch(run, json={"spec": {"suspend": True}}, headers=MERGE)
    until(lambda: jobs_in(installed, "research")[0]["spec"]["suspend"], "the Job is suspended")
    events = installed.get("/api/v1/namespaces/research/events")["items"]
    assert [one for one in events if one["reportingComponent"] == "tidewright.io/operator"]
    assert "forbidden" not in operator.read_text().lower()


def test_it_may_make_a_signal_service_and_take_parts_of_it_away(installed, operator):
    strategies = "/apis/tidewright.io/v1alpha1/namespaces/research/tradingstrategies"
    spec = {"source": {"builtin": "MovingAverageCross"}, "symbols": ["BTC/USDT"], "timeframe": "1h"}
    strategy = {"apiVersion": "tidewright.io/v1alpha1", "kind": "TradingStrategy", "metadata": {"name": "served"}}
    installed.kube.post(strategies, json=strategy | {"spec": spec | {"signals": {"replicas": 2}}}).raise_for_status()
    parts = {
        f"{path}/signals-served"
        for path in (
            "/api/v1/namespaces/research/services",
            "/api/v1/namespaces/research/serviceaccounts",
            "/apis/apps/v1/namespaces/research/deployments",
            "/apis/networking.k8s.io/v1/namespaces/research/networkpolicies",
        )
    }
    budget = "/apis/policy/v1/namespaces/research/poddisruptionbudgets/signals-served"
    until(lambda: all(installed.get(path) for path in (*parts, budget)), "the signal service is there")
    installed.kube.patch(f"{strategies}/served", json={"spec": {"signals": {"replicas": 1}}}, headers=MERGE)
    until(lambda: installed.get(budget) is None, "of one pod there is no budget")
    assert "forbidden" not in operator.read_text().lower()


def test_the_charts_own_test_finds_an_operator_that_works(installed, operator, tmp_path):
    assert "holds the Lease" in asked_by_helm_test(installed, tmp_path).stdout


def test_the_charts_own_test_finds_that_nobody_operates(installed, tmp_path):
    answer = asked_by_helm_test(installed, tmp_path, namespace="research")
    assert answer.returncode != 0
    assert "is forbidden" in answer.stderr


def asked_by_helm_test(cluster, folder, namespace="tidewright-system"):
    """The program of the chart's test pod, with the files that a kubelet would mount."""
    pod = rendered()["Pod", "tidewright-operator-test"]
    (container,) = pod["spec"]["containers"]
    access = cluster.account("tidewright-system", pod["spec"]["serviceAccountName"])
    for name, text in {"token": access.token, "ca.crt": access.authority, "namespace": namespace}.items():
        (folder / name).write_text(text)
    host, port = cluster.plane.server.removeprefix("https://").split(":")
    script = container["args"][0].replace("/var/run/secrets/kubernetes.io/serviceaccount", str(folder))
    return subprocess.run(
        [*container["command"], script],
        env=os.environ | {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port},
        capture_output=True,
        text=True,
        check=False,
    )


def test_helm_test_runs_it(installed):
    assert "Phase:          Succeeded" in installed.helm("test", "tidewright", "--namespace", "tidewright-system")

"""What becomes of the kinds and the resources when the chart is upgraded, rolled back, removed and installed again, by the real helm."""

import shutil

import pytest
import yaml
from chart_cluster import chart_cluster
from installed import until

from chart import tools
from chart.render import CHART

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
RUNS = "/apis/tidewright.io/v1alpha1/namespaces/default/backtestruns"
RUN = {
    "apiVersion": "tidewright.io/v1alpha1",
    "kind": "BacktestRun",
    "metadata": {"name": "kept"},
    "spec": {"strategy": {"name": "ma-cross"}, "data": {"exchange": "simulated"}},
}
AT = ("--namespace", "tidewright-system")


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    with chart_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        cluster.create_namespace("tidewright-system")
        yield cluster


@pytest.fixture
def cluster(clean):
    """The cluster, without anything of Tidewright before the test and after it."""
    yield clean
    for release in yaml.safe_load(clean.helm("list", "--all-namespaces", "--output", "json")):
        clean.helm("uninstall", release["name"], "--namespace", release["namespace"])
    for definition in definitions(clean):
        clean.kube.delete(f"{DEFINITIONS}/{definition}").raise_for_status()
    until(lambda: not definitions(clean), "the kinds are gone")


@pytest.fixture
def next_version(tmp_path):
    """The chart, in whose next version a BacktestRun has a colour."""
    chart = tmp_path / "tidewright"
    shutil.copytree(CHART, chart)
    path = chart / "charts" / "api" / "files" / "crds" / "backtestruns.yaml"
    definition = yaml.safe_load(path.read_text())
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["colour"] = {"type": "string"}
    path.write_text(yaml.safe_dump(definition, sort_keys=False))
    return chart


def definitions(cluster):
    names = [one["metadata"]["name"] for one in cluster.get(DEFINITIONS)["items"]]
    return [name for name in names if name.endswith(".tidewright.io")]


def takes_a_colour(cluster):
    run = {**RUN, "metadata": {"name": "red"}, "spec": {**RUN["spec"], "colour": "red"}}
    strictly = {"fieldValidation": "Strict", "dryRun": "All"}
    return cluster.kube.post(RUNS, json=run, params=strictly).is_success


def create(cluster):
    until(lambda: cluster.kube.post(RUNS, json=RUN).is_success, "the kind is served")


def is_there(cluster):
    return cluster.get(f"{RUNS}/kept") is not None


def test_an_upgrade_changes_the_kinds_and_a_rollback_changes_them_back(cluster, next_version):
    cluster.helm("install", "tidewright", CHART, *AT)
    create(cluster)
    assert not takes_a_colour(cluster)

    cluster.helm("upgrade", "tidewright", next_version, *AT)
    until(lambda: takes_a_colour(cluster), "the new field is known")

    cluster.helm("rollback", "tidewright", *AT)
    until(lambda: not takes_a_colour(cluster), "the new field is forgotten")
    assert is_there(cluster)


def test_what_was_made_survives_the_chart_and_is_taken_up_again(cluster):
    cluster.helm("install", "tidewright", CHART, *AT)
    create(cluster)

    told = cluster.helm("uninstall", "tidewright", *AT)
    assert "[CustomResourceDefinition] backtestruns.tidewright.io" in told
    assert cluster.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/tidewright-operator") is None
    assert is_there(cluster)

    cluster.helm("install", "tidewright", CHART, *AT)
    assert is_there(cluster)


def test_another_release_takes_the_kinds_over_when_it_is_told_to(cluster):
    cluster.helm("install", "tidewright", CHART, *AT)
    cluster.helm("uninstall", "tidewright", *AT)

    with pytest.raises(RuntimeError, match="invalid ownership metadata"):
        cluster.helm("install", "another", CHART, *AT)
    cluster.helm("install", "another", CHART, *AT, "--take-ownership")
    definition = cluster.get(f"{DEFINITIONS}/backtestruns.tidewright.io")
    assert definition["metadata"]["annotations"]["meta.helm.sh/release-name"] == "another"


def test_kinds_that_are_not_to_be_kept_go_with_the_chart(cluster):
    cluster.helm("install", "tidewright", CHART, *AT, "--set", "api.crds.keep=false")
    create(cluster)
    cluster.helm("uninstall", "tidewright", *AT)
    until(lambda: not definitions(cluster), "the kinds are gone")


def test_metrics_are_scraped_once_the_cluster_knows_how(cluster):
    monitors = "/apis/monitoring.coreos.com/v1/namespaces/tidewright-system/podmonitors"
    (definition,) = (tools.build() / "kinds").glob("*_podmonitors.yaml")
    cluster.helm("install", "tidewright", CHART, *AT)
    assert cluster.get(f"{monitors}/tidewright-operator") is None

    cluster.kube.post(DEFINITIONS, json=yaml.safe_load(definition.read_text())).raise_for_status()
    until(lambda: cluster.kube.get(monitors).is_success, "the kind PodMonitor is served")
    cluster.helm("upgrade", "tidewright", CHART, *AT)
    (endpoint,) = cluster.get(f"{monitors}/tidewright-operator")["spec"]["podMetricsEndpoints"]
    assert endpoint == {"port": "metrics", "interval": "30s"}

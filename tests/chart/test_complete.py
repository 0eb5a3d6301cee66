"""The chart with the parts of others, which cannot be fetched here: empty charts stand in for them, so what is tested is how they are switched and what ours is told."""

import shutil

import pytest
import yaml
from chart_cluster import helm

from chart.render import CHART
from chart.skaffold import PLACES

COMPLETE = CHART.parent / "complete"
OTHERS = {
    "qdrant": "qdrant",
    "prometheus": "kube-prometheus-stack",
    "grafana": "grafana",
    "kuberay-operator": "kuberay-operator",
}


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    helm("version")
    chart = tmp_path_factory.mktemp("helm") / "complete"
    shutil.copytree(COMPLETE, chart)
    shutil.copytree(CHART, chart / "charts" / "tidewright")
    described = yaml.safe_load((chart / "Chart.yaml").read_text())
    for one in described["dependencies"]:
        one["version"] = "0.1.0"
    (chart / "Chart.yaml").write_text(yaml.safe_dump(described))
    for name in OTHERS.values():
        part = chart / "charts" / name
        (part / "templates").mkdir(parents=True)
        (part / "Chart.yaml").write_text(yaml.safe_dump({"apiVersion": "v2", "name": name, "version": "0.1.0"}))
        (part / "templates" / "stand-in.yaml").write_text(
            f"kind: StandIn\napiVersion: v1\nmetadata: {{name: {name}}}\n"
        )
    return chart


def rendered(chart, *switches):
    options = [word for switch in switches for word in ("--set", f"{switch}.enabled=true")]
    text = helm("template", "tidewright", chart, "--namespace", "tidewright", "--kube-version", "1.30.0", *options)
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.load_all(text, yaml.CSafeLoader) if one}


def test_as_it_comes_it_is_the_platform_and_nothing_else(complete):
    objects = rendered(complete)
    assert ("StatefulSet", "tidewright-postgres") in objects
    assert not [name for kind, name in objects if kind == "StandIn"]


@pytest.mark.parametrize("part", OTHERS)
def test_each_part_of_others_has_a_switch(complete, part):
    assert {name for kind, name in rendered(complete, part) if kind == "StandIn"} == {OTHERS[part]}


def test_prometheus_in_the_same_namespace_is_let_in(complete):
    objects = rendered(complete)
    for name in ("tidewright-operator", "tidewright-data-collector-edges"):
        peers = [peer for rule in objects["NetworkPolicy", name]["spec"]["ingress"] for peer in rule["from"]]
        assert {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}} in peers


def test_skaffold_names_every_image_of_ours_that_the_chart_installs():
    named = yaml.safe_load((CHART.parents[1] / "skaffold.yaml").read_text())
    assert {one["image"] for one in named["build"]["artifacts"]} == {f"tidewright/{name}" for name in PLACES}
    (release,) = named["deploy"]["helm"]["releases"]
    repositories = {
        place.removesuffix(".repository") for place in release["setValueTemplates"] if place.endswith(".repository")
    }
    assert repositories == set(images(yaml.safe_load((CHART / "values.yaml").read_text()))) | {
        f"operator.{name}"
        for name in images(yaml.safe_load((CHART / "charts" / "operator" / "values.yaml").read_text()))
    }


def images(values, above=""):
    """Where the values name an image of ours."""
    for name, value in values.items():
        path = f"{above}.{name}" if above else name
        if name == "image" and value.get("repository", "").startswith("tidewright/"):
            yield path
        elif isinstance(value, dict):
            yield from images(value, path)

"""Alerts and dashboards: that Prometheus understands them, that they ask for what is exported, and that alerts fire when they should and not before."""

import importlib
import json
import os
import re
import shutil
import subprocess

import prometheus_client
import pytest
import yaml

from backtest_engine.figures import Figures as BacktestFigures
from chart.render import CHART
from data_collector.figures import Figures as CollectorFigures
from data_validation.figures import Figures as ValidationFigures
from optuna_optimizer.figures import Figures as OptimizerFigures
from tidewright.serving.metrics import Metrics
from tidewright.signals.figures import Figures as SignalFigures

ALERTS = CHART / "files" / "alerts.yaml"
DASHBOARDS = sorted((CHART / "files" / "dashboards").glob("*.json"))
CASES = yaml.safe_load((CHART.parents[1] / "tests" / "chart" / "alerts.yaml").read_text())

OF_OTHERS = {
    "container_cpu_usage_seconds_total": {"container"},
    "container_memory_working_set_bytes": {"container"},
    "kube_cronjob_status_last_successful_time": {"cronjob"},
    "kube_job_owner": {"job_name", "owner_kind", "owner_name"},
    "kube_job_status_active": {"job_name"},
    "kube_job_status_failed": {"job_name", "reason"},
    "kube_pod_container_status_restarts_total": {"container"},
    "kube_pod_status_phase": {"phase"},
    "kubelet_volume_stats_available_bytes": {"persistentvolumeclaim"},
    "kubelet_volume_stats_capacity_bytes": {"persistentvolumeclaim"},
}
"""What the kubelet and kube-state-metrics export of what we ask for, with the labels that are their own."""

OF_SCRAPES = {"namespace", "pod", "job", "le", "phase"}
GRAFANA = {"$__rate_interval": "5m", "$namespace": ".+"}
WORDS = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}")


def exported():
    """Names of series that the code exports, with their labels."""
    metrics = Metrics()
    for figures in (BacktestFigures, CollectorFigures, ValidationFigures, OptimizerFigures, SignalFigures):
        figures(metrics)
    importlib.import_module("tidewright_operator.metrics")
    found = {}
    for registry in (metrics._registry, prometheus_client.REGISTRY):
        for collector, names in registry._collector_to_names.items():
            for name in names:
                found[name] = set(getattr(collector, "_labelnames", ()))
    return found | OF_OTHERS


def expressions():
    """Every query by where it is."""
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", plain(target["expr"])


def plain(query):
    """A dashboard's query as Grafana asks it."""
    for variable, value in GRAFANA.items():
        query = query.replace(variable, value)
    return query


def series(query):
    """Names of the series in a query, of which one is any word that is no function, label or number."""
    without = re.sub(r'"[^"]*"', '""', query)
    without = re.sub(r"\{[^}]*\}", "", without)
    without = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", without)
    without = re.sub(r"\[[^]]*\]", "", without)
    functions = set(re.findall(r"([a-z_]+)\s*\(", without))
    return (
        set(WORDS.findall(without))
        - functions
        - {"and", "or", "unless", "group_left", "group_right", "sum", "min", "max", "count"}
    )


@pytest.fixture(scope="module")
def promtool():
    found = shutil.which("promtool")
    if found is None:
        if os.environ.get("TIDEWRIGHT_CI"):
            pytest.fail("promtool is missing: apt-get install prometheus")
        pytest.skip("promtool is missing, which judges alerts and queries: apt-get install prometheus")
    return found


def judged(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("where", "query"), [*expressions()], ids=[where for where, _ in expressions()])
def test_only_what_is_exported_is_asked_for(where, query):
    known = exported()
    names = series(query)
    assert names, where
    assert names <= known.keys(), where
    for name, matchers in SELECTOR.findall(query):
        asked = set(re.findall(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', matchers)))
        assert asked <= known[name] | OF_SCRAPES, f"{where}: {name}"
    grouped = {
        label.strip() for labels in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", query) for label in labels.split(",")
    }
    assert grouped <= OF_SCRAPES.union(*(known[name] for name in names)), where


def test_prometheus_understands_every_query(promtool, tmp_path):
    rules = [{"record": f"query:{number}", "expr": query} for number, (_, query) in enumerate(expressions())]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    for one in (path, ALERTS):
        told = judged(promtool, "check", "rules", one)
        assert told.returncode == 0, told.stdout + told.stderr


def test_every_alert_has_a_case():
    alerts = {rule["alert"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]}
    assert CASES.keys() == alerts


def test_alerts_fire_when_they_should_and_not_before(promtool, tmp_path):
    def case(alert, of, fires):
        found = {"exp_labels": of["labels"]} if fires else None
        asked = {"eval_time": "3h", "alertname": alert, "exp_alerts": [found] if found else []}
        values = [{"series": name, "values": words} for name, words in of["fires" if fires else "silent"].items()]
        return {"interval": "1m", "input_series": values, "alert_rule_test": [asked]}

    rules = yaml.safe_load(ALERTS.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            del rule["annotations"]
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(rules))
    tests = [case(alert, of, fires) for alert, of in CASES.items() for fires in (True, False)]
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["alerts.yaml"], "tests": tests}))
    told = judged(promtool, "test", "rules", tmp_path / "test.yaml")
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_has_whole_rows_and_a_source_that_may_be_chosen(path):
    dashboard = json.loads(path.read_text())
    assert {one["name"] for one in dashboard["templating"]["list"]} == {"datasource", "namespace"}
    rows = {}
    for panel in dashboard["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        rows.setdefault(panel["gridPos"]["y"], []).append(panel["gridPos"])
    for row in rows.values():
        assert sum(place["w"] for place in row) == 24
        assert len({place["h"] for place in row}) == 1

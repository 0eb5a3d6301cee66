"""The objects of a signal service."""

import runpy
from pathlib import Path

import pytest
import yaml

from tidewright.serving.settings import settings_of
from tidewright.signals.settings import SignalSettings
from tidewright.signals.wiring import chosen_strategy
from tidewright.strategy_service.settings import StrategySettings
from tidewright_operator.kinds.signal_service import service_objects
from tidewright_operator.kinds.strategy_version import Version, source_in
from tidewright_operator.kinds.trading_strategy import read
from tidewright_operator.settings import Settings

GOLDEN = Path(__file__).parents[2] / "golden" / "signal_service.yaml"
WRITE = "other objects than tests/operator/golden has; its signal_service.py says how to write them down"
BUILTIN = {"builtin": "MovingAverageCross"}
IMAGE = "registry/desk@sha256:" + "0" * 64
CODE = {"classRef": {"module": "desk.cross", "class": "Cross", "image": IMAGE}}
VERSION = Version("sha256:" + "a" * 64, "signals-ma-cross-1", "binance")


def strategy(replicas=1):
    return {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "TradingStrategy",
        "metadata": {"name": "ma-cross", "namespace": "research", "uid": "1234"},
        "spec": {"signals": {"replicas": replicas}},
    }


def objects(replicas=1, version=VERSION, source=BUILTIN, **settings):
    made = service_objects(strategy(replicas), version, source, Settings(**settings))
    return {kind.name: thing for kind, thing in made}


def test_objects_are_those_written_down():
    made = runpy.run_path(str(GOLDEN.with_suffix(".py")))["golden_objects"]()

    assert made == list(yaml.safe_load_all(GOLDEN.read_text(encoding="utf-8"))), WRITE


def test_nothing_runs_before_its_network_policy_and_its_identity_are_there():
    kinds = [*objects()]

    assert kinds.index("Deployment") > max(kinds.index("NetworkPolicy"), kinds.index("ServiceAccount"))


@pytest.mark.parametrize(("replicas", "expected"), [(0, False), (1, False), (2, True)])
def test_one_pod_has_no_disruption_budget_as_that_would_only_block_a_drain(replicas, expected):
    assert ("PodDisruptionBudget" in objects(replicas)) == expected


def test_everything_selects_the_pods_of_this_strategy_and_no_others():
    made = objects(2)
    pods = made["Deployment"]["spec"]["template"]["metadata"]["labels"]

    selectors = [
        made["Deployment"]["spec"]["selector"]["matchLabels"],
        made["Service"]["spec"]["selector"],
        made["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        made["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(one == selectors[0] for one in selectors)
    assert selectors[0].items() <= pods.items()
    assert "1234" in selectors[0].values()


def test_pods_are_restricted_and_have_no_credentials():
    made = objects()
    pod = made["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["automountServiceAccountToken"] is False
    assert made["ServiceAccount"]["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == made["ServiceAccount"]["metadata"]["name"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_pod_is_given_the_time_that_it_was_told_it_has():
    pod = objects()["Deployment"]["spec"]["template"]["spec"]
    told = environment(pod)

    assert pod["terminationGracePeriodSeconds"] > int(told["TIDEWRIGHT_DRAIN"]) + int(told["TIDEWRIGHT_GRACE"])


def test_what_is_served_is_in_the_pod_so_that_a_rollout_follows_a_change():
    first = objects()["Deployment"]["spec"]["template"]

    assert first == objects()["Deployment"]["spec"]["template"]
    for changed in ({"config_map": "signals-ma-cross-2"}, {"exchange": "okx"}, {"restart": "1"}):
        assert objects(version=VERSION._replace(**changed))["Deployment"]["spec"]["template"] != first


def test_every_version_has_an_anchor_of_its_own():
    other = VERSION._replace(digest="sha256:" + "b" * 64)
    anchors = {
        environment(objects(version=version)["Deployment"]["spec"]["template"]["spec"])["TIDEWRIGHT_ANCHOR"]
        for version in (VERSION, other)
    }

    assert len(anchors) == 2
    assert all(anchor.startswith("/anchor/signals-ma-cross/") for anchor in anchors)


def test_without_an_image_of_its_own_the_service_runs_the_workers():
    assert image(worker_image="w:1") == "w:1"
    assert image(worker_image="w:1", signals_image="s:1") == "s:1"


def test_the_service_understands_what_its_pod_is_told(monkeypatch):
    pod = objects(store="file:///bars")["Deployment"]["spec"]["template"]["spec"]
    for name, value in environment(pod).items():
        monkeypatch.setenv(name, value)

    settings = settings_of(SignalSettings)

    assert settings.store == "file:///bars"
    assert settings.exchange == "binance"
    ports = {one["name"]: one["containerPort"] for one in pod["containers"][0]["ports"]}
    assert ports == {"rest": settings.rest_port, "grpc": settings.grpc_port}
    mounts = {Path(one["mountPath"]) for one in pod["containers"][0]["volumeMounts"]}
    assert {settings.strategy.parent, settings.anchor.parents[1]} <= mounts
    assert not unknown(environment(pod), SignalSettings)


def test_a_users_own_code_is_beside_the_service_and_asked_there(monkeypatch):
    pod = objects(source=CODE)["Deployment"]["spec"]["template"]["spec"]
    (code,) = pod["initContainers"]
    told = {one["name"]: one["value"] for one in code["env"]}

    assert (code["image"], code["restartPolicy"]) == (IMAGE, "Always")
    assert "volumeMounts" not in code
    assert code["securityContext"] == pod["containers"][0]["securityContext"]
    assert environment(pod)["TIDEWRIGHT_STRATEGY_ENDPOINT"] == f"127.0.0.1:{told['TIDEWRIGHT_GRPC_PORT']}"
    ports = [one["containerPort"] for container in (code, *pod["containers"]) for one in container["ports"]]
    assert len(set(ports)) == len(ports), "they share the pod's address"
    assert not unknown(environment(pod), SignalSettings)
    assert not unknown(told, StrategySettings)


def test_the_code_that_is_beside_the_service_is_that_of_the_version_it_serves():
    spec = {"source": CODE, "symbols": ["BTC/USDT"], "timeframe": "1h"}
    written = read({**strategy(), "spec": spec}, "binance")

    assert written.problem is None
    assert source_in(written.config_map) == CODE


def test_code_whose_image_is_not_named_by_digest_cannot_be_used():
    source = {"classRef": {**CODE["classRef"], "image": "registry/desk:latest"}}
    spec = {"source": source, "symbols": ["BTC/USDT"], "timeframe": "1h"}
    problem = read({**strategy(), "spec": spec}, "binance").problem

    assert problem.reason == "InvalidStrategy"
    assert "spec.source.classRef.image: 'registry/desk:latest': " in problem.message


def test_code_in_a_config_map_is_not_served_and_that_is_told():
    source = {"sourceRef": {"configMap": "mine", "key": "mine.py"}}
    spec = {"source": source, "symbols": ["BTC/USDT"], "timeframe": "1h"}

    assert read({**strategy(), "spec": spec}, "binance").problem.reason == "SourceNotServed"


def unknown(told, settings):
    return {name for name in told if name.startswith("TIDEWRIGHT_")} - {
        f"TIDEWRIGHT_{name.upper()}" for name in settings.model_fields
    }


def test_the_service_serves_the_very_strategy_of_its_config_map(tmp_path):
    spec = {"source": {"builtin": "MovingAverageCross"}, "symbols": ["BTC/USDT"], "timeframe": "1h"}
    written = read({**strategy(), "spec": spec}, "binance")
    (tmp_path / "strategy.json").write_text(written.config_map["data"]["strategy.json"])

    chosen = chosen_strategy(tmp_path / "strategy.json", exchange="binance")

    assert chosen.name == "ma-cross"
    assert chosen.strategy.digest == written.digest


def image(**settings):
    return objects(**settings)["Deployment"]["spec"]["template"]["spec"]["containers"][0]["image"]


def environment(pod):
    return {one["name"]: one["value"] for one in pod["containers"][0]["env"]}

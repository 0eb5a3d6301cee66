"""The objects of a signal service with everything that makes a difference, and of one with nothing of it, as YAML.

Written down after a change that was meant::

    uv run python tests/operator/golden/signal_service.py > tests/operator/golden/signal_service.yaml
"""

import sys

from tidewright.specs.manifest import as_yaml
from tidewright_operator.children import marked
from tidewright_operator.cluster import CONFIG_MAP
from tidewright_operator.kinds.signal_service import service_objects
from tidewright_operator.kinds.strategy_version import source_in, strategy_config_map, version_of
from tidewright_operator.settings import Settings

DIGEST = "sha256:" + "0123456789abcdef" * 4
SNAPSHOT = {
    "source": {"builtin": "MovingAverageCross"},
    "parameters": {"fast": 10, "slow": 30},
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
}
CODE = {
    **SNAPSHOT,
    "source": {"classRef": {"module": "desk.cross", "class": "Cross", "image": "registry/desk@sha256:" + "0" * 64}},
}
PLAIN = Settings(worker_image="tidewright:1")
FULL = Settings(
    worker_image="tidewright:1",
    signals_image="tidewright-signals:1",
    store="file:///data/store",
    data_claim="bars",
    anchor_claim="anchors",
)


def golden_objects():
    """One YAML document an object."""
    plain, full = strategy("plain", replicas=1), strategy("full", replicas=2)
    of_a_class = strategy("of.a-class", replicas=1, spec=CODE)
    pods = [one for one in objects(of_a_class, PLAIN, None, CODE) if one["kind"] in {"ConfigMap", "Deployment"}]
    return [*objects(plain, PLAIN, None), *objects(full, FULL, "1"), *pods]


def objects(parent, settings, restart, snapshot=SNAPSHOT):
    config_map = strategy_config_map(parent, snapshot, DIGEST, "binance")
    version = version_of(config_map)._replace(restart=restart)
    made = [(CONFIG_MAP, config_map), *service_objects(parent, version, source_in(config_map), settings)]
    return [{"apiVersion": kind.api_version, "kind": kind.name, **marked(thing)} for kind, thing in made]


def strategy(name, replicas, spec=SNAPSHOT):
    return {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "TradingStrategy",
        "metadata": {"name": name, "namespace": "research", "uid": f"{name}-uid"},
        "spec": {**spec, "signals": {"replicas": replicas}},
    }


if __name__ == "__main__":
    sys.stdout.write(as_yaml(golden_objects()))

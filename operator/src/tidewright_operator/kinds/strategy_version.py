"""Which version of a strategy is served: the ConfigMap that holds it, a new one for every content, and whether a change waits for a restart. Pure."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from tidewright_operator.cluster import Object
from tidewright_operator.names import COMPONENT, EXCHANGE, RESTART, STRATEGY_DIGEST, content_hash, fixed_name
from tidewright_operator.ownership import owned_metadata

CONTAINER = "signals"
STRATEGY_KEY = "strategy.json"


class Version(NamedTuple):
    """What is served: a strategy by its digest, the ConfigMap that holds it, whose bars it is fed, and the restart that was asked for last, if any was."""

    digest: str
    config_map: str
    exchange: str
    restart: str | None = None


def service_name(strategy: Object) -> str:
    """What the service is found by: ``signals-`` and the strategy's name."""
    return fixed_name("signals", strategy["metadata"]["name"])


def strategy_config_map(strategy: Object, snapshot: Object, digest: str, exchange: str) -> Object:
    """The part of the strategy that decides what is traded, as a manifest: `snapshot` is its spec. For another content or exchange it has another name."""
    meta = strategy["metadata"]
    manifest = {
        "apiVersion": strategy["apiVersion"],
        "kind": strategy["kind"],
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
        "spec": snapshot,
    }
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False)
    name = fixed_name(service_name(strategy), content_hash(f"{digest} {exchange} {text}"))
    noted = {STRATEGY_DIGEST: digest, EXCHANGE: exchange}
    return {
        "metadata": owned_metadata(strategy, name, {COMPONENT: CONTAINER}, noted),
        "immutable": True,
        "data": {STRATEGY_KEY: text},
    }


def version_of(config_map: Object) -> Version:
    """What would be served from a ConfigMap that `strategy_config_map` made."""
    meta = config_map["metadata"]
    return Version(meta["annotations"][STRATEGY_DIGEST], meta["name"], meta["annotations"][EXCHANGE])


def source_in(config_map: Object) -> Object:
    """Where the strategy that a ConfigMap holds has its code."""
    source: Object = json.loads(config_map["data"][STRATEGY_KEY])["spec"]["source"]
    return source


def version_in(deployment: Object) -> Version | None:
    """What a Deployment of ours serves, None where somebody has taken that out."""
    template = deployment["spec"]["template"]
    noted = template["metadata"].get("annotations", {})
    volumes = template["spec"].get("volumes", ())
    config_map = next((one["configMap"]["name"] for one in volumes if one["name"] == "strategy"), None)
    if config_map is None or not {STRATEGY_DIGEST, EXCHANGE} <= noted.keys():
        return None
    return Version(noted[STRATEGY_DIGEST], config_map, noted[EXCHANGE], noted.get(RESTART))


def served_version(strategy: Object, deployment: Object | None, kept: Sequence[Object]) -> Version | None:
    """What is served now, or was when the Deployment was there last."""
    if deployment is not None and (found := version_in(deployment)) is not None:
        return found
    digest = strategy.get("status", {}).get("runningDigest")
    before = next((version_of(one) for one in kept if version_of(one).digest == digest), None)
    return before._replace(restart=_restart(strategy)) if before else None


def version_to_serve(strategy: Object, config_map: Object | None, now: Version | None) -> Version | None:
    """The version that is written, unless it is unusable or waits for a restart: then the one that is served `now`."""
    if config_map is None:
        return now
    wanted = version_of(config_map)._replace(restart=_restart(strategy))
    execution = strategy["spec"].get("execution")
    manual = execution is not None and execution.get("updates", "Manual") == "Manual"
    if now is None or not manual or same_strategy(now, wanted) or now.restart != wanted.restart:
        return wanted
    return now


def _restart(strategy: Object) -> str | None:
    found: str | None = strategy["metadata"].get("annotations", {}).get(RESTART)
    return found


def same_strategy(one: Version, other: Version) -> bool:
    """Whether two versions trade the same on the same exchange, however they are written."""
    return (one.digest, one.exchange) == (other.digest, other.exchange)

"""TradingStrategy: its signal service, and whether there is evidence enough to execute it."""

from collections.abc import Sequence

from pydantic import ValidationError

from tidewright.runs.payload import strategy_digest
from tidewright.runs.refusal import InputRefused
from tidewright.specs.manifest import Document
from tidewright.specs.problems import explain
from tidewright.specs.trading_strategy import TradingStrategy
from tidewright_operator import floor
from tidewright_operator.children import NotOurs, ensure, remove
from tidewright_operator.cluster import (
    CONFIG_MAP,
    DEPLOYMENT,
    POD_DISRUPTION_BUDGET,
    TRADING_STRATEGY,
    Cluster,
    Kind,
    Object,
    Refused,
    as_read,
)
from tidewright_operator.conditions import Finding, condition, shortened
from tidewright_operator.kinds.signal_service import replicas_of, service_objects
from tidewright_operator.kinds.strategy_status import Service, Standing, Written, rolled_out, status_of
from tidewright_operator.kinds.strategy_version import (
    Version,
    served_version,
    service_name,
    source_in,
    strategy_config_map,
    version_to_serve,
)
from tidewright_operator.names import EXCHANGE, RESTART, STRATEGY_DIGEST
from tidewright_operator.ownership import owner_labels, owns
from tidewright_operator.promotion import Verdict, evaluate
from tidewright_operator.reconcile import Outcome, Site

UNTIL_RUNS_ARE_KNOWN = 1.0
"""Seconds until a strategy is looked at again whose evidence has not been listed yet."""


async def reconcile(site: Site, namespace: str, name: str) -> Outcome:
    """Bring the strategy's signal service and its status to where they should be; the same call again is harmless at any time."""
    strategy = await site.cluster.get(TRADING_STRATEGY, namespace, name)
    if strategy is None or "deletionTimestamp" in strategy["metadata"]:
        return Outcome()
    as_written = read(strategy, site.settings.signals_exchange)
    service = await _serve(site, strategy, as_written)
    verdict = await _judge(site, strategy, as_written)
    await _write(site, strategy, Standing(as_written, service, verdict))
    return Outcome(after=None if verdict else UNTIL_RUNS_ARE_KNOWN)


def read(strategy: Object, exchange: str) -> Written:
    """The strategy as it is written; `exchange` is whose bars it is fed where it is executed on none."""
    document = Document("", strategy, {(): 0})
    try:
        model = TradingStrategy.model_validate(strategy)
    except ValidationError as error:
        message = "; ".join(map(str, explain(error, TradingStrategy, document)))
        return Written(problem=Finding("Degraded", status=True, reason="InvalidSpec", message=message))
    spec, snapshot = model.spec, model.spec.snapshot()
    try:
        digest = strategy_digest(snapshot, document, ("spec",))
    except InputRefused as refused:
        message = "; ".join(map(str, refused.problems))
        problem = Finding("Degraded", status=True, reason="InvalidStrategy", message=message)
        return Written(promotion=spec.promotion, problem=problem)
    if snapshot.source.source_ref is not None:
        message = (
            "spec.source.sourceRef: this version serves no code from a ConfigMap: nothing says which code was tested once that is edited; "
            "write the strategy as rules, or put it into an image and use classRef"
        )
        problem = Finding("Degraded", status=True, reason="SourceNotServed", message=message)
        return Written(digest, promotion=spec.promotion, problem=problem)
    exchange = spec.execution.exchange if spec.execution else exchange
    return Written(digest, strategy_config_map(strategy, snapshot.record(), digest, exchange), spec.promotion)


async def _serve(site: Site, strategy: Object, as_written: Written) -> Service:
    """Have the signal service as it should be, as far as nothing is in the way."""
    cluster, meta = site.cluster, strategy["metadata"]
    live = await cluster.get(DEPLOYMENT, meta["namespace"], service_name(strategy))
    deployment = live if live is not None and owns(strategy, live) else None
    kept = await _config_maps(cluster, strategy)
    now = served_version(strategy, deployment, kept)
    version = version_to_serve(strategy, as_written.config_map, now)
    if version is None:
        return Service()
    there = {one["metadata"]["name"]: one for one in kept}
    written = as_written.config_map
    wanted = [written] if written is not None and written["metadata"]["name"] == version.config_map else []
    held = next(iter(wanted), there.get(version.config_map))
    if held is None:
        return Service(version, deployment, _lost(version))
    objects = [(CONFIG_MAP, one) for one in wanted]
    objects += service_objects(strategy, version, source_in(held), site.settings)
    made, problem = await _ensure_all(cluster, strategy, objects)
    if problem is not None:
        return Service(version if DEPLOYMENT in made else now, made.get(DEPLOYMENT, deployment), problem)
    if replicas_of(strategy) <= 1:
        await remove(cluster, strategy, POD_DISRUPTION_BUDGET, service_name(strategy))
    if rolled_out(made[DEPLOYMENT]):
        await _forget(cluster, meta["namespace"], there.keys() - {version.config_map})
    return Service(version, made[DEPLOYMENT])


async def _ensure_all(
    cluster: Cluster, strategy: Object, objects: Sequence[tuple[Kind, Object]]
) -> tuple[dict[Kind, Object], Finding | None]:
    """Make the objects in their order, up to the first that cannot be; returns them as they are, and what was in the way."""
    made: dict[Kind, Object] = {}
    for kind, wanted in objects:
        try:
            made[kind] = await ensure(cluster, strategy, kind, wanted)
        except NotOurs as others:
            return made, Finding("Degraded", status=True, reason="ChildNotOurs", message=str(others))
        except Refused as refused:
            message = f"the API server refuses {kind.name} {wanted['metadata']['name']}: {refused}"
            return made, Finding("Degraded", status=True, reason="ChildRefused", message=message)
    return made, None


async def _config_maps(cluster: Cluster, strategy: Object) -> list[Object]:
    """Those that hold a version of the strategy."""
    found = await cluster.list(CONFIG_MAP, strategy["metadata"]["namespace"], owner_labels(strategy))
    noted = {STRATEGY_DIGEST, EXCHANGE}
    return [one for one in found if owns(strategy, one) and noted <= one["metadata"].get("annotations", {}).keys()]


async def _forget(cluster: Cluster, namespace: str, names: set[str]) -> None:
    """Delete the ConfigMaps that no pod needs any more."""
    for name in sorted(names):
        await cluster.delete(CONFIG_MAP, namespace, name)


def _lost(version: Version) -> Finding:
    message = (
        f"the ConfigMap {version.config_map} of the strategy that is served is gone, and what is written by now is another or unusable; "
        f"pods cannot start again: have what is written served, with another value of the annotation {RESTART}"
    )
    return Finding("Degraded", status=True, reason="ServedStrategyLost", message=message)


async def _judge(site: Site, strategy: Object, as_written: Written) -> Verdict | None:
    """The verdict on the evidence, None as long as that is not known."""
    meta = strategy["metadata"]
    if as_written.digest is None:
        message = "a strategy that cannot be used is not executed; the condition Degraded says why"
        return Verdict(promoted=False, reason="Unusable", message=message)
    if not (site.runs.complete and site.studies.complete):
        return None
    found = await site.cluster.get(CONFIG_MAP, meta["namespace"], floor.NAME)
    try:
        least = floor.Floor.read(found.get("data") or {}) if found else floor.Floor()
    except ValueError as error:
        return Verdict(promoted=False, reason="FloorUnreadable", message=f"ConfigMap {floor.NAME}: {error}")
    tested, selected = site.runs.tested(meta["namespace"]), site.studies.tested(meta["namespace"])
    return evaluate(meta["name"], as_written.digest, as_written.promotion, least, tested, selected)


async def _write(site: Site, strategy: Object, standing: Standing) -> None:
    """Write the status where it differs, and tell of every new reason that has something to say."""
    before = strategy.get("status", {})
    status = status_of(strategy, standing, site.now())
    if status == before:
        return
    await site.cluster.apply_status(TRADING_STRATEGY, {"metadata": as_read(strategy), "status": status})
    for new in status["conditions"]:
        old = condition(before.get("conditions", ()), new["type"])
        if new["message"] and (old is None or old["reason"] != new["reason"]):
            await site.tell(strategy, new["reason"], shortened(new["message"], 1024), warning=_warns(new, old))


def _warns(new: Object, old: Object | None) -> bool:
    """Whether something is wrong, or no longer as good as it was."""
    was_good = old is not None and old["status"] == "True"
    return new["type"] == "Degraded" or (was_good and new["type"] in {"Ready", "Promoted"} and new["status"] != "True")

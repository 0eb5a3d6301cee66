"""The objects that the operator makes of resources: no chart renders them, so it is let loose on a cluster that only takes notes, and they are judged as if one did."""

import asyncio
from collections.abc import Mapping
from typing import Any

from tidewright_operator import clock
from tidewright_operator.catalogue import KINDS, RECONCILIATIONS
from tidewright_operator.cluster import OPTIMIZATION_STUDY, Cluster, Kind, Object
from tidewright_operator.names import TRIALS
from tidewright_operator.reconcile import Site
from tidewright_operator.settings import Settings

NAMESPACE, NAME = "research", "ma-cross"
IMAGE = "registry.example/tidewright/backtest-engine@sha256:" + 64 * "0"
SETTINGS = Settings(
    worker_image=IMAGE,
    study_image=IMAGE.replace("backtest-engine", "optuna-optimizer"),
    study_secret="trials",  # noqa: S106 - the name of one
    data_claim="market",
    artifacts_claim="results",
    anchor_claim="anchors",
)
STRATEGY = {"source": {"builtin": "MovingAverageCross"}, "symbols": ["BTC/USDT"], "timeframe": "1h"}
RESOURCES: Mapping[str, Object] = {
    "TradingStrategy": {**STRATEGY, "signals": {"replicas": 2}},
    "BacktestRun": {"strategy": STRATEGY, "data": {"exchange": "simulated"}, "deadline": "1h"},
    "OptimizationStudy": {"strategy": STRATEGY, "data": {"exchange": "simulated"}, "parallelism": 4},
}
"""Specs of which the operator makes one of every object that it can make."""


class Notes(Cluster):
    """Has what was written to it, and refuses nothing."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, str], Object] = {}

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        found = self.made.get((kind.name, name))
        return found and {**found, "metadata": {"uid": _uid(kind.name), "generation": 1, **found["metadata"]}}

    async def list(self, *_: Any, **__: Any) -> list[Object]:  # noqa: ANN401 - whatever it is asked for
        return []

    async def create_once(self, kind: Kind, thing: Object) -> Object:
        self.made[kind.name, thing["metadata"]["name"]] = {"apiVersion": kind.api_version, "kind": kind.name, **thing}
        return thing

    async def apply(self, kind: Kind, thing: Object) -> None:
        await self.create_once(kind, thing)

    async def apply_status(self, *_: Any) -> None:  # noqa: ANN401
        return


def children() -> list[Object]:
    """What is made of a TradingStrategy with two replicas, of a BacktestRun, and of an OptimizationStudy from its beginning to its end."""
    notes = Notes()
    for kind, spec in RESOURCES.items():
        meta = {"name": NAME, "namespace": NAMESPACE, "uid": _uid(kind), "resourceVersion": "1", "generation": 1}
        resource = {"apiVersion": "tidewright.io/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}
        notes.made[kind, NAME] = resource
    asyncio.run(_reconcile(notes))
    made = (thing for (kind, _), thing in notes.made.items() if kind not in RESOURCES)
    return [{name: part for name, part in thing.items() if name != "status"} for thing in made]


def _uid(kind: str) -> str:
    return f"00000000-0000-0000-0000-{len(kind):012}"


async def _reconcile(notes: Notes) -> None:
    site = Site(notes, SETTINGS, clock.now, _tell)
    for kind in RESOURCES:
        await RECONCILIATIONS[KINDS[kind]](site, NAMESPACE, NAME)
    study = notes.made["OptimizationStudy", NAME]
    for thing in notes.made.values():
        if thing["kind"] == "Job":
            thing["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    await RECONCILIATIONS[OPTIMIZATION_STUDY](site, NAMESPACE, NAME)
    study["metadata"] |= {"deletionTimestamp": clock.written(clock.now()), "finalizers": [TRIALS]}
    await RECONCILIATIONS[OPTIMIZATION_STUDY](site, NAMESPACE, NAME)


async def _tell(*_: object, **__: object) -> None:
    return

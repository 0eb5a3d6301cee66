"""``tidewright-operator``: the process. kopf brings the events, and nothing else."""

import asyncio
import itertools
import logging
import os
import signal
import socket
import sys
import time
from typing import Any

import kopf
from prometheus_client import start_http_server

from tidewright_operator import clock
from tidewright_operator.cluster import (
    BACKTEST_RUN,
    DEPLOYMENT,
    JOB,
    NETWORK_POLICY,
    OPTIMIZATION_STUDY,
    PAGE,
    POD_DISRUPTION_BUDGET,
    RL_TRAINING,
    SERVICE,
    SERVICE_ACCOUNT,
    TRADING_STRATEGY,
    Cluster,
    Kind,
    as_read,
    connected,
)
from tidewright_operator.conditions import shortened, with_degraded
from tidewright_operator.heartbeat import Heartbeat
from tidewright_operator.kinds import backtest_run, trading_strategy
from tidewright_operator.kinds.awaiting import awaiting
from tidewright_operator.lease import Leadership, LeaseLost
from tidewright_operator.names import MANAGED_BY
from tidewright_operator.observation import Observation, StaleWatch
from tidewright_operator.reconcile import Controller, Key, Reconcile, Site
from tidewright_operator.recorder import Recorder
from tidewright_operator.runs import Runs
from tidewright_operator.settings import Settings
from tidewright_operator.work_queue import WorkQueue

log = logging.getLogger("tidewright_operator")

RECONCILIATIONS: dict[str, tuple[Kind, Reconcile]] = {
    "TradingStrategy": (TRADING_STRATEGY, trading_strategy.reconcile),
    "BacktestRun": (BACKTEST_RUN, backtest_run.reconcile),
    "OptimizationStudy": (OPTIMIZATION_STUDY, awaiting(OPTIMIZATION_STUDY, "optuna-optimizer")),
    "RLTraining": (RL_TRAINING, awaiting(RL_TRAINING, "rl-agent")),
}
CHILDREN = (JOB, DEPLOYMENT, SERVICE, SERVICE_ACCOUNT, NETWORK_POLICY, POD_DISRUPTION_BUDGET)


def registry_of(observation: Observation) -> kopf.OperatorRegistry:
    """Handlers of events alone: no handlers of changes, so no finalizers, no annotations and no memory of kopf's own."""
    registry = kopf.OperatorRegistry()
    for name, (kind, _) in RECONCILIATIONS.items():

        async def seen(event: Any, of: str = name, **_: Any) -> None:  # noqa: ANN401 - kopf's
            observation.see(of, event["type"], event["object"])

        kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=f"see-{kind.plural}")(seen)
    for kind in CHILDREN:

        async def seen_child(event: Any, of: str = kind.name, **_: Any) -> None:  # noqa: ANN401
            observation.see_child(of, event["type"], event["object"])

        kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=f"see-{kind.plural}")(seen_child)
    kopf.on.login(registry=registry, id="login")(_login)
    return registry


def _login(**given: Any) -> Any:  # noqa: ANN401
    return kopf.login_with_service_account(**given) or kopf.login_with_kubeconfig(**given)


def settings_of_kopf() -> kopf.OperatorSettings:
    """Watches that begin again for ever, with a longest pause; no scanning for kinds that might come; nothing written."""
    settings = kopf.OperatorSettings()
    settings.networking.error_backoffs = _Endless()
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.watching.server_timeout = 240
    settings.watching.client_timeout = 300
    settings.watching.chunk_size = PAGE
    labels = ",".join(f"{name}={value}" for name, value in MANAGED_BY.items())
    for kind in CHILDREN:
        settings.watching.label_selectors[kind.group, kind.version, kind.plural] = labels
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.peering.standalone = True
    # A worker stays with its object while idle: with so few of them, events would wait seconds for workers with nothing to do.
    settings.queueing.worker_limit = 16
    settings.queueing.idle_timeout = 0.01
    return settings


class _Endless:
    """0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 15, 15, ... seconds: kopf gives a watch up for good when a finite list of pauses ends."""

    def __iter__(self) -> Any:  # noqa: ANN401
        return itertools.chain((0.1, 0.2, 0.5, 1, 2, 5, 10), itertools.repeat(15))


async def operate(settings: Settings, kubeconfig: str | None, stop: asyncio.Event) -> None:
    """Hold the lease and reconcile until `stop`. Raises LeaseLost and StaleWatch, after which the process must end."""
    heart = Heartbeat(settings.health_port)
    try:
        async with connected(kubeconfig) as cluster, asyncio.TaskGroup() as group:
            beat = group.create_task(heart.beat())
            leadership = Leadership(cluster, settings.lease_namespace, settings.identity)
            working = group.create_task(_lead(settings, cluster, leadership, heart, stop))
            await asyncio.wait({working})
            beat.cancel()
            await leadership.release()
    finally:
        heart.close()


async def _lead(
    settings: Settings, cluster: Cluster, leadership: Leadership, heart: Heartbeat, stop: asyncio.Event
) -> None:
    ended = asyncio.ensure_future(stop.wait())
    acquired = asyncio.ensure_future(leadership.acquire())
    await asyncio.wait({ended, acquired}, return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        acquired.cancel()
        return
    queue: WorkQueue[Key] = WorkQueue(time.monotonic)
    runs = Runs()
    observation = Observation(queue, runs)
    site = Site(cluster, settings, clock.now, Recorder(cluster, settings.identity).tell, runs)
    kinds = {name: reconcile for name, (_, reconcile) in RECONCILIATIONS.items()}
    controller = Controller(site, kinds, degrade, queue, lambda: leadership.held)
    heart.ready = True
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(leadership.keep()),
            group.create_task(controller.run(settings.workers)),
            group.create_task(_relist(settings, cluster, observation)),
            group.create_task(_watch(settings, observation, stop)),
        ]
        await ended
        heart.ready = False
        for task in tasks:
            task.cancel()


async def _watch(settings: Settings, observation: Observation, stop: asyncio.Event) -> None:
    """kopf, as long as it runs: that it has ended by itself is as bad as a watch that has."""
    ready = asyncio.Event()
    signals = asyncio.ensure_future(_take_signals_back(ready, stop))
    try:
        await kopf.operator(
            registry=registry_of(observation),
            settings=settings_of_kopf(),
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            ready_flag=ready,
            stop_flag=stop,
        )
    finally:
        signals.cancel()
    if not stop.is_set():
        raise StaleWatch("kopf has ended by itself")


async def _take_signals_back(ready: asyncio.Event, stop: asyncio.Event) -> None:
    """Kopf takes the process's signals for itself when it starts, and would end without the rest of us."""
    await ready.wait()
    _take_signals(stop)


def _take_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)


async def _relist(settings: Settings, cluster: Cluster, observation: Observation) -> None:
    kinds = {name: kind for name, (kind, _) in RECONCILIATIONS.items()}
    children = {kind.name: kind for kind in CHILDREN}
    await observation.learn_runs(cluster, settings.namespaces)
    while True:
        await asyncio.sleep(settings.resync_seconds)
        await observation.relist(cluster, kinds, children, settings.namespaces)


async def degrade(site: Site, key: Key, message: str) -> None:
    """Tell of a failed reconciliation where its resource's owner looks: once, as every word would bring an event, and every event another attempt."""
    kind = RECONCILIATIONS[key.kind][0]
    thing = await site.cluster.get(kind, key.namespace, key.name)
    if thing is None:
        return
    status = with_degraded(thing, "ReconcileFailed", message, clock.written(site.now()))
    if status is not None:
        await site.cluster.apply_status(kind, {"metadata": as_read(thing), "status": status})
        await site.tell(thing, "ReconcileFailed", shortened(message, 1024), warning=True)


def main() -> None:
    """Run the operator as its environment says; ends with 1 when it must begin anew, and with 0 when it was told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    for library in ("httpx2", "kopf"):
        logging.getLogger(library).setLevel(logging.WARNING)
    identity = os.environ.get("TIDEWRIGHT_IDENTITY") or f"{socket.gethostname()}-{os.getpid()}"
    try:
        settings = Settings.read({**os.environ, "TIDEWRIGHT_IDENTITY": identity})
    except ValueError as error:
        sys.exit(f"Error: {error}")
    start_http_server(settings.metrics_port)
    try:
        asyncio.run(_until_told(settings))
    except BaseExceptionGroup as group:
        reasons = [error for error in _flat(group) if not isinstance(error, asyncio.CancelledError)]
        known = [error for error in reasons if isinstance(error, LeaseLost | StaleWatch)]
        for reason in known or reasons:
            log.error("ending: %s: %s", type(reason).__name__, reason, exc_info=None if known else reason)
        sys.exit(1)


async def _until_told(settings: Settings) -> None:
    stop = asyncio.Event()
    _take_signals(stop)
    await operate(settings, os.environ.get("KUBECONFIG"), stop)


def _flat(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _flat(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


if __name__ == "__main__":
    main()

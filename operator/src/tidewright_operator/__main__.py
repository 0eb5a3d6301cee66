"""``tidewright-operator``: the process."""

import asyncio
import logging
import os
import signal
import socket
import sys
import time

from prometheus_client import start_http_server

from tidewright_operator import clock
from tidewright_operator.catalogue import CHILDREN, KINDS, RECONCILIATIONS
from tidewright_operator.cluster import Cluster, as_read, connected
from tidewright_operator.conditions import shortened, with_degraded
from tidewright_operator.heartbeat import Heartbeat
from tidewright_operator.last_resort import or_end
from tidewright_operator.lease import Leadership, LeaseLost
from tidewright_operator.observation import Observation, StaleWatch
from tidewright_operator.progress import ProgressWatch, board_at
from tidewright_operator.reconcile import Controller, Key, Site
from tidewright_operator.recorder import Recorder
from tidewright_operator.runs import Runs, studies
from tidewright_operator.settings import Settings
from tidewright_operator.watching import until_served, watch
from tidewright_operator.work_queue import WorkQueue

log = logging.getLogger("tidewright_operator")


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
    acquired.result()
    queue: WorkQueue[Key] = WorkQueue(time.monotonic)
    runs, known_studies = Runs(), studies()
    observation = Observation(queue, runs, known_studies)
    progress = ProgressWatch(board_at(settings.streams), lambda *whose: queue.add(Key(*whose)))
    site = Site(cluster, settings, clock.now, Recorder(cluster, settings.identity).tell, runs, known_studies, progress)
    reconciliations = {kind.name: reconcile for kind, reconcile in RECONCILIATIONS.items()}
    controller = Controller(site, reconciliations, degrade, queue, lambda: leadership.held)
    parts = (
        leadership.keep(),
        controller.run(settings.workers),
        _relist(settings, cluster, observation),
        _watch(settings, cluster, observation, heart, stop),
        progress.run(),
    )
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(or_end(part, heart.condemn)) for part in parts]
        await ended
        heart.ready = False
        for task in tasks:
            task.cancel()


async def _watch(
    settings: Settings, cluster: Cluster, observation: Observation, heart: Heartbeat, stop: asyncio.Event
) -> None:
    await until_served(cluster, (*KINDS.values(), *CHILDREN.values()), settings.namespaces)
    await observation.learn_runs(cluster, settings.namespaces)
    ready = asyncio.Event()
    beginning = asyncio.ensure_future(_begin(ready, heart, stop))
    try:
        await watch(KINDS, CHILDREN, settings.namespaces, observation, stop, ready)
    finally:
        beginning.cancel()


async def _begin(ready: asyncio.Event, heart: Heartbeat, stop: asyncio.Event) -> None:
    await ready.wait()
    heart.ready = True
    _take_signals(stop)  # kopf has taken them for itself, and would end without the rest of us


def _take_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)


async def _relist(settings: Settings, cluster: Cluster, observation: Observation) -> None:
    while True:
        await asyncio.sleep(settings.resync_seconds)
        await observation.relist(cluster, KINDS, CHILDREN, settings.namespaces)


async def degrade(site: Site, key: Key, message: str) -> None:
    """Tell of a failed reconciliation where its resource's owner looks: once, as every word would bring an event, and every event another attempt."""
    kind = KINDS[key.kind]
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

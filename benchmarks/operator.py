"""The operator on a real control plane: how fast runs become Jobs, and what it costs; `make bench-operator`, docs/benchmarks.md.

``python -m benchmarks.operator`` measures for five minutes, prints the tables and writes results/operator.json. It has no rival: what it is held
against is the cluster's own Job controller, in the same run.
"""

import json
import os
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from backtest_runs import BacktestRuns
from installed import install
from operator_process import OperatorProcess

from benchmarks.__main__ import machine
from benchmarks.figures import Figure, figures_table, times_table
from cluster.control_plane import ControlPlane
from cluster.find import find

RESULTS = Path(__file__).parent / "results/operator.json"
MANY, IDLE, CLIENTS = 1000, 200, 8
QUIET = 30.0
"""Seconds over which an operator with nothing to do is measured."""


@dataclass
class Findings:
    """`times` are in seconds."""

    figures: list[Figure] = field(default_factory=list)
    times: dict[str, list[float]] = field(default_factory=dict)


class Seen:
    """When each object of a resource was first told of by a watch, by name; it watches to the end of the process."""

    def __init__(self, kube: httpx.Client, path: str) -> None:
        self.at: dict[str, float] = {}
        self.owners: list[str] = []
        self._kube, self._path = kube, path
        self._changed = threading.Condition()
        version = kube.get(path, params={"limit": "1"}).json()["metadata"]["resourceVersion"]
        threading.Thread(target=self._watch, args=(version,), daemon=True).start()

    def _watch(self, version: str) -> None:
        query = {"watch": "1", "resourceVersion": version}
        with self._kube.stream("GET", self._path, params=query, timeout=None) as events:
            for line in events.iter_lines():
                now = time.perf_counter()
                if not line.startswith('{"type":"ADDED"'):
                    continue
                meta = json.loads(line)["object"]["metadata"]
                with self._changed:
                    self.at[meta["name"]] = now
                    self.owners.append(meta["ownerReferences"][0]["uid"])
                    self._changed.notify_all()

    def wait(self, count: int, seconds: float = 900) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.at) >= count, seconds):
                raise TimeoutError(f"{len(self.at)} of {count} after {seconds} s")


class World:
    """A control plane with its Job controller, and an operator of one namespace."""

    def __init__(self, cluster: ControlPlane, folder: Path) -> None:
        access = cluster.access()
        limits = httpx.Limits(max_connections=None)
        self.kube = httpx.Client(
            base_url=access.server, verify=access.ssl_context(), headers=access.headers, timeout=60, limits=limits
        )
        install(self.kube)
        self._kubeconfig, self._folder = cluster.kubeconfig, folder

    def namespace(self, name: str) -> BacktestRuns:
        self.kube.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
        return BacktestRuns(self.kube, name)

    @contextmanager
    def operator(self, runs: BacktestRuns, **settings: str):
        log = self._folder / f"{runs.namespace}.log"
        with OperatorProcess(self._kubeconfig, log, runs.namespace, **settings) as process:
            yield process.wait_until_ready()

    def jobs(self, runs: BacktestRuns) -> Seen:
        return Seen(self.kube, f"/apis/batch/v1/namespaces/{runs.namespace}/jobs")

    def pods(self, runs: BacktestRuns) -> Seen:
        return Seen(self.kube, f"/api/v1/namespaces/{runs.namespace}/pods")


def idle(found: Findings, world: World) -> None:
    """One run at a time, and nothing else to do."""
    runs, took = world.namespace("idle"), []
    jobs = world.jobs(runs)
    with world.operator(runs):
        for number in range(IDLE):
            began = time.perf_counter()
            runs.create(f"run-{number}", suspend=True)
            jobs.wait(number + 1)
            took.append(max(jobs.at.values()) - began)
            time.sleep(0.1)
    found.times["apply to Job, idle"] = took
    found.figures += [
        Figure("Apply to Job on an idle cluster, median", "under", 100, 1e3 * percentile(took, 0.5), "ms"),
        Figure("Apply to Job on an idle cluster, p99", "under", 500, 1e3 * percentile(took, 0.99), "ms"),
    ]


def storm(found: Findings, world: World) -> BacktestRuns:
    """Many runs at once, until the Job controller has made a pod of every one."""
    runs = world.namespace("storm")
    jobs, pods = world.jobs(runs), world.pods(runs)
    with world.operator(runs) as process:
        began = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda number: runs.create(f"run-{number}"), range(MANY)))
        created = time.perf_counter() - began
        jobs.wait(MANY)
        pods.wait(MANY)
        # Every status says Pending or Running by now; what comes late comes with the next re-list.
        time.sleep(2)
        lag, memory, processor = quantile(process.metrics(), 0.99), peak(process.pid), cpu(process.pid)
        duplicates = len(runs.jobs()) - len(set(jobs.owners))
    ours = max(jobs.at.values()) - began
    theirs = max(pods.at.values()) - min(jobs.at.values())
    found.times |= {
        f"{MANY:,} runs created": [created],
        f"{MANY:,} runs to Jobs": [ours],
        f"{MANY:,} Jobs to pods, by the Job controller": [theirs],
        "processor time of the operator meanwhile": [processor],
    }
    found.figures += [
        Figure(f"{MANY:,} runs at once, all Jobs", "under", 60, ours, "s"),
        Figure(f"{MANY:,} runs at once, times what the Job controller takes", "under", 1.5, ours / theirs, "x"),
        Figure(f"{MANY:,} runs at once, duplicate Jobs", "exactly", 0, duplicates, "Jobs"),
        Figure(f"{MANY:,} runs at once, memory of the operator", "under", 256, memory, "MiB"),
        Figure(f"{MANY:,} runs at once, p99 of the event loop's lag", "under", 100, 1e3 * lag, "ms"),
    ]
    return runs


def finished(found: Findings, world: World, runs: BacktestRuns) -> None:
    """The same runs, finished: what it costs to look through them again, and to begin with them."""
    finish(world, runs)
    empty = world.namespace("empty")
    with world.operator(empty) as process:
        time.sleep(QUIET)
        nothing = cpu(process.pid)
    with world.operator(runs, RESYNC_SECONDS=str(QUIET * 2)) as process:
        time.sleep(QUIET)
        beginning = cpu(process.pid)
        time.sleep(QUIET / 2)
        before = cpu(process.pid)
        time.sleep(QUIET)
        with_one = cpu(process.pid) - before
    found.figures += [
        Figure(f"Re-list of {MANY:,} finished runs, processor time of half a minute", "under", 2, with_one, "s"),
        Figure(f"Restart with {MANY:,} finished runs, processor time beyond that with none", "under", 2, beginning - nothing, "s"),
    ]  # fmt: skip


def finish(world: World, runs: BacktestRuns) -> None:
    condition = {"reason": "Complete", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z", "status": "True"}
    conditions = [{"type": kind, **condition} for kind in ("Accepted", "Finished", "Complete")]
    status = {"conditions": conditions, "attempts": 1, "completionTime": "2026-01-01T00:00:00Z"}
    with ThreadPoolExecutor(CLIENTS) as pool:
        paths = [f"{runs.path}/run-{number}/status" for number in range(MANY)]
        list(pool.map(lambda path: runs.merge(path, {"status": status}), paths))


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(int(share * len(times)), len(times) - 1)]


def quantile(metrics: str, share: float) -> float:
    """Of the event loop's lag: between the bounds of its bucket as if times were spread evenly there, as Prometheus has it."""
    counts = [
        (float(bound), float(count))
        for bound, count in re.findall(r'^event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', metrics, re.MULTILINE)
    ]
    wanted, below, lower = share * counts[-1][1], 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            return lower + (bound - lower) * (wanted - below) / (count - below)
        below, lower = count, bound
    return lower


def peak(pid: int) -> float:
    """The most memory that a process has held, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[1]) / 1024


def cpu(pid: int) -> float:
    """Seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    found, load = Findings(), os.getloadavg()[0]
    with TemporaryDirectory() as folder, find(Path(folder)) as cluster:
        if not isinstance(cluster, ControlPlane):
            sys.exit("Error: the Job controller of a cluster that others use is no measure; run `make cluster-build`")
        cluster.controllers.start()
        world = World(cluster, Path(folder))
        print("Idle ...", file=sys.stderr, flush=True)
        idle(found, world)
        print(f"{MANY:,} runs ...", file=sys.stderr, flush=True)
        runs = storm(found, world)
        print(f"{MANY:,} finished runs ...", file=sys.stderr, flush=True)
        finished(found, world, runs)
    on = f"{machine('kopf', 'lightkube')}; load {load:.1f} at the start"
    print(on, figures_table(found.figures), times_table(found.times), sep="\n\n")
    RESULTS.write_text(json.dumps({"on": on, **asdict(found)}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

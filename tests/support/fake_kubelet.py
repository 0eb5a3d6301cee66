"""A node without containers: every pod of a namespace runs to the end that a script has for it."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import aiohttp
from background_loop import BackgroundLoop
from pod_life import STOPPED, Ending, Pod, Script, Status, Stays, by_annotation, ended, now, running

from cluster.access import Access

NODE = "fake-kubelet"
LONGEST_EVENT = 1 << 23
HEARTBEAT = 10.0
"""Seconds between renewals of the node's lease, as a kubelet has it by default."""

REDIAL = 0.1
"""Seconds until an API server that did not serve is asked again."""


class FakeKubelet:
    """A context manager. Binds the pods of `namespace` to its node, and takes each one step further whenever it changes.

    The script is asked once per pod. A pod that is deleted while it runs ends and then goes, as a kubelet has it; at the end of the
    kubelet all of them go at once. Containers are never restarted, probes never asked: a running pod is ready. With `binds=False` it leaves
    the binding to a scheduler.
    """

    def __init__(self, access: Access, namespace: str, script: Script = by_annotation, *, binds: bool = True) -> None:
        self._access, self._script, self._binds = access, script, binds
        self._path = f"/api/v1/namespaces/{namespace}/pods"
        self._pods: dict[str, Pod] = {}
        self._ends: dict[str, Ending | Stays] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self._background = BackgroundLoop()

    def __enter__(self) -> "FakeKubelet":
        self._background.__enter__()
        self._background.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._background.run(self._stop())
        self._background.__exit__()
        if self._errors:
            raise ExceptionGroup("the fake kubelet could not do its work", self._errors)

    def finish(self, name: str, ending: Ending) -> None:
        """Let the pod of this name end now, or as soon as it runs.

        Raises:
            LookupError: there is no such pod.
        """
        self._background.run(self._finish(name, ending))

    async def _finish(self, name: str, ending: Ending) -> None:
        for uid, pod in self._pods.items():
            if pod["metadata"]["name"] == name:
                self._ends[uid] = ending
                return await self._step(pod)
        raise LookupError(f"no pod {name}; there are {[pod['metadata']['name'] for pod in self._pods.values()]}")

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(
            self._access.server,
            headers=self._access.headers,
            connector=aiohttp.TCPConnector(limit=32, ssl=self._access.ssl_context()),
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=LONGEST_EVENT,
        )
        await self._register()
        self._spawn(self._beat())
        self._spawn(self._follow())

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with asyncio.timeout(30):
            await self._write("DELETE", f"{self._path}?gracePeriodSeconds=0")
        await self._session.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._errors.append(error)

    async def _register(self) -> None:
        await self._write("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
        room = {"cpu": "1000", "memory": "1000Gi", "pods": "10000"}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now()}
        state = {"capacity": room, "allocatable": room, "conditions": [ready]}
        await self._write("PATCH", f"/api/v1/nodes/{NODE}/status", {"status": state})

    async def _beat(self) -> None:
        leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NODE}}
        await self._write("POST", leases, lease)
        while True:
            renewal = {"holderIdentity": NODE, "leaseDurationSeconds": 40, "renewTime": now("microseconds")}
            await self._write("PATCH", f"{leases}/{NODE}", {"spec": renewal})
            await asyncio.sleep(HEARTBEAT)

    async def _follow(self) -> None:
        while True:
            try:
                async with self._session.get(self._path) as answer:
                    answer.raise_for_status()
                    listed = await answer.json()
                for pod in listed["items"]:
                    self._see("ADDED", pod)
                await self._watch(listed["metadata"]["resourceVersion"])
            except (aiohttp.ClientError, ConnectionError, TimeoutError):
                await asyncio.sleep(REDIAL)

    async def _watch(self, version: str) -> None:
        async with self._session.get(self._path, params={"watch": "1", "resourceVersion": version}) as answer:
            answer.raise_for_status()
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                self._see(event["type"], event["object"])

    def _see(self, kind: str, pod: Pod) -> None:
        uid = pod["metadata"]["uid"]
        if kind == "DELETED":
            self._pods.pop(uid, None)
        else:
            self._pods[uid] = pod
            self._spawn(self._step(pod))

    async def _step(self, pod: Pod) -> None:
        """What a kubelet does next about a pod; the write brings the event that the step after it follows from."""
        phase, node = pod["status"]["phase"], pod["spec"].get("nodeName")
        if node not in {None, NODE}:
            return
        if "deletionTimestamp" in pod["metadata"]:
            await (self._remove(pod) if phase in {"Succeeded", "Failed"} else self._report(pod, ended(pod, STOPPED)))
        elif node is None:
            if self._binds:
                await self._bind(pod)
        elif phase == "Pending" and self._end(pod) is not Stays.PENDING:
            await self._report(pod, running(pod))
        elif phase == "Running" and isinstance(end := self._end(pod), Ending):
            await self._report(pod, ended(pod, end))

    def _end(self, pod: Pod) -> Ending | Stays:
        uid = pod["metadata"]["uid"]
        if uid not in self._ends:
            self._ends[uid] = self._script(pod)
        return self._ends[uid]

    async def _bind(self, pod: Pod) -> None:
        name = pod["metadata"]["name"]
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}}
        target = {"target": {"apiVersion": "v1", "kind": "Node", "name": NODE}}
        await self._write("POST", f"{self._path}/{name}/binding", binding | target)

    async def _report(self, pod: Pod, status: Status) -> None:
        seen = {key: pod["metadata"][key] for key in ("uid", "resourceVersion")}
        path = f"{self._path}/{pod['metadata']['name']}/status"
        await self._write("PATCH", path, {"metadata": seen, "status": status})

    async def _remove(self, pod: Pod) -> None:
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        await self._write("DELETE", f"{self._path}/{pod['metadata']['name']}", options)

    async def _write(self, method: str, path: str, body: object = None) -> None:
        kind = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"
        data = json.dumps(body) if body is not None else None
        while True:
            try:
                async with self._session.request(method, path, data=data, headers={"Content-Type": kind}) as answer:
                    # 404 and 409: gone, or changed since it was seen, and the next event tells.
                    if answer.status < 400 or answer.status in {404, 409}:
                        return
                    if answer.status < 500 and answer.status != 429:
                        raise RuntimeError(f"{method} {path}: {await answer.text()}")
            except (aiohttp.ClientError, ConnectionError):
                pass
            await asyncio.sleep(REDIAL)

"""BacktestRuns on an API server, as a person makes, changes and reads them."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx

Object = dict[str, Any]

PATIENCE = 120.0
"""Seconds that the operator, the Job controller and a kubelet have together."""

STRATEGY = {"source": {"builtin": "MovingAverageCross"}, "symbols": ["BTC/USDT"], "timeframe": "1h"}
GROUP = "/apis/tidewright.io/v1alpha1"


class BacktestRuns:
    """Those of one namespace. Reads are repeated while the API server is away; what waits raises TimeoutError with what it found last."""

    def __init__(self, kube: httpx.Client, namespace: str) -> None:
        self.kube, self.namespace = kube, namespace
        self.path = f"{GROUP}/namespaces/{namespace}/backtestruns"

    def create(self, name: str = "run", **spec: Any) -> Object:
        """Create one with its strategy in place, unless `spec` has another."""
        whole = {"strategy": STRATEGY, "data": {"exchange": "simulated"}, **spec}
        return self._asked("POST", self.path, self.resource("BacktestRun", name, whole))

    def create_strategy(self, name: str, **changes: Any) -> Object:
        path = f"{GROUP}/namespaces/{self.namespace}/tradingstrategies"
        return self._asked("POST", path, self.resource("TradingStrategy", name, {**STRATEGY, **changes}))

    @staticmethod
    def resource(kind: str, name: str, spec: Object) -> Object:
        return {"apiVersion": "tidewright.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}

    def change(self, name: str = "run", **spec: Any) -> Object:
        return self.merge(f"{self.path}/{name}", {"spec": spec})

    def merge(self, path: str, change: Object) -> Object:
        return self._asked("PATCH", path, change, headers={"Content-Type": "application/merge-patch+json"})

    def delete(self, name: str = "run") -> None:
        self.kube.delete(f"{self.path}/{name}").raise_for_status()

    def get(self, name: str = "run") -> Object | None:
        return self._read(f"{self.path}/{name}")

    def status(self, name: str = "run") -> Object:
        return dict((self.get(name) or {}).get("status", {}))

    def conditions(self, name: str = "run") -> dict[str, tuple[str, str]]:
        """Status and reason by type."""
        return {one["type"]: (one["status"], one["reason"]) for one in self.status(name).get("conditions", ())}

    def message(self, kind: str, name: str = "run") -> str:
        return next(one["message"] for one in self.status(name)["conditions"] if one["type"] == kind)

    def finished(self, name: str = "run", patience: float = PATIENCE) -> Object:
        """The status once the run has finished, either way."""
        self.until(lambda: self.conditions(name).get("Finished", ("",))[0] == "True", name, patience)
        return self.status(name)

    def reaches(self, reason: str, name: str = "run", patience: float = PATIENCE) -> None:
        """Wait until this is the reason of its condition Finished."""
        self.until(lambda: self.conditions(name).get("Finished", ("", ""))[1] == reason, name, patience)

    def until(self, condition: Callable[[], object], name: str = "run", patience: float = PATIENCE) -> None:
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(json.dumps(self.get(name), indent=1) + json.dumps(self.jobs(name), indent=1))
            time.sleep(0.05)

    def jobs(self, name: str | None = None) -> list[Object]:
        """The Jobs of a run, or of all."""
        query = f"?labelSelector=tidewright.io/owner-name={name}" if name else ""
        return self.list("/apis/batch/v1", "jobs" + query)

    def pods(self) -> list[Object]:
        return self.list("/api/v1", "pods")

    def events(self, name: str = "run") -> list[tuple[str, str]]:
        """Reason and message of what `kubectl describe` shows of a run."""
        of_it = [one for one in self.list("/api/v1", "events") if one["involvedObject"]["name"] == name]
        return [(one["reason"], one["message"]) for one in sorted(of_it, key=lambda one: one["firstTimestamp"])]

    def list(self, group: str, resource: str) -> list[Object]:
        return list((self._read(f"{group}/namespaces/{self.namespace}/{resource}") or {}).get("items", ()))

    def delete_job(self, name: str = "run") -> None:
        """Delete the run's Job by hand, with its pods."""
        for job in self.jobs(name):
            path = f"/apis/batch/v1/namespaces/{self.namespace}/jobs/{job['metadata']['name']}"
            self.kube.request("DELETE", path, json={"propagationPolicy": "Background"}).raise_for_status()

    def _read(self, path: str) -> Object | None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self.kube.get(path)
                if answer.status_code == 404:
                    return None
                if answer.status_code < 500:
                    return dict(answer.raise_for_status().json())
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} cannot be read")
            time.sleep(0.1)

    def _asked(self, method: str, path: str, body: Object, headers: dict[str, str] | None = None) -> Object:
        answer = self.kube.request(method, path, json=body, headers=headers)
        if answer.is_error:
            raise httpx.HTTPStatusError(answer.text, request=answer.request, response=answer)
        return dict(answer.json())

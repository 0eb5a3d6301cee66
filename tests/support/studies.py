"""OptimizationStudies on an API server, as a person makes, changes and reads them, and the pods that work on them."""

from collections.abc import Callable
from typing import Any

import httpx
from backtest_runs import GROUP, STRATEGY, BacktestRuns, Object
from pod_life import Ending, Pod, Stays
from work_records import study_complete

FINALIZER = "tidewright.io/trials"
End = Ending | Stays


class Studies(BacktestRuns):
    """Those of one namespace."""

    def __init__(self, kube: httpx.Client, namespace: str) -> None:
        super().__init__(kube, namespace)
        self.path = f"{GROUP}/namespaces/{namespace}/optimizationstudies"

    def create(self, name: str = "run", **spec: Any) -> Object:
        """Create one with its strategy in place, unless `spec` has another."""
        whole = {"strategy": STRATEGY, "data": {"exchange": "simulated"}, **spec}
        return self._asked("POST", self.path, self.resource("OptimizationStudy", name, whole))

    def jobs_of(self, component: str, name: str = "run") -> list[Object]:
        """The Jobs of a study that search, conclude or forget."""
        labels = f"tidewright.io/owner-name={name},app.kubernetes.io/component={component}"
        return self.list("/apis/batch/v1", f"jobs?labelSelector={labels}")

    def pods_of(self, component: str, name: str = "run") -> list[Object]:
        """The pods of such Jobs that are not going."""
        labels = f"tidewright.io/owner-name={name},app.kubernetes.io/component={component}"
        pods = self.list("/api/v1", f"pods?labelSelector={labels}")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def component_of(pod: Pod) -> str:
    return str(pod["metadata"]["labels"].get("app.kubernetes.io/component", ""))


def ending(**ends: End | Callable[[Pod], End]) -> Callable[[Pod], End]:
    """A kubelet's script: how the pods of each component end; those not named do what they should."""
    good: dict[str, End | Callable[[Pod], End]] = {
        "search": Ending(0),
        "conclusion": lambda pod: Ending(0, study_complete(int(pod["metadata"]["labels"]["tidewright.io/trials"]))),
        "forgetting": Ending(0),
        "signals": Stays.RUNNING,
    }

    def script(pod: Pod) -> End:
        found = (good | ends)[component_of(pod)]
        return found(pod) if callable(found) else found

    return script

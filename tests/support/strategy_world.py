"""A namespace with a TradingStrategy in it, and what becomes of that."""

import asyncio

from tidewright_operator.clock import now
from tidewright_operator.cluster import connected
from tidewright_operator.kinds import trading_strategy
from tidewright_operator.reconcile import Site
from tidewright_operator.runs import Runs, studies
from tidewright_operator.settings import Settings

MERGE = {"Content-Type": "application/merge-patch+json"}
GROUP = "/apis/tidewright.io/v1alpha1"
OTHERS = {"configmaps": "/api/v1", "jobs": "/apis/batch/v1"}
CHILDREN = {
    "deployments": "/apis/apps/v1",
    "services": "/api/v1",
    "serviceaccounts": "/api/v1",
    "networkpolicies": "/apis/networking.k8s.io/v1",
    "poddisruptionbudgets": "/apis/policy/v1",
}
SPEC = {
    "source": {"builtin": "MovingAverageCross"},
    "parameters": {"fast": 10, "slow": 30},
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
}
EXECUTION = {"mode": "DryRun", "exchange": "kraken", "updates": "Manual"}
NAME, SERVICE = "ma-cross", "signals-ma-cross"


class World:
    """One namespace with one strategy in it, and the operator's reconciliation of that."""

    def __init__(self, api, cluster, namespace):
        self.api, self.namespace = api, namespace
        self.kubeconfig = str(cluster.kubeconfig)
        self.runs, self.studies, self.told = Runs(), studies(), []
        self.runs.complete = self.studies.complete = True

    def path(self, resource, name=""):
        base = (CHILDREN | OTHERS).get(resource, GROUP)
        return f"{base}/namespaces/{self.namespace}/{resource}" + (f"/{name}" if name else "")

    def create(self, spec=SPEC, name=NAME, **more):
        body = {"apiVersion": "tidewright.io/v1alpha1", "kind": "TradingStrategy", "metadata": {"name": name, **more}}
        return self._asked("POST", self.path("tradingstrategies"), {**body, "spec": spec})

    def change(self, resource, name, change, subresource=""):
        path = self.path(resource, name) + (f"/{subresource}" if subresource else "")
        return self._asked("PATCH", path, change, headers=MERGE)

    def _asked(self, method, path, body, **options):
        answer = self.api.request(method, path, json=body, **options)
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, resource, name=SERVICE):
        answer = self.api.get(self.path(resource, name))
        return answer.json() if answer.is_success else None

    def list(self, resource):
        return self.api.get(self.path(resource)).raise_for_status().json()["items"]

    def delete(self, resource, name=SERVICE):
        self.api.delete(self.path(resource, name)).raise_for_status()

    def reconcile(self, name=NAME, settings=Settings()):  # noqa: B008 - immutable
        async def tell(thing, reason, message, *, warning=False):
            self.told.append((reason, warning))

        async def once():
            async with connected(self.kubeconfig) as cluster:
                site = Site(cluster, settings, now, tell, self.runs, self.studies)
                return await trading_strategy.reconcile(site, self.namespace, name)

        return asyncio.run(once())

    def condition(self, kind):
        one = self._condition("tradingstrategies", NAME, kind)
        return one["status"], one["reason"], one["message"]

    def reason(self, resource, name, kind):
        return self._condition(resource, name, kind).get("reason")

    def since(self, kind):
        return self._condition("tradingstrategies", NAME, kind)["lastTransitionTime"]

    def _condition(self, resource, name, kind):
        found = self.get(resource, name).get("status", {}).get("conditions", ())
        return next((condition for condition in found if condition["type"] == kind), {})

    def roll_out(self, ready=None):
        """What the Deployment controller and a kubelet would make of the Deployment."""
        deployment = self.get("deployments")
        wanted = deployment["spec"]["replicas"]
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": wanted,
            "updatedReplicas": wanted,
            "readyReplicas": wanted if ready is None else ready,
            "availableReplicas": wanted if ready is None else ready,
        }
        self.change("deployments", SERVICE, {"status": status}, "status")

    def served(self):
        """The digest, ConfigMap and exchange that the Deployment's pods are made for."""
        template = self.get("deployments")["spec"]["template"]
        noted = template["metadata"]["annotations"]
        (config_map,) = [one["configMap"]["name"] for one in template["spec"]["volumes"] if "configMap" in one]
        return noted["tidewright.io/strategy-digest"], config_map, noted["tidewright.io/exchange"]

    def create_run(self, name):
        """A BacktestRun of the strategy."""
        body = {"apiVersion": "tidewright.io/v1alpha1", "kind": "BacktestRun", "metadata": {"name": name}}
        spec = {"strategy": {"name": NAME}, "data": {"exchange": "binance"}}
        return self._asked("POST", self.path("backtestruns"), {**body, "spec": spec})

    def finish_run(self, name, sharpe, completed, **facts):
        """A completed BacktestRun of the strategy as it is now, as the operator has written it."""
        self.create_run(name)
        provenance = {"strategyDigest": self.get("tradingstrategies", NAME)["status"]["strategyDigest"]}
        figures = {"sharpe": sharpe, "maxDrawdown": 0.2, "trades": 120}
        status = {**_completed(completed, figures | facts), "provenance": provenance}
        self.runs.see(self.change("backtestruns", name, {"status": status}, "status"))

    def finish_study(self, name, deflated_sharpe, completed, **facts):
        """A completed OptimizationStudy that selects the strategy as it is now."""
        body = {"apiVersion": "tidewright.io/v1alpha1", "kind": "OptimizationStudy", "metadata": {"name": name}}
        spec = {"strategy": {"name": NAME}, "data": {"exchange": "binance"}}
        self._asked("POST", self.path("optimizationstudies"), {**body, "spec": spec})
        digest = self.get("tradingstrategies", NAME)["status"]["strategyDigest"]
        figures = {"strategyDigest": digest, "deflatedSharpe": deflated_sharpe, "pbo": 0.1, **facts}
        status = {**_completed(completed, figures), "trials": {"asked": 100, "complete": 100}}
        self.studies.see(self.change("optimizationstudies", name, {"status": status}, "status"))


TESTED_ON = {
    "start": "2020-01-01",
    "end": "2024-01-01",
    "bars": 35_064,
    "simulated": False,
    "commission": "0.1%",
    "slippage": "0.05%",
    "lookAhead": True,
    "dataQuality": True,
}


def _completed(when, figures):
    done = {"status": "True", "reason": "Complete", "lastTransitionTime": when}
    return {
        "conditions": [{"type": kind, **done} for kind in ("Finished", "Complete")],
        "completionTime": when,
        "tested": TESTED_ON | figures,
    }

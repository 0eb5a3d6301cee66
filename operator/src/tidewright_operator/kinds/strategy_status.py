"""How a TradingStrategy stands, and the status that follows. Pure."""

from dataclasses import dataclass
from datetime import datetime

from tidewright.specs.trading_strategy import Promotion
from tidewright_operator.clock import written
from tidewright_operator.cluster import Object
from tidewright_operator.conditions import Finding, condition, merged
from tidewright_operator.kinds.signal_service import pod_labels, replicas_of
from tidewright_operator.kinds.strategy_version import Version, same_strategy, version_of
from tidewright_operator.names import RESTART
from tidewright_operator.promotion import Verdict


@dataclass(frozen=True, slots=True)
class Written:
    """A strategy as it is written: its digest, None where it cannot be used, the ConfigMap to serve it from, and what is wrong with it."""

    digest: str | None = None
    config_map: Object | None = None
    promotion: Promotion | None = None
    problem: Finding | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """The signal service as it is: the version served, its Deployment, and what is in its way."""

    version: Version | None = None
    deployment: Object | None = None
    problem: Finding | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a strategy stands, from which its status follows; the verdict is None as long as the evidence is not known."""

    written: Written
    service: Service = Service()
    verdict: Verdict | None = None

    @property
    def problem(self) -> Finding | None:
        return self.written.problem or self.service.problem or _trouble_of(self.service.deployment)

    @property
    def waits(self) -> bool:
        """Whether another version is served than the one written."""
        served, config_map = self.service.version, self.written.config_map
        return served is not None and config_map is not None and not same_strategy(served, version_of(config_map))


def rolled_out(deployment: Object) -> bool:
    """Whether all pods serve what they should, and no others are left."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    current = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return bool(current) and counts == [wanted] * len(counts)


def status_of(strategy: Object, standing: Standing, now: datetime) -> Object:
    """The strategy's whole status."""
    before, generation = strategy.get("status", {}), strategy["metadata"].get("generation", 0)
    service, verdict = standing.service, standing.verdict
    pods = (service.deployment or {}).get("status", {})
    status: Object = {
        "observedGeneration": generation,
        "conditions": merged(before.get("conditions", ()), findings_of(strategy, standing), generation, written(now)),
        "replicas": pods.get("replicas", 0),
        "readyReplicas": pods.get("readyReplicas", 0),
        "selector": ",".join(f"{name}={value}" for name, value in sorted(pod_labels(strategy).items())),
    }
    if standing.written.digest is not None:
        status["strategyDigest"] = standing.written.digest
    if service.version is not None:
        status["runningDigest"] = service.version.digest
    if verdict is None and _same_strategy(before, standing) and "evidence" in before:
        status["evidence"] = before["evidence"]
    elif verdict is not None and (evidence := verdict.evidence):
        status["evidence"] = evidence
    return status


def _same_strategy(before: Object, standing: Standing) -> bool:
    """Whether the status of `before` is of the strategy as it is written now."""
    return bool(before.get("strategyDigest") == standing.written.digest)


def findings_of(strategy: Object, standing: Standing) -> list[Finding]:
    """What is true of the strategy."""
    problem = standing.problem or Finding("Degraded", status=False, reason="AsExpected")
    return [_ready(strategy, standing), _progressing(strategy, standing), problem, _promoted(strategy, standing)]


def _ready(strategy: Object, standing: Standing) -> Finding:
    deployment = standing.service.deployment
    if deployment is None:
        return Finding(
            "Ready", status=False, reason="NotServed", message="there is no Deployment of its signal service"
        )
    ready, wanted = deployment.get("status", {}).get("readyReplicas", 0), replicas_of(strategy)
    if ready:
        return Finding("Ready", status=True, reason="Serving", message=f"{ready} of {wanted} pods are ready")
    if not wanted:
        return Finding("Ready", status=False, reason="ScaledToZero", message="spec.signals.replicas is 0")
    return Finding("Ready", status=False, reason="NoPodReady", message=f"none of {wanted} pods is ready")


def _progressing(strategy: Object, standing: Standing) -> Finding:
    served, deployment = standing.service.version, standing.service.deployment
    if served is not None and standing.waits:
        message = (
            f"{_short(served.digest)} of {served.exchange} is served, {_short(standing.written.digest)} is written, and updates are Manual: "
            f"the change waits for a restart; kubectl annotate tradingstrategy {strategy['metadata']['name']} {RESTART}=$(date +%s) --overwrite"
        )
        return Finding("Progressing", status=False, reason="RestartNeeded", message=message)
    if served is None or deployment is None:
        return Finding("Progressing", status=False, reason="NotServed")
    if rolled_out(deployment):
        return Finding("Progressing", status=False, reason="Settled")
    updated = deployment.get("status", {}).get("updatedReplicas", 0)
    message = f"{updated} of {replicas_of(strategy)} pods are made for {_short(served.digest)}"
    return Finding("Progressing", status=True, reason="RollingOut", message=message)


def _short(digest: str | None) -> str:
    return (digest or "")[:19]


_TROUBLE = {("ReplicaFailure", "True"): "PodsRefused", ("Progressing", "False"): "RolloutStuck"}


def _trouble_of(deployment: Object | None) -> Finding | None:
    """What the Deployment itself says is wrong."""
    for found in (deployment or {}).get("status", {}).get("conditions", ()):
        reason = _TROUBLE.get((found["type"], found["status"]))
        if reason is not None:
            return Finding("Degraded", status=True, reason=reason, message=found.get("message", ""))
    return None


def _promoted(strategy: Object, standing: Standing) -> Finding:
    verdict, before = standing.verdict, strategy.get("status", {})
    if verdict is not None:
        return Finding("Promoted", verdict.promoted, verdict.reason, verdict.message)
    old = condition(before.get("conditions", ()), "Promoted")
    if old is None or not _same_strategy(before, standing):
        message = "the BacktestRuns and OptimizationStudies have not been listed yet"
        return Finding("Promoted", status=None, reason="EvidenceUnknown", message=message)
    return Finding("Promoted", {"True": True, "False": False}.get(old["status"]), old["reason"], old["message"])

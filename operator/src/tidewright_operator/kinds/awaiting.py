"""The kinds whose services are not there yet: they are accepted or refused, and told honestly that nobody works on them."""

from pydantic import ValidationError

from tidewright.specs.kinds import KINDS
from tidewright.specs.manifest import Document
from tidewright.specs.problems import explain
from tidewright_operator.clock import written
from tidewright_operator.cluster import Kind, Object, as_read
from tidewright_operator.conditions import Finding, differ, merged
from tidewright_operator.reconcile import Outcome, Reconcile, Site


def awaiting(kind: Kind, service: str) -> Reconcile:
    """The reconciliation of a kind that `service` is going to work on."""

    async def reconcile(site: Site, namespace: str, name: str) -> Outcome:
        thing = await site.cluster.get(kind, namespace, name)
        if thing is None or "deletionTimestamp" in thing["metadata"]:
            return Outcome()
        findings, before = findings_of(thing, service), thing.get("status", {})
        generation = thing["metadata"].get("generation", 0)
        status = {
            "observedGeneration": generation,
            "conditions": merged(before.get("conditions", ()), findings, generation, written(site.now())),
        }
        if before.get("observedGeneration") != generation or differ(before.get("conditions", ()), status["conditions"]):
            await site.cluster.apply_status(kind, {"metadata": as_read(thing), "status": status})
            told = findings[-1]
            await site.tell(thing, told.reason, told.message, warning=True)
        return Outcome()

    return reconcile


def findings_of(thing: Object, service: str) -> list[Finding]:
    """What is true of such a resource."""
    model = next(kind.model for kind in KINDS if kind.model.__name__ == thing["kind"])
    try:
        model.model_validate(thing)
    except ValidationError as error:
        message = "; ".join(str(problem) for problem in explain(error, model, Document("", thing, {(): 0})))
        return [
            Finding("Accepted", status=False, reason="InvalidSpec", message=message),
            Finding("Finished", status=True, reason="InvalidSpec", message=message),
            Finding("Failed", status=True, reason="InvalidSpec", message=message),
        ]
    message = f"this version of Tidewright has no {service} yet: the resource is kept, and worked on once there is one"
    return [
        Finding("Accepted", status=True, reason="Valid"),
        Finding("Finished", status=False, reason="NoService", message=message),
    ]

"""The status of work is written where it differs, and a transition is told of."""

from collections.abc import Callable

from tidewright_operator.cluster import Kind, Object, as_read
from tidewright_operator.conditions import DEGRADED, condition, differ, is_true, shortened
from tidewright_operator.reconcile import Site


async def write(
    site: Site, kind: Kind, thing: Object, status: Object, told: Callable[[str], str], *, warns: bool
) -> None:
    """Write the status; `told` says in an event what a new reason of Finished means that has no message of its own."""
    before = thing.get("status", {})
    gone = before.keys() - status.keys()
    same = not gone and all(before.get(name) == value for name, value in status.items() if name != "conditions")
    if same and not differ(before.get("conditions", ()), status["conditions"]):
        return
    await site.cluster.apply_status(kind, {"metadata": as_read(thing), "status": status})
    old, new = condition(before.get("conditions", ()), "Finished"), condition(status["conditions"], "Finished")
    if new is not None and (old is None or old["reason"] != new["reason"]):
        await site.tell(thing, new["reason"], shortened(new["message"] or told(new["reason"]), 1024), warning=warns)


async def recovered(site: Site, kind: Kind, thing: Object) -> Object:
    """The finished resource without the condition Degraded: what the operator failed at has succeeded."""
    status = thing["status"]
    if not is_true(status["conditions"], DEGRADED):
        return thing
    status = status | {"conditions": [one for one in status["conditions"] if one["type"] != DEGRADED]}
    await site.cluster.apply_status(kind, {"metadata": as_read(thing), "status": status})
    return {**thing, "status": status}

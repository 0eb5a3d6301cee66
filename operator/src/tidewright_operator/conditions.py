"""Conditions: what is true of a resource, since when, and why."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Condition = dict[str, Any]

LONGEST_MESSAGE = 4096

DEGRADED = "Degraded"
"""The condition of a resource that the operator fails to reconcile; it goes with the next reconciliation that succeeds."""


class Finding(NamedTuple):
    """A condition as it is now, without its times."""

    type: str
    status: bool | None
    reason: str
    message: str = ""


def merged(before: Iterable[Condition], findings: Sequence[Finding], generation: int, now: str) -> list[Condition]:
    """The conditions of `findings`: one whose status has not changed keeps the time of its last transition. Those that are not found are gone."""
    earlier = {condition["type"]: condition for condition in before}
    found = []
    for finding in findings:
        status = {True: "True", False: "False", None: "Unknown"}[finding.status]
        old = earlier.get(finding.type)
        since = old["lastTransitionTime"] if old is not None and old["status"] == status else now
        found.append(
            {
                "type": finding.type,
                "status": status,
                "reason": finding.reason,
                "message": shortened(finding.message),
                "lastTransitionTime": since,
                "observedGeneration": generation,
            }
        )
    return found


def with_degraded(thing: dict[str, Any], reason: str, message: str, now: str) -> dict[str, Any] | None:
    """The status of `thing` with the condition Degraded; None where it says so already, in whatever words."""
    status = thing.get("status", {})
    before = status.get("conditions", ())
    old = condition(before, DEGRADED)
    if old is not None and (old["status"], old["reason"]) == ("True", reason):
        return None
    finding = Finding(DEGRADED, status=True, reason=reason, message=message)
    generation = thing["metadata"].get("generation", 0)
    others = [one for one in before if one["type"] != DEGRADED]
    return {**status, "conditions": others + merged(before, [finding], generation, now)}


def differ(before: Iterable[Condition], now: Sequence[Condition]) -> bool:
    """Whether `now` says anything new. Conditions that others have added to `before` do not count; one that is gone does where it is ours, as Degraded is."""
    earlier = {condition["type"]: condition for condition in before}
    recovered = DEGRADED in earlier and all(condition["type"] != DEGRADED for condition in now)
    return recovered or any(earlier.get(condition["type"]) != condition for condition in now)


def condition(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of a type."""
    return next((each for each in conditions if each["type"] == kind), None)


def is_true(conditions: Iterable[Condition], kind: str) -> bool:
    """Whether the condition of a type is there and true."""
    found = condition(conditions, kind)
    return found is not None and found["status"] == "True"


def shortened(message: str, most: int = LONGEST_MESSAGE) -> str:
    """The message, cut where it is longer than the API server takes."""
    return message if len(message) <= most else f"{message[: most - 1]}…"

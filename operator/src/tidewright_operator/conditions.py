"""Conditions: what is true of a resource, since when, and why."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Condition = dict[str, Any]

LONGEST_MESSAGE = 4096


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

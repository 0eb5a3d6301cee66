"""How the pods of a run are scheduled: the part of Kubernetes' own pod that a resource may set."""

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from tidewright.specs import cel
from tidewright.specs.quantities import Name, Text
from tidewright.specs.resource import NULL_IS_ABSENT, CrossFieldRule, Spec

_QUANTITY = r"^[0-9]{1,15}(\.[0-9]{1,9})?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
_NOT_A_QUANTITY = "not a quantity; write a whole number, or a number and a unit in quotes, such as 500m or 2Gi"


def _quantity(value: object) -> object:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**15
    if not whole and not (isinstance(value, str) and re.fullmatch(_QUANTITY, value)):
        raise ValueError(_NOT_A_QUANTITY)
    return value


Quantity: TypeAlias = Annotated[
    int | str,
    BeforeValidator(_quantity),
    WithJsonSchema(
        {
            "type": ["integer", "string"],
            "minimum": 0,
            "maximum": 10**15,
            "pattern": _QUANTITY,
            "maxLength": 32,
            "x-kubernetes-validations": [
                cel.validation(f"type(self) == int || {cel.matches('string(self)', _QUANTITY)}", _NOT_A_QUANTITY)
            ],
        }
    ),
]
LabelKey: TypeAlias = Annotated[
    str,
    Text(
        "a label's key; write letters, digits, hyphens, dots and underscores, such as disk or example.com/disk",
        r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
        317,
    ),
]
LabelValue: TypeAlias = Annotated[
    str,
    Text(
        "a label's value; write up to 63 letters, digits, hyphens, dots and underscores, such as ssd",
        r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
    ),
]
Quantities: TypeAlias = Annotated[dict[LabelKey, Quantity], Field(max_length=16), NULL_IS_ABSENT]


class Toleration(Spec):
    """A taint that the pod may be scheduled in spite of."""

    key: LabelKey | None = None
    """Key of the taint; absent, every key, with operator Exists."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """Whether the taint's value must be the one given, or does not matter."""
    value: LabelValue | None = None
    """Value of the taint, for operator Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; absent, every effect."""
    toleration_seconds: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """How long a pod stays once the taint appears; for effect NoExecute. Absent, for ever."""

    cross_field_rules = (
        CrossFieldRule(
            lambda self: self.key is not None or self.operator == "Exists",
            "a toleration of every key needs operator: Exists; set it, or add key",
            cel="has(self.key) || self.operator == 'Exists'",
        ),
        CrossFieldRule(
            lambda self: self.operator == "Equal" or not self.value,
            "operator Exists takes no value; remove it",
            "value",
            cel="self.operator == 'Equal' || !has(self.value) || self.value == ''",
        ),
        CrossFieldRule(
            lambda self: self.toleration_seconds is None or self.effect == "NoExecute",
            "tolerationSeconds needs effect: NoExecute; set it, or remove tolerationSeconds",
            "tolerationSeconds",
            cel="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        ),
    )


class Resources(Spec):
    """What the worker's container asks for, and what it may use."""

    requests: Quantities | None = None
    """What a node must have free, such as `cpu: 2` and `memory: 4Gi`."""
    limits: Quantities | None = None
    """What the container may use at most."""


class Pod(Spec):
    """How a run's pod is scheduled; ignored outside a cluster."""

    image: Annotated[str, Field(max_length=512)] | None = None
    """Image of the worker."""
    queue_name: Name | None = None
    """Kueue queue that admits the Job."""
    node_selector: Annotated[dict[LabelKey, LabelValue], Field(max_length=32), NULL_IS_ABSENT] = Field(
        default_factory=dict
    )
    """Labels that the node must have."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16, strict=False)] = ()
    """Taints that the pod tolerates."""
    resources: Resources | None = None
    """Requests and limits of the worker's container."""

"""Policies for what a CRD cannot see: the labels of a resource's namespace, and who it is that asks.

Each is a ValidatingAdmissionPolicy with its binding (`admissionregistration.k8s.io/v1`, Kubernetes 1.30 or later).
"""

from dataclasses import dataclass
from typing import Any, Protocol

from tidewright.specs.crd import GROUP, VERSION

FLOOR = "tidewright-floor"
"""The ConfigMap of a namespace with the least evidence that a promotion in it needs."""


class Policy(Protocol):
    """Something that an API server refuses."""

    @property
    def name(self) -> str: ...

    def documents(self) -> list[dict[str, Any]]:
        """The policy, and the binding that puts it in force everywhere."""
        ...


@dataclass(frozen=True)
class NeedsLabel:
    """What is refused outside namespaces labelled `tidewright.io/LABEL: allowed`; `asks` is CEL, true of a resource that needs the label."""

    label: str
    resources: tuple[str, ...]
    asks: str
    what: str
    remedy: str

    @property
    def name(self) -> str:
        return self.label

    def documents(self) -> list[dict[str, Any]]:
        return _documents(
            self.name,
            {"apiGroups": [GROUP], "apiVersions": [VERSION], "operations": ["CREATE", "UPDATE"]}
            | {"resources": [*self.resources]},
            {
                # A resource from before the label was taken away can still be deleted: finalizers and labels may change.
                "spec-is-new": "oldObject == null || object.spec != oldObject.spec",
                "needs-the-label": self.asks,
            },
            f"namespaceObject.metadata.?labels[?'{GROUP}/{self.label}'].orValue('') == 'allowed'",
            f'"{self.what} is not allowed in namespace \'" + object.metadata.namespace + "\'; '
            f'{self.remedy}, or have its owner label it {GROUP}/{self.label}=allowed"',
        )


@dataclass(frozen=True)
class NeedsRight:
    """A ConfigMap that is written and deleted only by who may do the same to `resource` of `tidewright.io`, a kind that there is in roles alone.

    The right to all ConfigMaps of a namespace does not include it. Who deletes namespaces with all that is in them may delete any resource, and so this.
    """

    config_map: str
    resource: str

    @property
    def name(self) -> str:
        return self.resource

    def documents(self) -> list[dict[str, Any]]:
        verb = "request.operation.lowerAscii()"
        return _documents(
            self.name,
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE", "DELETE"]}
            | {"resources": ["configmaps"]},
            {"is-it": f"(object == null ? oldObject : object).metadata.name == '{self.config_map}'"},
            f"authorizer.group('{GROUP}').resource('{self.resource}').namespace(request.namespace).check({verb}).allowed()",
            f'"{self.config_map} belongs to the owner of namespace \'" + request.namespace + "\'; ask whoever may " + {verb} + '
            f'" {self.resource}.{GROUP} there, as the role admin may"',
        )


def _documents(
    name: str, rule: dict[str, Any], conditions: dict[str, str], allowed: str, message: str
) -> list[dict[str, Any]]:
    """A policy that refuses what `rule` and all `conditions` are about where `allowed` is not true, and its binding; all of them CEL."""
    metadata = {"name": f"{name}.{GROUP}"}
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": metadata,
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "matchConditions": [{"name": what, "expression": asked} for what, asked in conditions.items()],
                "validations": [{"expression": allowed, "messageExpression": message, "reason": "Forbidden"}],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": metadata,
            "spec": {"policyName": metadata["name"], "validationActions": ["Deny"]},
        },
    ]


POLICIES: tuple[Policy, ...] = (
    NeedsLabel(
        label="live-execution",
        resources=("tradingstrategies",),
        asks="object.spec.?execution.?mode.orValue('') == 'Live'",
        what="spec.execution.mode: Live",
        remedy="use mode: DryRun",
    ),
    NeedsLabel(
        label="source-ref",
        resources=("tradingstrategies", "backtestruns", "optimizationstudies"),
        asks="has(object.spec.source) ? has(object.spec.source.sourceRef) : has(object.spec.strategy) && "
        "has(object.spec.strategy.source) && has(object.spec.strategy.source.sourceRef)",
        what="a sourceRef",
        remedy="use classRef with an image",
    ),
    NeedsRight(config_map=FLOOR, resource="floors"),
)
"""Every policy that comes with the resources."""

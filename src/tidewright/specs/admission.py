"""Policies that hold a resource against the labels of its namespace, which its own CRD cannot see.

Both are a ValidatingAdmissionPolicy with its binding (`admissionregistration.k8s.io/v1`, Kubernetes 1.30 or later).
"""

from dataclasses import dataclass
from typing import Any

from tidewright.specs.crd import GROUP, VERSION


@dataclass(frozen=True)
class Policy:
    """What is refused outside namespaces labelled `tidewright.io/LABEL: allowed`; `asks` is CEL, true of a resource that needs the label."""

    label: str
    resources: tuple[str, ...]
    asks: str
    what: str
    remedy: str

    def documents(self) -> list[dict[str, Any]]:
        """The policy, and the binding that puts it in force everywhere."""
        name = f"{self.label}.{GROUP}"
        return [
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": name},
                "spec": {
                    "failurePolicy": "Fail",
                    "matchConstraints": {
                        "resourceRules": [
                            {
                                "apiGroups": [GROUP],
                                "apiVersions": [VERSION],
                                "operations": ["CREATE", "UPDATE"],
                                "resources": [*self.resources],
                            }
                        ]
                    },
                    "matchConditions": [
                        # A resource from before the label was taken away can still be deleted: finalizers and labels may change.
                        {"name": "spec-is-new", "expression": "oldObject == null || object.spec != oldObject.spec"},
                        {"name": "needs-the-label", "expression": self.asks},
                    ],
                    "validations": [
                        {
                            "expression": f"namespaceObject.metadata.?labels[?'{GROUP}/{self.label}'].orValue('') == 'allowed'",
                            "messageExpression": f'"{self.what} is not allowed in namespace \'" + object.metadata.namespace + "\'; '
                            f'{self.remedy}, or have its owner label it {GROUP}/{self.label}=allowed"',
                            "reason": "Forbidden",
                        }
                    ],
                },
            },
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": {"name": name},
                "spec": {"policyName": name, "validationActions": ["Deny"]},
            },
        ]


POLICIES: tuple[Policy, ...] = (
    Policy(
        label="live-execution",
        resources=("tradingstrategies",),
        asks="object.spec.?execution.?mode.orValue('') == 'Live'",
        what="spec.execution.mode: Live",
        remedy="use mode: DryRun",
    ),
    Policy(
        label="source-ref",
        resources=("tradingstrategies", "backtestruns", "optimizationstudies"),
        asks="has(object.spec.source) ? has(object.spec.source.sourceRef) : has(object.spec.strategy) && "
        "has(object.spec.strategy.source) && has(object.spec.strategy.source.sourceRef)",
        what="a sourceRef",
        remedy="use classRef with an image",
    ),
)
"""Every policy that comes with the resources."""

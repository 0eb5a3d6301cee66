"""The CustomResourceDefinition of a kind, rendered from its model."""

from typing import Any

from tidewright.specs import cel
from tidewright.specs.kinds import Column, Kind
from tidewright.specs.resource import Spec
from tidewright.specs.structural import Schema, structural

GROUP = "tidewright.io"
VERSION = "v1alpha1"
CATEGORY = "tidewright"

_API_VERSION = f"Version of the resource's schema, {GROUP}/{VERSION}."
_ONCE = "cannot be changed once the resource is created, as its result stands for what was asked; create another {kind}"


def crd(kind: Kind) -> dict[str, Any]:
    """The definition that makes an API server know `kind`."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [_printed(column) for column in kind.columns],
                    "subresources": {"status": {}, **_scale(kind)},
                    "schema": {"openAPIV3Schema": _schema(kind)},
                }
            ],
        },
    }


def _schema(kind: Kind) -> Schema:
    spec_model = kind.model.model_fields["spec"].annotation
    assert isinstance(spec_model, type)  # noqa: S101
    assert issubclass(spec_model, Spec)  # noqa: S101
    spec = structural(spec_model.model_json_schema(by_alias=True))
    rules = [*spec.pop("x-kubernetes-validations", ()), *_fixed(kind, spec_model, spec)]
    if rules:
        spec["x-kubernetes-validations"] = rules
    return {
        "type": "object",
        "description": " ".join((kind.model.__doc__ or "").split()),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": _API_VERSION},
            "kind": {"type": "string", "description": f"{kind.name}."},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": structural(_without_defaults(kind.status.model_json_schema(by_alias=True))),
        },
    }


def _fixed(kind: Kind, model: type[Spec], spec: Schema) -> list[cel.Validation]:
    """A transition rule for every field that may not change."""
    if model.may_change is None:
        return []
    fixed = [name for name in spec["properties"] if name not in model.may_change]
    return [cel.validation(_unchanged(name, spec), _ONCE.format(kind=kind.name), name) for name in fixed]


def _unchanged(name: str, spec: Schema) -> str:
    same = f"self.{name} == oldSelf.{name}"
    if name in spec["required"] or "default" in spec["properties"][name]:
        return same
    return f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || {same})"


def _without_defaults(schema: Schema) -> Schema:
    """A status is what the operator writes: the API server must add nothing to it."""
    found = {name: part for name, part in schema.items() if name != "default"}
    for parts in ("properties", "$defs"):
        if parts in found:
            found[parts] = {name: _without_defaults(part) for name, part in found[parts].items()}
    return found


def _printed(column: Column) -> dict[str, Any]:
    printed = {
        "name": column.name,
        "type": column.type,
        "jsonPath": column.path,
        "description": column.description,
    }
    return {**printed, "priority": 1} if column.wide else printed


def _scale(kind: Kind) -> dict[str, Any]:
    if kind.scale is None:
        return {}
    return {
        "scale": {
            "specReplicasPath": kind.scale.wanted,
            "statusReplicasPath": kind.scale.there,
            "labelSelectorPath": kind.scale.selector,
        }
    }

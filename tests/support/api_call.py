"""Requests to the API server by the names that RBAC has for them."""

from collections.abc import Mapping
from dataclasses import dataclass

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class ApiCall:
    """``patch backtestruns/status``, say; what a request does not name is empty. Not of a resource: `resource` is the path."""

    verb: str
    resource: str
    subresource: str = ""
    group: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def writes(self) -> bool:
        return self.verb in WRITES

    def matches(self, **wanted: object) -> bool:
        """Whether the attributes named have the values given."""
        return all(getattr(self, name) == value for name, value in wanted.items())

    @classmethod
    def of(cls, method: str, path: str, query: Mapping[str, str]) -> "ApiCall":
        """As the API server's own RequestInfo reads it."""
        match path.strip("/").split("/"):
            case ["api", _, *rest] if rest:
                group = ""
            case ["apis", group, _, *rest] if rest:
                pass
            case _:
                return cls(method.lower(), path)
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
            namespace, rest = rest[1], rest[2:]
        resource, name, subresource = [*rest, "", ""][:3]
        return cls(_verb(method, query, single=bool(name)), resource, subresource, group, namespace, name)


def _verb(method: str, query: Mapping[str, str], *, single: bool) -> str:
    if query.get("watch") in {"1", "true"}:
        return "watch"
    alone = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    together = {"GET": "list", "DELETE": "deletecollection"}
    return alone[method] if single else together.get(method, alone[method])

"""JSON Schemas of every kind, as a real API server describes them: what kubeconform would else have to download."""

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from chart import tools
from cluster.build import build as servers
from cluster.control_plane import ControlPlane

Schema = dict[str, Any]

LOCATION = "{{ .Group }}/{{ .ResourceAPIVersion }}/{{ .ResourceKind }}.json"
"""Where kubeconform finds a kind below the folder; it takes the version of the core's kinds for their group too."""

CRDS = Path(__file__).parents[2] / "crds"
OF_OTHERS = ("podmonitors", "prometheusrules", "servicemonitors")
PATIENCE = 30.0

_REFERENCE = "#/components/schemas/"


def schemas() -> Path:
    """The folder of the schemas of the API server, with our kinds and those of others that the chart makes objects of.

    Made by a control plane of its own, in five seconds, once a version of it and content of the definitions.
    """
    definitions = [*sorted(CRDS.glob("*.yaml")), *_of_others()]
    key = hashlib.sha256(str(servers().name).encode() + b"".join(path.read_bytes() for path in definitions))
    folder = tools.build() / f"schemas-{key.hexdigest()[:16]}"
    with tools.made_once(folder) as unfinished:
        if unfinished:
            with tempfile.TemporaryDirectory() as home, ControlPlane(servers(), Path(home)) as control_plane:
                _write(_described(control_plane, definitions), unfinished)
    return folder


def _of_others() -> list[Path]:
    return [path for name in OF_OTHERS for path in sorted((tools.build() / "kinds").glob(f"*_{name}.yaml"))]


def _described(control_plane: ControlPlane, definitions: list[Path]) -> list[Schema]:
    """The OpenAPI documents of all groups, once they have what is defined."""
    access = control_plane.access()
    trusted, headers = access.ssl_context(), access.headers
    with httpx.Client(base_url=access.server, verify=trusted, headers=headers, follow_redirects=True) as api:
        for definition in definitions:
            path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
            api.post(path, json=yaml.safe_load(definition.read_text())).raise_for_status()
        deadline = time.monotonic() + PATIENCE
        while True:
            index = api.get("/openapi/v3").raise_for_status().json()["paths"]
            documents = [api.get(entry["serverRelativeURL"]).raise_for_status().json() for entry in index.values()]
            wanted = {yaml.safe_load(definition.read_text())["spec"]["names"]["kind"] for definition in definitions}
            if wanted <= {kind for document in documents for _, kind, _ in _kinds(document)}:
                return documents
            if time.monotonic() > deadline:
                raise RuntimeError(f"the API server does not describe {', '.join(sorted(wanted))}")
            time.sleep(0.2)


def _write(documents: list[Schema], folder: Path) -> None:
    for document in documents:
        for version, kind, name in _kinds(document):
            path = folder / version.split("/")[0] / version.split("/")[-1] / f"{kind.lower()}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(standalone(document["components"]["schemas"], name)))


def _kinds(document: Schema) -> Iterator[tuple[str, str, str]]:
    """API version, kind and name of each schema that is of one kind."""
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        match schema.get("x-kubernetes-group-version-kind", ()):
            case [{"group": group, "version": version, "kind": kind}]:
                yield f"{group}/{version}" if group else version, kind, name


def standalone(described: dict[str, Schema], name: str) -> Schema:
    """The schema of this name with all that it refers to; objects take no fields but their own."""
    found: dict[str, Schema] = {}
    missing = {name}
    while missing:
        one = missing.pop()
        found[one] = closed(described[one])
        missing |= set(_references(described[one])) - found.keys()
    return {"$ref": f"#/$defs/{name}", "$defs": found}


def closed(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """The schema with references among `$defs`, and objects that refuse unknown fields, where they do not ask to keep them."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(part) for key, part in schema.items()}
    if isinstance(found.get("$ref"), str):
        found["$ref"] = found["$ref"].replace(_REFERENCE, "#/$defs/")
    fields = isinstance(schema.get("properties"), dict) and isinstance(schema.get("type"), str)
    if fields and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found


def _references(schema: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(schema, list):
        for part in schema:
            yield from _references(part)
    elif isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(_REFERENCE)
        for part in schema.values():
            yield from _references(part)

"""What the values of a chart are, from the comments in its `values.yaml`: their JSON Schema, and their table in the README.

A value is described by the comment above it, which begins with ``# --``; a line ``# @schema {...}`` adds what the default alone does not tell. With ``# @schema {like: PATH}``
a value takes what the one at the path takes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


class Undescribed(Exception):
    """A value has no description; the message names it."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value that may be set, or a mapping of such."""

    name: str
    default: Any
    description: str = ""
    bounds: Schema = field(default_factory=dict)
    parts: tuple["Value", ...] = ()

    def schema(self) -> Schema:
        if self.parts:
            return closed(self.parts)
        described = {"description": self.description, "type": TYPES[type(self.default)], "default": self.default}
        return described | self.bounds


def _resolved(values: tuple[Value, ...], whole: tuple[Value, ...]) -> tuple[Value, ...]:
    """The values, with those of which it is said that they are like another as schemas of their own."""
    return tuple(
        replace(value, bounds=_like(value.bounds["like"], whole))
        if "like" in value.bounds
        else replace(value, parts=_resolved(value.parts, whole))
        for value in values
    )


def _like(path: str, whole: tuple[Value, ...]) -> Schema:
    """What the values at the path take; their defaults are those of the values there."""
    found = whole
    for name in path.split("."):
        found = next(value.parts for value in found if value.name == name)
    return _without_defaults(closed(found))


def _without_defaults(schema: Schema) -> Schema:
    inner = {name: _without_defaults(part) for name, part in schema.get("properties", {}).items()}
    kept = {key: part for key, part in schema.items() if key not in {"default", "properties"}}
    return kept | ({"properties": inner} if inner else {})


def closed(values: tuple[Value, ...], **more: Schema) -> Schema:
    """A mapping that takes these values and no others."""
    properties = {value.name: value.schema() for value in values}
    return {"type": "object", "additionalProperties": False, "properties": properties | more}


def read(path: Path) -> tuple[Value, ...]:
    """The values of a file, in its order.

    Raises:
        Undescribed: one of them has no description.
    """
    text = path.read_text(encoding="utf-8")
    found = tuple(_values(yaml.compose(text), text.splitlines(), ""))
    return _resolved(found, found)


def _values(node: yaml.Node | None, lines: list[str], above: str) -> Iterator[Value]:
    if not isinstance(node, yaml.MappingNode):
        raise Undescribed(f"{above or 'the file'} has neither a description nor values of its own")
    for key, value in node.value:
        default = yaml.safe_load(yaml.serialize(value))
        description, bounds = _comment(lines, key.start_mark.line)
        path = f"{above}.{key.value}" if above else key.value
        if description:
            yield Value(key.value, default, description, bounds)
        elif not value.value:
            raise Undescribed(f"{path} has no description: write a comment above it that begins with '# --'")
        else:
            yield Value(key.value, default, parts=tuple(_values(value, lines, path)))


def _comment(lines: list[str], line: int) -> tuple[str, Schema]:
    """Description and bounds, of the comment that ends above the line."""
    words: list[str] = []
    bounds: Schema = {}
    for text in reversed(lines[:line]):
        comment = text.strip()
        if comment.startswith("# @schema "):
            bounds = yaml.safe_load(comment.removeprefix("# @schema ")) | bounds
        elif comment.startswith("# -- "):
            return " ".join([comment.removeprefix("# -- "), *words]), bounds
        elif comment.startswith("# "):
            words.insert(0, comment.removeprefix("# "))
        else:
            break
    return "", bounds


def schema_of_part(values: tuple[Value, ...], of_whole: tuple[Value, ...]) -> str:
    """``values.schema.json`` of a part; Helm adds what the umbrella has under the part's name, and what is global, to what a part is given."""
    return _json(closed((*of_whole, *values), **{"global": {"type": "object"}}))


def schema_of_whole(values: tuple[Value, ...], parts: list[str]) -> str:
    """``values.schema.json`` of the umbrella, which leaves the values of each part to the part's own schema, and takes what is global to others."""
    found = closed(values)
    for part in ("global", *parts):
        del found["properties"][part]["additionalProperties"]
    return _json(found)


def _json(schema: Schema) -> str:
    return json.dumps({"$schema": DIALECT, **schema}, indent=2) + "\n"


def table(values: tuple[Value, ...], prefix: str) -> str:
    """The values as rows of Markdown."""
    head = "| Value | Default | |\n|---|---|---|\n"
    return head + "".join(
        f"| `{path}` | `{json.dumps(value.default)}` | {_told(value)} |\n" for path, value in _leaves(values, prefix)
    )


def _told(value: Value) -> str:
    allowed = f" One of {', '.join(f'`{one}`' for one in value.bounds['enum'])}." if "enum" in value.bounds else ""
    return (value.description + allowed).replace("|", "\\|")


def _leaves(values: tuple[Value, ...], prefix: str) -> Iterator[tuple[str, Value]]:
    for value in values:
        path = f"{prefix}.{value.name}" if prefix else value.name
        if value.parts:
            yield from _leaves(value.parts, path)
        else:
            yield path, value

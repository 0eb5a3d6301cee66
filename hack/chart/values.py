"""What the values of a chart are, from the comments in its `values.yaml`: their JSON Schema, and their table in the README.

A value is described by the comment above it, which begins with ``# --``; a line ``# @schema {...}`` adds what the default alone does not tell.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
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
    return tuple(_values(yaml.compose(text), text.splitlines(), ""))


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


def schema_of_part(values: tuple[Value, ...]) -> str:
    """``values.schema.json`` of a part; Helm adds its switch and what is global to what a part is given."""
    return _json(closed(values, enabled={"type": "boolean"}, **{"global": {"type": "object"}}))


def schema_of_whole(values: tuple[Value, ...], parts: list[str]) -> str:
    """``values.schema.json`` of the umbrella, which leaves the values of each part to the part's own schema."""
    found = closed(values, **{"global": {"type": "object"}})
    for part in parts:
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

"""What is wrong with a manifest, in words: where, which field, which value, and what to write instead."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol, TypeAlias, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Path: TypeAlias = tuple[str | int, ...]

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping of fields",
    "float_type": "a number",
    "int_type": "a whole number",
    "is_instance_of": "a mapping of fields",
    "list_type": "a list",
    "model_attributes_type": "a mapping of fields",
    "model_type": "a mapping of fields",
    "string_type": "a string",
    "tuple_type": "a list",
}
_FOUND = {
    bool: "a truth value",
    dict: "a mapping",
    float: "a number with a point",
    int: "a whole number",
    list: "a list",
    str: "a string",
    type(None): "nothing",
}


@dataclass(frozen=True)
class Problem:
    """One thing to mend in one field of one file."""

    file: str
    line: int
    path: Path
    message: str
    value: object = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file else ""
        name = field_name(self.path)
        shown = "" if self.value is None else f" {shorten(self.value)}:"
        return f"{where}{name + ':' if name else ''}{shown} {self.message}".replace("  ", " ")

    def record(self) -> dict[str, Any]:
        """The problem as JSON values."""
        return {
            "file": self.file,
            "line": self.line,
            "field": field_name(self.path),
            "value": None if self.value is None else shorten(self.value),
            "message": self.message,
        }


class Located(Protocol):
    """A document that can say where a field is written."""

    def problem(self, path: Path, message: str, value: object = None) -> Problem: ...


def field_name(path: Path) -> str:
    """``spec.risk.roi[0].after`` for a path."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def shorten(value: object) -> str:
    """A value as it may stand in a message of one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the known word nearest to `word`, or nothing."""
    words = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f" (did you mean {words[near[0]]!r}?)" if near else ""


def explain(error: ValidationError, model: type[BaseModel], document: Located) -> Iterator[Problem]:
    """Every problem of a failed validation, in the words of a manifest's author.

    Of a field that allows several types (a number or a string) only one problem is reported.
    """
    seen: set[tuple[Path, str]] = set()
    for details in error.errors(include_url=False):
        path, owner = _walk(model, details["loc"])
        value = details.get("input")
        for message in _messages(details, owner):
            if (path, message) not in seen:
                seen.add((path, message))
                yield document.problem(path, message, value if isinstance(value, str | int | float | bool) else None)


def _messages(details: ErrorDetails, owner: type[BaseModel] | None) -> list[str]:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        known = _field_aliases(owner) if owner else {}
        return [f"unknown field{nearest(str(details['loc'][-1]), known)}; known here: {', '.join(known)}"]
    if kind == "missing":
        description = _description(owner, str(details["loc"][-1]))
        return [f"missing, but required{': ' + description if description else ''}"]
    if kind == "literal_error":
        expected = str(context["expected"])
        return [f"not one of {expected}{nearest(str(details['input']), _quoted(expected))}"]
    if kind == "value_error":
        return str(context["error"]).split("\n")
    if kind in _EXPECTED:
        found = _FOUND.get(type(details["input"]), "something else")
        return [f"expected {_EXPECTED[kind]}, found {found}"]
    return [str(details["msg"]).replace("Input should", "must").replace("String should", "must")]


def _walk(model: type[BaseModel], location: tuple[str | int, ...]) -> tuple[Path, type[BaseModel] | None]:
    """The field's path without pydantic's own markers, and the model that owns its last part."""
    path: list[str | int] = []
    owner: type[BaseModel] | None = model
    current: Any = model
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            owner = current
            field = _field_aliases(current).get(str(part))
            path.append(part)
            current = _inner(field.annotation) if field else None
        elif isinstance(part, int) or current is dict:
            path.append(part)
        # Any other part names the branch of a union that was tried, not a field.
    return tuple(path), owner


def _inner(annotation: object) -> type[BaseModel] | type[dict[str, object]] | None:
    """The model inside ``Model | None``, ``tuple[Model, ...]`` or ``Annotated[...]``; dict for mappings; else None."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation if issubclass(annotation, BaseModel | dict) else None
    if getattr(annotation, "__origin__", None) is dict:
        return dict
    return next((inner for inner in map(_inner, get_args(annotation)) if inner), None)


def _field_aliases(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _description(owner: type[BaseModel] | None, name: str) -> str:
    field = _field_aliases(owner).get(name) if owner else None
    return (field.description or "").split("\n")[0] if field else ""


def _quoted(text: str) -> list[str]:
    return [word.strip("' ") for word in text.replace(" or ", ",").split(",")]

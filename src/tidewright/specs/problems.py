"""What is wrong with a manifest, in words: where, which field, which value, and what to write instead."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Protocol, TypeAlias, Union, get_args, get_origin

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
    """One thing to mend in one field of one file; `missing_data` where it mends itself once there are data that are not there now."""

    file: str
    line: int
    path: Path
    message: str
    value: object = None
    missing_data: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        shown = "" if self.value is None else shorten(self.value)
        return ": ".join(part for part in (where, field_name(self.path), shown, self.message) if part)

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
    text = repr(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the known word nearest to `word`, or nothing."""
    words = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f" (did you mean {words[near[0]]!r}?)" if near else ""


def explain(error: ValidationError, model: type[BaseModel], document: Located) -> Iterator[Problem]:
    """Every problem of a failed validation, in the words of a manifest's author."""
    details = error.errors(include_url=False)
    deeper = {item["loc"][:depth] for item in details for depth in range(len(item["loc"]))}
    for item in details:
        if item["type"] == "too_short" and item["loc"] in deeper:
            continue  # a list counts as short because its items are wrong
        path, owner = _walk(model, item["loc"])
        value = item.get("input")
        scalar = value if isinstance(value, str | int | float | bool) else None
        yield document.problem(path, _message(item, owner), scalar)


def _message(details: ErrorDetails, owner: type[BaseModel] | None) -> str:
    context, value, name = details.get("ctx", {}), details["input"], str(details["loc"][-1]) if details["loc"] else ""
    match details["type"]:
        case "extra_forbidden":
            known = _field_aliases(owner) if owner else {}
            message = f"unknown field{nearest(name, known)}; known here: {', '.join(known)}"
        case "missing":
            message = ": ".join(filter(None, ("missing, but required", _description(owner, name))))
        case "literal_error":
            message = _not_one_of(str(context["expected"]), value)
        case "value_error":
            message = str(context["error"])
        case "float_type" if isinstance(value, int) and not isinstance(value, bool):
            message = "too large"
        case "too_short":
            message = f"must have {context['min_length']} or more items; it has {context['actual_length']}"
        case "too_long":
            message = f"must have at most {context['max_length']} items; it has {context['actual_length'] or 'more'}"
        case kind if kind in _EXPECTED:
            found = _FOUND.get(type(value), "something else")
            message = f"expected {_EXPECTED[kind]}, found {found}{_remedy(kind, value)}"
        case _:
            message = str(details["msg"]).replace("Input should", "must").replace("String should", "must")
    return message


def _not_one_of(expected: str, value: object) -> str:
    words = [word.strip("' ") for word in expected.replace(" or ", ",").split(",")]
    if len(words) == 1:
        return f"must be {expected}"
    return f"not one of {expected}{nearest(str(value), words)}"


def _remedy(kind: str, value: object) -> str:
    """What makes a scalar of the wrong type a right one."""
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if kind in {"float_type", "int_type"} and isinstance(value, str) and value.strip().replace(".", "", 1).isdigit():
        return "; remove the quotes"
    return ""


def _walk(model: type[BaseModel], location: tuple[str | int, ...]) -> tuple[Path, type[BaseModel] | None]:
    """The field's path without pydantic's own markers, and the model that owns its last part."""
    path: list[str | int] = []
    owner: type[BaseModel] | None = None
    current: Any = model
    for part in location:
        current = _bare(current)
        origin, of = get_origin(current), get_args(current)
        if origin is dict and part != "[key]":
            current = of[1]
        elif origin is tuple and isinstance(part, int):
            current = of[0]
        elif isinstance(current, type) and issubclass(current, BaseModel):
            owner = current
            field = _field_aliases(current).get(str(part))
            current = field.annotation if field else None
        else:  # the branch of a union that was tried, or the mark of a mapping's key
            continue
        path.append(part)
    return tuple(path), owner


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - annotations have no type
    """The annotation without ``Annotated`` and ``None``."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    branches = [branch for branch in get_args(annotation) if branch is not type(None)]
    if get_origin(annotation) in {Union, UnionType} and len(branches) == 1:
        return _bare(branches[0])
    return annotation


def _field_aliases(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _description(owner: type[BaseModel] | None, name: str) -> str:
    field = _field_aliases(owner).get(name) if owner else None
    return (field.description or "").split("\n")[0] if field else ""

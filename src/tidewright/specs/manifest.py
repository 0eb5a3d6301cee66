"""Manifests: YAML text into resources, with every problem located by file, line and field.

The one module that imports the YAML library. YAML's own dates are read as strings, as kubectl does; a key written twice is a problem, never a
silent loss.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, TypeAlias

import yaml
from pydantic import ValidationError

from tidewright.specs.problems import Path, Problem, explain, nearest, shorten
from tidewright.specs.resource import Spec


class _Models(Mapping[str, type[Spec]]):
    """The model of each kind, imported when it is asked for: to make all of them takes longer than a backtest."""

    _HOMES: ClassVar = {
        "TradingStrategy": "trading_strategy",
        "BacktestRun": "backtest_run",
        "OptimizationStudy": "optimization_study",
        "RLTraining": "rl_training",
    }

    def __getitem__(self, kind: str) -> type[Spec]:
        model: type[Spec] = getattr(import_module(f"tidewright.specs.{self._HOMES[kind]}"), kind)
        return model

    def __iter__(self) -> Iterator[str]:
        return iter(self._HOMES)

    def __len__(self) -> int:
        return len(self._HOMES)


RESOURCES: Mapping[str, type[Spec]] = _Models()
"""The kinds that this version knows, as `tidewright.specs.kinds` has them."""

API_VERSION = "tidewright.io/v1alpha1"

_MOST_CHARACTERS = 1_000_000
_MOST_NODES = 100_000
_MERGE = "tag:yaml.org,2002:merge"

Value: TypeAlias = Any
"""A JSON value: what YAML's mappings, sequences and scalars become."""


@dataclass(frozen=True)
class Document:
    """One YAML document: its value, and the line (from 1) of every field in it."""

    file: str
    value: Value
    lines: dict[Path, int] = field(repr=False)

    def line(self, path: Path) -> int:
        """The line of the field at `path`, or of the nearest field around it that is written down."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: Path, message: str, value: object = None) -> Problem:
        """A problem at `path` of this document."""
        return Problem(self.file, self.line(path), path, message, value)


@dataclass
class Manifest:
    """The resources of some files, by kind and name, and everything that is wrong with them."""

    resources: dict[tuple[str, str], tuple[Spec, Document]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def of_kind(self, kind: str) -> Iterator[tuple[str, Spec, Document]]:
        """Name, resource and document of every resource of `kind`, in the order read."""
        for (its_kind, name), (resource, document) in self.resources.items():
            if its_kind == kind:
                yield name, resource, document

    def names(self, kind: str) -> list[str]:
        return [name for name, _, _ in self.of_kind(kind)]

    def read(self, file: str, text: str) -> None:
        """Add the resources of `text`; what is wrong with it is added to `problems`."""
        for document in documents(file, text, self.problems):
            if document.value is not None:
                self.add(document)

    def add(self, document: Document) -> None:
        """Add the resource that `document` is; what is wrong with it is added to `problems`."""
        value = document.value
        if not isinstance(value, dict) or "kind" not in value:
            self.problems.append(document.problem((), "not a resource; it needs apiVersion, kind, metadata and spec"))
            return
        kind = value["kind"]
        if not isinstance(kind, str) or kind not in RESOURCES:
            message = f"unknown kind{nearest(str(kind), RESOURCES)}; this version knows {', '.join(RESOURCES)}"
            self.problems.append(document.problem(("kind",), message, kind))
            return
        try:
            resource = RESOURCES[kind].model_validate(value)
        except ValidationError as error:
            self.problems.extend(explain(error, RESOURCES[kind], document))
            return
        name = value["metadata"]["name"]
        if (kind, name) in self.resources:
            _, earlier = self.resources[kind, name]
            where = f"{earlier.file}:{earlier.line(('metadata', 'name'))}"
            self.problems.append(
                document.problem(("metadata", "name"), f"a {kind} of this name is already at {where}; rename one", name)
            )
            return
        self.resources[kind, name] = (resource, document)


def as_yaml(values: Iterable[Value]) -> str:
    """The text of a file with one document a value, fields in their order."""
    return str(yaml.dump_all(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=140))


def documents(file: str, text: str, problems: list[Problem]) -> Iterator[Document]:
    """The documents of a YAML text; where it cannot be read, that becomes a problem and ends the text."""
    if len(text) > _MOST_CHARACTERS:
        message = f"larger than {_MOST_CHARACTERS:,} characters; a manifest is a few kilobytes"
        problems.append(Problem(file, 1, (), message))
        return
    loader = None
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                reader = _Reader(file, loader, problems)
                yield Document(file, reader.value(node, ()), reader.lines)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.append(Problem(file, line, (), f"not YAML: the character U+{error.character:04X} cannot stand in it"))
    except yaml.MarkedYAMLError as error:
        problems.append(_not_yaml(file, error))
    except RecursionError:
        problems.append(
            Problem(file, loader.line + 1 if loader else 1, (), "nested too deeply; an alias may be its own part")
        )


def _not_yaml(file: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = error.problem or error.context or "it cannot be read"
    began = f" ({error.context} from line {error.context_mark.line + 1})" if error.context_mark else ""
    remedy = "; indent with spaces, not tabs" if "'\\t'" in what else ""
    return Problem(file, mark.line + 1 if mark else 1, (), f"not YAML: {what}{began}{remedy}")


class _Dumper(yaml.SafeDumper):
    """YAML without anchors: what is said twice is written twice."""

    def ignore_aliases(self, data: Value) -> bool:
        return True


class _Loader(yaml.SafeLoader):
    """YAML with dates as strings, and with ``1e6`` as a number, as in JSON."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def _as_json(scalar: Value) -> Value:
    """A number without a fraction is a whole number: ``2.0`` reaches a cluster as ``2``, which is how kubectl sends it."""
    whole = isinstance(scalar, float) and scalar.is_integer() and abs(scalar) <= 2**53
    return int(scalar) if whole else scalar


class _Reader:
    """Turns the nodes of one document into values, noting the line of each."""

    def __init__(self, file: str, loader: _Loader, problems: list[Problem]) -> None:
        self.file = file
        self.loader = loader
        self.problems = problems
        self.lines: dict[Path, int] = {}
        self.nodes = 0

    def value(self, node: yaml.Node, path: Path) -> Value:
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise yaml.constructor.ConstructorError(
                None, None, "too many values; aliases may be nested", node.start_mark
            )
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        try:
            return _as_json(self.loader.construct_object(node))
        except ValueError:
            raise yaml.constructor.ConstructorError(
                None, None, f"{shorten(node.value)} cannot be read as a number; put it in quotes", node.start_mark
            ) from None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Value]:
        mapping: dict[str, Value] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _MERGE:
                message = "a key must be a plain word; write the fields of a merge (<<) out"
                self.problems.append(Problem(self.file, line, path, message))
                continue
            key = key_node.value
            inner = (*path, key)
            if key in mapping:
                message = f"written twice, first on line {self.lines[inner]}; remove one"
                self.problems.append(Problem(self.file, line, inner, message))
                continue
            self.lines[inner] = line
            mapping[key] = self.value(value_node, inner)
        return mapping

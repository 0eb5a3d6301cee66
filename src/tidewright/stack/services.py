"""The services that are installed, and the environment that each is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from string import Formatter

from tidewright.serving.local_service import GROUP, LocalService

PREFIX = "TIDEWRIGHT_"


class StackRefused(ValueError):
    """The services cannot be started as they were asked for; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a service listens."""

    rest: int
    grpc: int


@dataclass(frozen=True, slots=True)
class Installed:
    """Services by name, in the order of their numbers, and why others cannot be started."""

    services: Mapping[str, LocalService]
    broken: Mapping[str, str] = field(default_factory=dict)


def installed() -> Installed:
    """What the entry points name."""
    found, broken = {}, {}
    for entry in entry_points(group=GROUP):
        try:
            service = entry.load()
        except (ImportError, AttributeError) as error:
            broken[entry.name] = f"{entry.value} cannot be loaded: {error}; install it again"
            continue
        if isinstance(service, LocalService):
            found[entry.name] = service
        else:
            broken[entry.name] = f"{entry.value} is no LocalService; see docs/services.md, On one machine"
    return Installed(dict(sorted(found.items(), key=lambda item: item[1].number)), broken)


def asked_for(service: LocalService, outside: Mapping[str, str]) -> set[str]:
    """The names in braces in what a service needs or takes, and that the environment outside does not say."""
    both = {**service.takes, **service.needs}
    return {found for name, text in both.items() if f"{PREFIX}{name}" not in outside for found in _names(text)}


def lacking(service: LocalService, known: Mapping[str, str], outside: Mapping[str, str]) -> list[str]:
    """The names in braces that a service cannot do without, and that nobody knows."""
    unset = [text for name, text in service.needs.items() if f"{PREFIX}{name}" not in outside]
    return sorted({name for text in unset for name in _names(text)} - known.keys())


def environment_of(
    service: LocalService, known: Mapping[str, str], outside: Mapping[str, str], host: str, ports: Ports
) -> dict[str, str]:
    """The environment of its process: the one `outside`, and what that does not say of what the service needs and takes."""
    told = {
        f"{PREFIX}{name}": text.format_map(known)
        for name, text in (*service.needs.items(), *service.takes.items())
        if set(_names(text)) <= known.keys()
    }
    listening = {"HOST": host, "REST_PORT": str(ports.rest), "GRPC_PORT": str(ports.grpc)}
    ports_told = {f"{PREFIX}{name}": text for name, text in listening.items()}
    return {"PYTHONUNBUFFERED": "1", **told, **outside, **ports_told}


def _names(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name]

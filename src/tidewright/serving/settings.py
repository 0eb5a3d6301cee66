"""Settings of a service, from the environment; the one module that imports pydantic-settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "TIDEWRIGHT_"

Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class SettingsRefused(ValueError):
    """Settings that cannot be used; the message has a line for each, with the variable, its value and the remedy."""


class ServingSettings(BaseSettings):
    """What every service can be told; each field is the environment variable of its name, in capitals after ``TIDEWRIGHT_``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, use_attribute_docstrings=True)

    host: str = "0.0.0.0"  # noqa: S104 - a container's only interface
    """Address to listen on."""
    rest_port: Port | None = None
    """Port of REST, health and metrics; by default 8000 and the service's number. 0: any that is free."""
    grpc_port: Port | None = None
    """Port of gRPC; by default 9000 and the service's number. 0: any that is free."""
    tls: Path | None = None
    """Folder with `tls.crt` and `tls.key`, as a Secret is mounted; with `ca.crt` beside them, clients must show a certificate too."""
    max_body: Annotated[int, Field(ge=1_024, le=1 << 30)] = 4 << 20
    """Largest request in bytes."""
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Requests that are worked on at a time."""
    queue: Annotated[int, Field(ge=0, le=100_000)] = 256
    """Requests that wait for their turn; those beyond are refused."""
    open_streams: Annotated[int, Field(ge=0, le=100_000)] = 256
    """Streams that are open at a time; those beyond are refused."""
    request_timeout: Annotated[float, Field(gt=0, le=3_600)] = 30.0
    """Seconds after which a request is given up, waiting included; a gRPC client's own deadline may be sooner."""
    drain: Seconds = 0.0
    """Seconds to go on serving after SIGTERM while reporting not to be ready, until nobody sends requests here any more."""
    grace: Seconds = 20.0
    """Seconds that requests in progress are given after that."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe lines that are logged; probes are logged at DEBUG."""


Settings = TypeVar("Settings", bound=ServingSettings)


def settings_of(kind: type[Settings]) -> Settings:
    """The settings that the environment gives. Raises SettingsRefused."""
    try:
        return kind()
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = f"{PREFIX}{'_'.join(map(str, problem['loc'])).upper()}"
            given = "" if problem["type"] == "missing" else f" {str(problem['input'])[:80]!r}:"
            lines.append(f"{name}:{given} {problem['msg']}")
        raise SettingsRefused("\n".join(lines)) from None


@contextmanager
def setting(name: str, refusal: type[Exception]) -> Iterator[None]:
    """Whatever is refused in here is the fault of one variable, ``STREAMS`` say. Raises SettingsRefused, which names it."""
    try:
        yield
    except refusal as error:
        raise SettingsRefused(f"{PREFIX}{name}: {error}") from None


def described(kind: type[ServingSettings]) -> str:
    """Every variable, its default and what it means, a paragraph each."""
    paragraphs = []
    for name, field in kind.model_fields.items():
        default = "required" if field.is_required() else f"default {field.default}"
        paragraphs.append(f"{PREFIX}{name.upper()} ({default})\n    {' '.join((field.description or '').split())}")
    return "\n".join(paragraphs)

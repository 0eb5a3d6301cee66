"""Logs: one line of JSON an event, with the request's id; the one module that imports structlog."""

import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

_WELL_FORMED = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def logger() -> FilteringBoundLogger:
    """Events are named in a few words, and what varies goes into fields: ``logger().info("anchor stored", symbol=symbol)``."""
    bound: FilteringBoundLogger = structlog.get_logger()
    return bound


def configure(service: str, level: str, stream: TextIO) -> None:
    """Write what this process logs, its libraries included, to `stream`."""

    def named(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        first = ("time", "level", "event")
        return {name: event.pop(name) for name in first} | {"service": service, **event}

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        named,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logging.captureWarnings(capture=True)


def request_id(given: str | None) -> str:
    """The caller's own id, where it has one that can stand in a log and a header; else a new one."""
    return given if given and _WELL_FORMED.fullmatch(given) else secrets.token_hex(8)


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """Everything that is logged within, by this task and those that it starts, has these fields."""
    with structlog.contextvars.bound_contextvars(**fields):
        yield

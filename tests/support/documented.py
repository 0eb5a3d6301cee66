"""Requests that schemathesis draws from a service's OpenAPI document, sound and not: none may be answered with anything but what the document says."""

from contextlib import suppress

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS


def probe(address: str, examples: int, left_out: frozenset[str] = frozenset()) -> int:
    """Ask every operation so many times in each manner; how many operations there are."""
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    checks = [check for check in CHECKS.get_all() if check.__name__ not in left_out]
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations:
        for mode in GenerationMode:
            _draw(operation.as_strategy(generation_mode=mode), checks, address, examples)
    return len(operations)


def _draw(strategy, checks, address, examples):
    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @hypothesis.given(strategy)
    def asks(case):
        case.call_and_validate(base_url=address, checks=checks, timeout=60)

    with suppress(Unsatisfiable):  # an operation without arguments cannot be asked unsoundly
        asks()

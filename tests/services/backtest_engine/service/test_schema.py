"""Requests drawn from the service's own OpenAPI document: whatever they are, the answer is one that the document describes."""

import warnings

import pytest

with warnings.catch_warnings():  # what it imports warns of its own
    warnings.simplefilter("ignore")
    import schemathesis

from documented import probe
from hypothesis import HealthCheck, Phase, given, settings

LEFT_OUT = frozenset({"positive_data_acceptance"})
"""A strategy, a market or a run that is well formed and that nobody knows is refused."""


@pytest.fixture(scope="module")
def operations(service):
    schema = schemathesis.openapi.from_dict(service.rest.get("/openapi.json").json())
    schema.config.update(base_url=str(service.rest.base_url))
    return [result.ok() for result in schema.get_all_operations()]


def test_no_request_gets_an_answer_that_is_not_described(service, operations):
    assert len(operations) > 10
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        def hold(case):
            answer = case.call(timeout=30)
            case.validate_response(
                answer, excluded_checks=[schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
            )
            assert answer.status_code < 500

        hold()


@pytest.mark.soak
def test_nor_does_one_of_many_requests_sound_and_not(service):
    assert probe(str(service.rest.base_url), examples=100, left_out=LEFT_OUT) > 10

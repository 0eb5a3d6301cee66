"""One vocabulary of failures for both protocols."""

import grpc
import pytest

from tidewright.serving.failures import Failure, Kind


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_status_in_both_protocols(kind):
    assert 400 <= kind.http < 600
    assert isinstance(getattr(grpc.StatusCode, kind.grpc), grpc.StatusCode)


def test_a_failure_tells_its_detail():
    assert str(Failure(Kind.BUSY, "try again later")) == "try again later"

"""A line of JSON an event, whoever logs it."""

import io
import json
import logging

import pytest
import structlog

from tidewright.serving import logs


@pytest.fixture
def lines():
    """What has been logged since the last look, by a service of level INFO."""
    root = logging.root.handlers[:], logging.root.level
    stream = io.StringIO()
    logs.configure("toy", "INFO", stream)

    def look():
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return [json.loads(line) for line in text.splitlines()]

    yield look
    logging.root.handlers[:], logging.root.level = root
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def test_an_event_has_its_fields_and_where_it_is_from(lines):
    logs.logger().info("anchor stored", symbol="BTC/USDT", bars=30)
    (entry,) = lines()
    assert list(entry) == ["time", "level", "event", "service", "symbol", "bars"]
    assert (entry["event"], entry["service"], entry["symbol"], entry["bars"]) == (
        "anchor stored",
        "toy",
        "BTC/USDT",
        30,
    )


def test_what_is_less_severe_is_left_out(lines):
    logs.logger().debug("nobody asked")
    assert lines() == []


def test_all_that_is_logged_within_a_request_has_its_id(lines):
    with logs.bound(request_id="r1"):
        logs.logger().info("within")
        logging.getLogger("some.library").warning("within %s", "it")
    logs.logger().info("after")
    within, library, after = lines()
    assert within["request_id"] == library["request_id"] == "r1"
    assert library["event"] == "within it"
    assert "request_id" not in after


@pytest.mark.parametrize("given", ["r1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a" * 128])
def test_a_callers_id_is_kept(given):
    assert logs.request_id(given) == given


@pytest.mark.parametrize("given", [None, "", "a b", "a\nb", '"', "a" * 129, "é"])
def test_an_id_that_could_not_stand_in_a_header_is_replaced(given):
    assert logs.request_id(given) != given
    assert len(logs.request_id(given)) == 16

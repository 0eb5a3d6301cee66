"""Which services there are, and the environment of each."""

from importlib.metadata import EntryPoint

import pytest

from tidewright.serving.local_service import GROUP, LocalService
from tidewright.stack import services
from tidewright.stack.services import Ports, asked_for, environment_of, installed, lacking

VALIDATOR = LocalService(
    "validator", 2, needs={"STREAMS": "{streams}", "ARCHIVE": "{database}"}, takes={"EXCHANGE": "http://{exchange}/api"}
)
KNOWN = {"streams": "redis://h", "database": "postgresql://h", "folder": "/f"}
PORTS = Ports(8_002, 9_002)


def test_it_is_told_what_it_needs_and_where_to_listen():
    assert environment_of(VALIDATOR, KNOWN, {"PATH": "/bin"}, "127.0.0.1", PORTS) == {
        "PATH": "/bin",
        "PYTHONUNBUFFERED": "1",
        "TIDEWRIGHT_STREAMS": "redis://h",
        "TIDEWRIGHT_ARCHIVE": "postgresql://h",
        "TIDEWRIGHT_HOST": "127.0.0.1",
        "TIDEWRIGHT_REST_PORT": "8002",
        "TIDEWRIGHT_GRPC_PORT": "9002",
    }


def test_what_it_takes_is_told_where_it_is_there():
    told = environment_of(VALIDATOR, KNOWN | {"exchange": "127.0.0.1:5"}, {}, "127.0.0.1", PORTS)
    assert told["TIDEWRIGHT_EXCHANGE"] == "http://127.0.0.1:5/api"


def test_the_environment_outside_holds_but_for_the_ports():
    outside = {"TIDEWRIGHT_STREAMS": "redis://mine", "TIDEWRIGHT_REST_PORT": "1"}
    told = environment_of(VALIDATOR, KNOWN, outside, "127.0.0.1", PORTS)
    assert (told["TIDEWRIGHT_STREAMS"], told["TIDEWRIGHT_REST_PORT"]) == ("redis://mine", "8002")


def test_what_is_lacking_is_named_unless_the_environment_outside_has_it():
    assert asked_for(VALIDATOR, {}) == {"streams", "database", "exchange"}
    assert asked_for(VALIDATOR, {"TIDEWRIGHT_ARCHIVE": ""}) == {"streams", "exchange"}
    assert lacking(VALIDATOR, KNOWN, {}) == []
    assert lacking(VALIDATOR, {"streams": "redis://h"}, {}) == ["database"]
    assert lacking(VALIDATOR, {"streams": "redis://h"}, {"TIDEWRIGHT_ARCHIVE": "postgresql://mine"}) == []


def test_the_signal_service_is_installed_with_the_library():
    signals = installed().services["signals"]
    assert (signals.module, signals.number) == ("tidewright.signals", 11)
    assert lacking(signals, KNOWN, {}) == ["strategy"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("nobody.local:LOCAL", "nobody.local:LOCAL cannot be loaded: No module named 'nobody'; install it again"),
        (
            "tidewright.stack:LOCAL",
            "tidewright.stack:LOCAL cannot be loaded: module 'tidewright.stack' has no attribute",
        ),
        ("tidewright.stack", "tidewright.stack is no LocalService; see docs/services.md"),
    ],
)
def test_one_that_cannot_be_loaded_does_not_hinder_the_others(monkeypatch, value, why):
    good = EntryPoint("signals", "tidewright.signals.local:LOCAL", GROUP)
    monkeypatch.setattr(services, "entry_points", lambda group: [EntryPoint("broken", value, group), good])
    found = installed()
    assert list(found.services) == ["signals"]
    assert found.broken["broken"].startswith(why)

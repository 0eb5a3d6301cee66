"""Which version of a strategy is served."""

import pytest

from tidewright_operator.kinds.signal_service import deployment
from tidewright_operator.kinds.strategy_version import (
    Version,
    served_version,
    service_name,
    strategy_config_map,
    version_in,
    version_of,
    version_to_serve,
)
from tidewright_operator.settings import Settings

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
MANUAL, AUTO = {"exchange": "kraken"}, {"exchange": "kraken", "updates": "Auto"}


def strategy(name="ma-cross", execution=None, restart=None, running=None):
    return {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "TradingStrategy",
        "metadata": {
            "name": name,
            "namespace": "research",
            "uid": "1234",
            **({"annotations": {"tidewright.io/restart": restart}} if restart else {}),
        },
        "spec": {**({"execution": execution} if execution else {})},
        "status": {"runningDigest": running} if running else {},
    }


def config_map(digest=NEW, exchange="kraken", **snapshot):
    return strategy_config_map(strategy(), snapshot, digest, exchange)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ma-cross", "signals-ma-cross"),
        ("2024", "signals-2024"),
        ("a.b", "signals-a-b-"),
        ("x" * 253, "signals-" + "x" * 46 + "-"),
    ],
)
def test_a_service_is_found_by_the_name_of_its_strategy(name, expected):
    found = service_name(strategy(name))

    assert found.startswith(expected)
    assert len(found) <= 63
    assert "." not in found


def test_two_strategies_never_share_a_service():
    names = ["a.b", "a-b", "a.b.", "x" * 60, "x" * 61]

    assert len({service_name(strategy(name)) for name in names}) == len(names)


def test_another_content_is_in_another_config_map():
    first = config_map(parameters={"fast": 10})

    assert first == config_map(parameters={"fast": 10})
    assert first["immutable"]
    names = [one["metadata"]["name"] for one in (first, config_map(parameters={"fast": 11}), config_map(digest=OLD))]
    assert len(set(names)) == 3
    assert all(len(name) <= 63 for name in names)


def test_a_deployment_says_what_it_serves():
    version = Version(OLD, "signals-ma-cross-1", "okx", "7")

    assert version_in(deployment(strategy(), version, {}, Settings())) == version


@pytest.mark.parametrize("lost", ["tidewright.io/strategy-digest", "tidewright.io/exchange"])
def test_a_deployment_that_has_lost_it_says_nothing(lost):
    found = deployment(strategy(), Version(OLD, "map", "okx"), {}, Settings())
    del found["spec"]["template"]["metadata"]["annotations"][lost]

    assert version_in(found) is None


def test_without_a_deployment_the_version_that_was_served_is_found_by_its_digest():
    kept = [config_map(NEW), config_map(OLD)]
    expected = version_of(kept[1])._replace(restart="7")

    assert served_version(strategy(restart="7", running=OLD), None, kept) == expected
    assert served_version(strategy(running="sha256:gone"), None, kept) is None
    assert served_version(strategy(), None, kept) is None


SERVED = Version(OLD, "map", "kraken", None)


@pytest.mark.parametrize(
    ("execution", "restart", "waits"),
    [(None, None, False), (AUTO, None, False), (MANUAL, None, True), (MANUAL, "1", False)],
    ids=["no execution", "Auto", "Manual", "Manual with a restart"],
)
def test_a_change_waits_under_manual_updates_alone(execution, restart, waits):
    written = config_map(NEW)
    expected = SERVED if waits else version_of(written)._replace(restart=restart)

    assert version_to_serve(strategy(execution=execution, restart=restart), written, SERVED) == expected


def test_another_exchange_waits_as_another_strategy_does():
    assert version_to_serve(strategy(execution=MANUAL), config_map(OLD, "okx"), SERVED) == SERVED


def test_the_same_strategy_written_otherwise_does_not_wait():
    written = config_map(OLD)

    assert version_to_serve(strategy(execution=MANUAL), written, SERVED) == version_of(written)


def test_the_first_version_does_not_wait():
    written = config_map(NEW)

    assert version_to_serve(strategy(execution=MANUAL), written, None) == version_of(written)


def test_an_unusable_strategy_leaves_what_is_served():
    assert version_to_serve(strategy(), None, SERVED) == SERVED
    assert version_to_serve(strategy(), None, None) is None

"""What the operator is told by its environment."""

from importlib.metadata import version

import pytest

from tidewright_operator.settings import Settings


def test_without_an_environment_there_are_defaults():
    assert Settings.read({}) == Settings()


def test_the_workers_are_of_the_operators_own_version():
    assert Settings().worker_image == f"tidewright/backtest-engine:{version('tidewright-operator')}"
    assert Settings().study_image == f"tidewright/optuna-optimizer:{version('tidewright-operator')}"


def test_every_setting_has_a_variable():
    read = Settings.read(
        {
            "TIDEWRIGHT_NAMESPACES": "research, team-a,,",
            "TIDEWRIGHT_WORKER_IMAGE": "registry/tidewright:1",
            "TIDEWRIGHT_WORKERS": "3",
            "TIDEWRIGHT_RESYNC_SECONDS": "1.5",
            "TIDEWRIGHT_LEASE_NAMESPACE": "system",
            "PATH": "/bin",
        }
    )

    assert read.namespaces == ("research", "team-a")
    assert read.worker_image == "registry/tidewright:1"
    assert (read.workers, read.resync_seconds) == (3, 1.5)
    assert read.lease_namespace == "system"


@pytest.mark.parametrize("name", ["WORKERS", "RESYNC_SECONDS", "HEALTH_PORT", "METRICS_PORT"])
@pytest.mark.parametrize("text", ["many", ""])
def test_what_is_no_number_is_refused_by_name(name, text):
    with pytest.raises(ValueError, match=f"TIDEWRIGHT_{name} is '{text}'; write a .*number"):
        Settings.read({f"TIDEWRIGHT_{name}": text})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("WORKERS", "0"),
        ("RESYNC_SECONDS", "0"),
        ("RESYNC_SECONDS", "nan"),
        ("RESYNC_SECONDS", "-1"),
        ("HEALTH_PORT", "-1"),
        ("METRICS_PORT", "70000"),
    ],
)
def test_a_number_with_which_nothing_would_work_is_refused(name, text):
    with pytest.raises(ValueError, match=f"TIDEWRIGHT_{name} is '{text}'; write"):
        Settings.read({f"TIDEWRIGHT_{name}": text})

"""Settings come from the environment; what cannot be used is told at once, by the variable's name."""

from pathlib import Path

import pytest
from pydantic import Field

from tidewright.serving.settings import ServingSettings, SettingsRefused, described, setting, settings_of


class Settings(ServingSettings):
    strategy: Path
    """File of the strategy."""
    pace: float = Field(default=1.0, gt=0)
    """Seconds a bar."""


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("TIDEWRIGHT_STRATEGY", "/etc/strategy.yaml")
    monkeypatch.setenv("TIDEWRIGHT_REST_PORT", "0")
    settings = settings_of(Settings)
    assert (settings.strategy, settings.rest_port, settings.grpc_port) == (Path("/etc/strategy.yaml"), 0, None)


def test_every_setting_that_cannot_be_used_is_named(monkeypatch):
    monkeypatch.setenv("TIDEWRIGHT_PACE", "-1")
    monkeypatch.setenv("TIDEWRIGHT_GRPC_PORT", "many")
    with pytest.raises(SettingsRefused) as refused:
        settings_of(Settings)
    assert str(refused.value).splitlines() == [
        "TIDEWRIGHT_GRPC_PORT: 'many': Input should be a valid integer, unable to parse string as an integer",
        "TIDEWRIGHT_STRATEGY: Field required",
        "TIDEWRIGHT_PACE: '-1': Input should be greater than 0",
    ]


def test_every_setting_is_described():
    text = described(Settings)
    assert "TIDEWRIGHT_STRATEGY (required)\n    File of the strategy." in text
    assert "TIDEWRIGHT_GRACE (default 20.0)\n    Seconds that requests in progress" in text
    assert all(field.description for field in Settings.model_fields.values())


def test_what_is_refused_of_a_variable_is_told_with_its_name():
    with pytest.raises(SettingsRefused, match=r"^TIDEWRIGHT_STREAMS: no$"), setting("STREAMS", ValueError):
        raise ValueError("no")
    with pytest.raises(OSError, match="else"), setting("STREAMS", ValueError):
        raise OSError("something else")

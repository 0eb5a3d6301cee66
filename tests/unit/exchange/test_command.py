import pytest
from click.testing import CliRunner

from tidewright.exchange.command import exchange


def test_the_help_teaches_by_examples_and_names_every_fault():
    from tidewright.exchange.faults import FAULTS  # noqa: PLC0415

    text = CliRunner().invoke(exchange, ["--help"]).output
    assert "tidewright exchange --replay" in text
    for name in FAULTS:
        assert name in text


@pytest.mark.parametrize(
    ("value", "plan"),
    [
        ("drop=0.25", {"drop": {"rate": 0.25}}),
        ("drop@30s,2m", {"drop": {"at": [30_000, 120_000]}}),
        ("silence=0.5,seconds=9", {"silence": {"rate": 0.5, "seconds": 9.0}}),
        ("http-429@1m,seconds=2", {"http-429": {"at": [60_000], "seconds": 2.0}}),
    ],
)
def test_faults_are_written_by_rate_or_by_time(value, plan):
    (option,) = [parameter for parameter in exchange.params if parameter.name == "faults"]
    assert option.callback(None, option, (value,)) == plan


def test_rate_and_times_of_one_fault_add_up():
    (option,) = [parameter for parameter in exchange.params if parameter.name == "faults"]
    assert option.callback(None, option, ("drop=0.1", "drop@1s", "drop@2s")) == {
        "drop": {"rate": 0.1, "at": [1_000, 2_000]}
    }

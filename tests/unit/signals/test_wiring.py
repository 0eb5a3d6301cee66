"""A service is put together from a strategy's file and its settings, or refused with what to write instead."""

import pytest

from tidewright.domain.bars import Market
from tidewright.runs.refusal import InputRefused
from tidewright.serving.metrics import Metrics
from tidewright.serving.settings import SettingsRefused
from tidewright.signals.__main__ import main
from tidewright.signals.settings import SignalSettings
from tidewright.signals.wiring import chosen_strategy, signal_service

STRATEGY = """
apiVersion: tidewright.io/v1alpha1
kind: TradingStrategy
metadata: {{name: {name}}}
spec:
  source: {{builtin: MovingAverageCross}}
  symbols: [BTC/USDT, ETH/USDT]
  timeframe: 1h
  {more}
"""


@pytest.fixture
def file(tmp_path):
    def written(*names, more=""):
        path = tmp_path / "strategy.yaml"
        path.write_text("---".join(STRATEGY.format(name=name, more=more) for name in names))
        return path

    return written


def test_the_only_strategy_of_a_file_is_served(file):
    chosen = chosen_strategy(file("ma-cross"), exchange="binance")
    assert chosen.name == "ma-cross"
    assert chosen.markets == (Market("binance", "BTC/USDT", "1h"), Market("binance", "ETH/USDT", "1h"))


def test_one_of_several_is_served_by_its_name(file):
    assert chosen_strategy(file("a", "b"), "b", "binance").name == "b"


def test_the_exchange_is_that_of_the_execution(file):
    chosen = chosen_strategy(file("ma-cross", more="execution: {exchange: kraken}"))
    assert chosen.markets[0].exchange == "kraken"


def test_the_digest_is_that_of_a_backtest_of_the_same_strategy(file):
    more = "execution: {exchange: kraken}"
    assert chosen_strategy(file("a", more=more)).strategy.digest == chosen_strategy(file("b"), "", "x").strategy.digest


@pytest.mark.parametrize(
    ("names", "name", "exchange", "told"),
    [
        (("a", "b"), "", "binance", "several TradingStrategies, there are a, b; set TIDEWRIGHT_NAME to one of them"),
        (("ma-cross",), "ma-cros", "binance", "no TradingStrategy of the name 'ma-cros' .did you mean 'ma-cross'"),
        (("ma-cross",), "", "", "no exchange to read the bars of; set TIDEWRIGHT_EXCHANGE, or add execution.exchange"),
    ],
)
def test_what_is_not_clear_is_refused(file, names, name, exchange, told):
    with pytest.raises(InputRefused, match=told):
        chosen_strategy(file(*names), name, exchange)


def test_what_is_wrong_with_the_manifest_is_told_with_its_line(file):
    with pytest.raises(InputRefused, match=r"strategy\.yaml:9: spec\.promotoin"):
        chosen_strategy(file("ma-cross", more="promotoin: {}"), "", "binance")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputRefused, match=r"nowhere\.yaml: cannot be read"):
        chosen_strategy(tmp_path / "nowhere.yaml")


def test_a_time_that_is_none_is_refused(file, tmp_path):
    settings = SignalSettings(strategy=file("a"), exchange="simulated", anchor=tmp_path, start="soon")
    with pytest.raises(SettingsRefused, match="TIDEWRIGHT_START: 'soon': not a time"):
        signal_service(settings, Metrics())


def test_the_service_has_its_number_and_its_title(file, tmp_path):
    settings = SignalSettings(strategy=file("ma-cross"), exchange="simulated", anchor=tmp_path)
    service = signal_service(settings, Metrics())
    assert (service.number, service.title) == (11, "Signals of ma-cross")
    assert [servicer.name for servicer in service.servicers] == ["tidewright.v1.SignalService"]


class TestCommand:
    def test_what_is_refused_is_told_and_ends_with_2(self, monkeypatch, capsys, tmp_path):
        monkeypatch.setenv("TIDEWRIGHT_STRATEGY", str(tmp_path / "nowhere.yaml"))
        monkeypatch.setenv("TIDEWRIGHT_ANCHOR", str(tmp_path))
        assert main([]) == 2
        assert "nowhere.yaml: cannot be read" in capsys.readouterr().err

    def test_settings_that_are_missing_are_named(self, monkeypatch, capsys):
        monkeypatch.delenv("TIDEWRIGHT_STRATEGY", raising=False)
        monkeypatch.delenv("TIDEWRIGHT_ANCHOR", raising=False)
        assert main([]) == 2
        assert capsys.readouterr().err == "TIDEWRIGHT_STRATEGY: Field required\nTIDEWRIGHT_ANCHOR: Field required\n"

    def test_help_lists_every_setting(self, capsys):
        assert main(["--help"]) == 0
        told = capsys.readouterr().out
        assert all(f"TIDEWRIGHT_{name.upper()}" in told for name in SignalSettings.model_fields)

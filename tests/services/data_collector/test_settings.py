"""What the process is told by its environment."""

import pytest

from data_collector.__main__ import main
from data_collector.symbol_file import SymbolFile, SymbolFileDamaged


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SYMBOLS", "bitcoin"),
        ("SYMBOLS", "BTC/USDT:USDT"),
        ("TIMEFRAMES", "1w"),
        ("STREAMS", "ftp://x"),
        ("ROOM", "1"),
        ("START", "later"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_with_their_names(monkeypatch, capsys, name, value):
    monkeypatch.setenv(f"TIDEWRIGHT_{name}", value)
    assert main([]) == 2
    told = capsys.readouterr().err
    assert value.partition(":")[0] in told
    assert f"TIDEWRIGHT_{name}: " in told


def test_help_lists_every_setting(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(
        f"TIDEWRIGHT_{name}" in told for name in ("SYMBOLS", "STATE", "EXCHANGE_URL", "ROOM", "QUIET", "RENEWAL")
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"symbols": "BTC/USDT"}', '{"symbols": [1]}'])
def test_a_damaged_file_of_symbols_is_refused_with_the_remedy(tmp_path, text):
    (tmp_path / "symbols.json").write_text(text)
    with pytest.raises(SymbolFileDamaged, match="mend it, or remove it"):
        SymbolFile(tmp_path / "symbols.json").read()

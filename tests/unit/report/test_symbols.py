import numpy as np
import pytest

from tidewright.report import symbols


def test_an_account_with_one_symbol_has_nothing_to_say_of_several(document, equity):
    assert symbols.traded(equity) == symbols.weightiest(equity, 5) == []
    assert symbols.contributions(document) == symbols.correlations(document, equity) == []
    assert symbols.sources(document) == (["Digest"], [])


def test_the_weightiest_moved_the_account_most_and_keep_their_order(portfolio):
    _, equity, _ = portfolio
    assert symbols.traded(equity) == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
    equity["gain:ETH/USDT"][-1] = -1e9
    equity["gain:BTC/USDT"][-1] = 1e8
    assert symbols.weightiest(equity, 2) == ["BTC/USDT", "ETH/USDT"]
    assert symbols.weightiest(equity, 1) == ["ETH/USDT"]


def test_contributions_begin_with_the_largest_gain_and_end_with_all_of_them(portfolio):
    document, *_ = portfolio
    for one, gain in zip(document["symbols"], (-10.0, 30.0, 20.0), strict=True):
        one |= {"gain": gain, "contribution": gain / 10_000}
    rows = symbols.contributions(document)
    assert [(row.symbol, row.sign) for row in rows] == [
        ("ETH/USDT", "gain"),
        ("SOL/USDT", "gain"),
        ("BTC/USDT", "loss"),
        ("All", "gain"),
    ]
    assert rows[0].cells == ("+30.00", "+0.30%", "20.00", "10.0%", "1", "–", "4", "2024-01-01", "2024-07-19")
    assert rows[1].cells[-2:] == ("2024-01-21", "2024-06-15, delisted")
    assert rows[-1].cells[:2] == ("+2,500.00", "+25.0%")
    assert rows[-1].cells[6] == "12"
    assert len(symbols.headings(document)) == len(rows[0].cells)


def test_correlations_are_by_symbol_and_what_is_undefined_is_a_dash(portfolio):
    document, equity, _ = portfolio
    (name, short, cells), *_ = symbols.correlations(document, equity)
    assert (name, short) == ("BTC/USDT", "BTC")
    assert [(cell.text, cell.heat, cell.sign) for cell in cells] == [
        ("–", 0.0, ""),
        ("0.80", 0.8, "gain"),
        ("–", 0.0, ""),
    ]
    assert symbols.correlations(document, equity)[1][2][2].sign == "loss"


def test_of_many_symbols_the_correlations_of_the_weightiest_are_shown(portfolio, monkeypatch):
    document, equity, _ = portfolio
    monkeypatch.setattr(symbols, "CORRELATED", 2)
    equity["gain:BTC/USDT"][-1] = 0.0
    rows = symbols.correlations(document, equity)
    assert [name for name, *_ in rows] == ["ETH/USDT", "SOL/USDT"]
    assert [[cell.text for cell in cells] for *_, cells in rows] == [["–", "−0.25"], ["−0.25", "–"]]


def test_symbols_with_the_same_name_in_short_keep_the_whole_one(portfolio):
    document, equity, _ = portfolio
    renamed = {"ETH/USDT": "BTC/USDT:USDT"}
    data = document["provenance"]["data"]["symbols"]
    document["provenance"]["data"]["symbols"] = {renamed.get(name, name): one for name, one in data.items()}
    table = {name.replace("ETH/USDT", "BTC/USDT:USDT"): column for name, column in equity.items()}
    assert [short for _, short, _ in symbols.correlations(document, table)] == ["BTC/USDT", "BTC/USDT:USDT", "SOL"]


@pytest.mark.parametrize(("funding", "headings"), [(None, []), ({"count": 300}, ["Funding rates"])])
def test_sources_tell_of_funding_where_there_is_any(portfolio, funding, headings):
    document, *_ = portfolio
    document["provenance"]["data"]["symbols"]["ETH/USDT"]["funding"] = funding
    found, rows = symbols.sources(document)
    assert found == ["Bars", "Warm-up bars", *headings, "Digest"]
    assert dict(rows)["BTC/USDT"] == ["4,800", "30", *(["–"] if headings else []), "sha256:0"]


def test_a_record_without_its_parts_has_dashes(portfolio):
    document, equity, _ = portfolio
    bare = {"symbols": [{"symbol": "BTC/USDT"}], "correlation": [[None]]}
    assert symbols.contributions(bare)[0].cells == ("–",) * 9
    assert symbols.correlations(bare, equity) == []
    assert np.isfinite(equity["gain:BTC/USDT"]).all()
    assert document["correlation"][0][2] is None

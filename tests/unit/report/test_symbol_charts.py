import json

import numpy as np
import pytest

from tidewright.report import charts, symbol_charts


def drawn(portfolio, name):
    document, equity, trades = portfolio
    return charts.figure(name, equity, trades, document)


def lines(option):
    return {
        line["name"]: option["dataset"]["source"][line["encode"]["y"]] for line in option["series"] if "encode" in line
    }


@pytest.mark.parametrize("name", charts.PORTFOLIO_FIGURES)
def test_every_figure_is_plain_json_without_nan_and_describes_itself(portfolio, name):
    document, equity, trades = portfolio
    table = equity | {"funding": np.zeros(len(equity["time"]))}
    option = charts.figure(name, table, trades, document)
    assert json.loads(json.dumps(option, allow_nan=False)) == option
    assert option["aria"]["label"]["description"].endswith(".")


@pytest.mark.parametrize("name", charts.PORTFOLIO_FIGURES)
def test_an_account_without_bars_and_trades_draws_nothing(portfolio, name):
    _, equity, _ = portfolio
    assert charts.figure(name, {column: values[:0] for column, values in equity.items()}, {}) is None


def test_an_account_with_one_symbol_has_no_figures_of_several(equity, trades):
    with pytest.raises(ValueError, match="there is no figure 'contribution'"):
        charts.figure("contribution", equity, trades)


class TestContribution:
    def test_the_symbols_add_up_to_the_account(self, portfolio):
        found = lines(drawn(portfolio, "contribution"))
        assert list(found) == ["BTC/USDT", "ETH/USDT", "SOL/USDT", "All"]
        together = np.sum([found[name] for name in list(found)[:-1]], axis=0)
        np.testing.assert_allclose(together, found["All"], atol=2e-4)
        assert found["All"][-1] == pytest.approx(portfolio[1]["equity"][-1] / 10_000 - 1, rel=1e-3)

    def test_the_symbols_that_moved_it_least_are_drawn_together(self, portfolio, monkeypatch):
        monkeypatch.setattr(symbol_charts, "DRAWN", 1)
        found = lines(drawn(portfolio, "contribution"))
        assert len(found) == 3
        assert "2 others" in found


class TestExposure:
    def test_is_the_value_of_each_position_as_a_share_of_equity(self, portfolio):
        found = lines(drawn(portfolio, "exposure"))
        assert found["BTC/USDT"][5] == pytest.approx(0.2)
        assert found["ETH/USDT"][8] == pytest.approx(-0.3)
        assert found["SOL/USDT"][50] == pytest.approx(0.4)
        assert found["SOL/USDT"][0] == 0.0

    def test_counts_the_open_positions(self, portfolio):
        found = lines(drawn(portfolio, "exposure"))["Open positions"]
        assert (found[0], found[5], found[7], found[50], found[-1]) == (0, 1, 2, 1, 0)

    def test_long_and_short_together_are_drawn_where_there_are_shorts(self, portfolio):
        assert lines(drawn(portfolio, "exposure"))["Long and short"][11] == pytest.approx(0.3)
        portfolio[1]["holding:ETH/USDT"] = np.abs(portfolio[1]["holding:ETH/USDT"])
        assert "Long and short" not in lines(drawn(portfolio, "exposure"))

    def test_limits_that_are_set_are_marked_but_for_those_out_of_sight(self, portfolio):
        option = drawn(portfolio, "exposure")
        upper, lower = (
            [mark["label"]["formatter"] for mark in option["series"][index]["markLine"]["data"]] for index in (0, -1)
        )
        assert upper == ["At most 60% in all"]
        assert lower == ["At most 2 at a time"]
        assert option["yAxis"][0]["max"] >= 0.6

    def test_an_account_of_nothing_has_no_exposure(self, portfolio):
        portfolio[1]["equity"][100:200] = 0.0
        assert lines(drawn(portfolio, "exposure"))["BTC/USDT"][5] == 0.0


class TestPrice:
    def test_is_first_that_of_the_symbol_that_moved_the_account_most(self, portfolio):
        portfolio[1]["gain:ETH/USDT"][-1] = -1e9
        assert symbol_charts.offered(portfolio[1]) == ["ETH/USDT", "BTC/USDT", "SOL/USDT"]
        assert drawn(portfolio, "trades")["aria"]["label"]["description"].startswith("Price of ETH/USDT with")

    def test_has_the_symbols_own_trades_alone(self, portfolio):
        document, equity, trades = portfolio
        option = symbol_charts.on_price_of("ETH/USDT", equity, trades, document)
        marked = [point for one in option["series"] if one["type"] == "scatter" for point in one["data"]]
        assert {point[0] for point in marked} == {int(trades["entryTime"][1]), int(trades["exitTime"][1])}

    def test_is_from_the_listing_to_the_delisting(self, portfolio):
        document, equity, trades = portfolio
        time = symbol_charts.on_price_of("SOL/USDT", equity, trades, document)["dataset"]["source"]["time"]
        assert (time[0], time[-1]) == (equity["time"][480], equity["time"][3_999])

    def test_of_many_symbols_is_thinned_so_that_all_fit_in_a_page(self, portfolio, monkeypatch):
        document, equity, trades = portfolio
        monkeypatch.setattr(symbol_charts, "_PRICE_POINTS", 300)
        time = symbol_charts.on_price_of("BTC/USDT", equity, trades, document)["dataset"]["source"]["time"]
        assert len(time) < 110

import json

import numpy as np
import pytest

from tidewright.report import charts


@pytest.mark.parametrize("name", charts.FIGURES)
def test_every_figure_is_plain_json_without_nan(name, equity, trades):
    option = charts.figure(name, equity, trades, {"spec": {"broker": {"cash": 10_000}}})
    assert json.loads(json.dumps(option, allow_nan=False)) == option


@pytest.mark.parametrize("name", charts.FIGURES)
def test_a_run_without_bars_and_trades_draws_nothing(name):
    assert charts.figure(name, {"time": np.empty(0, np.int64)}, {}) is None


def test_every_figure_describes_itself_to_a_screen_reader(equity, trades):
    for name in charts.FIGURES:
        assert charts.figure(name, equity, trades)["aria"]["label"]["description"].endswith(".")


def test_an_unknown_figure_is_refused(equity, trades):
    with pytest.raises(ValueError, match="no figure 'candles'; choose one of equity, rolling, exposure"):
        charts.figure("candles", equity, trades)


def test_the_account_is_thinned_but_keeps_its_extremes(equity, trades):
    drawn = charts.figure("equity", equity, trades)["dataset"]["source"]
    assert len(drawn["time"]) < len(equity["time"])
    assert len(drawn["time"]) == len(drawn["equity"]) == len(drawn["benchmarkDrawdown"])
    assert max(drawn["equity"]) == pytest.approx(equity["equity"].max())
    assert min(drawn["benchmark"]) == pytest.approx(equity["benchmark"].min())


def test_rolling_figures_need_their_window(equity, trades):
    short = {name: column[: 80 * 24] for name, column in equity.items()}
    assert charts.figure("rolling", short, trades) is None
    assert charts.figure("rolling", equity, trades) is not None


def test_exposure_is_the_positions_share_of_the_account(equity, trades):
    drawn = charts.figure("exposure", equity, trades)["dataset"]["source"]["exposure"]
    assert drawn == pytest.approx([0.5] * len(drawn))


def test_funding_is_added_up_and_drawn_only_where_there_is_any(equity, trades):
    drawn = charts.figure("funding", equity, trades)["dataset"]["source"]
    assert (drawn["funding"][0], drawn["funding"][-1]) == (0.0, 150.0)
    assert len(drawn["time"]) < len(equity["time"])
    without = {name: column for name, column in equity.items() if name != "funding"}
    assert charts.figure("funding", without, trades) is None


class TestTradesOnThePrice:
    def test_columns_at_the_price_are_drawn_on_it_others_below_and_conditions_not_at_all(self, equity, trades):
        lines = [s for s in charts.figure("trades", equity, trades)["series"] if s["type"] == "line"]
        assert [(line["name"], line["yAxisIndex"]) for line in lines] == [("Close", 0), ("average", 0), ("rsi", 1)]

    def test_every_trade_has_an_entry_and_an_exit(self, equity, trades):
        markers = {
            s["name"]: s["data"] for s in charts.figure("trades", equity, trades)["series"] if s["type"] == "scatter"
        }
        assert {name: len(data) for name, data in markers.items()} == {
            "Long entry": 2, "Short entry": 1, "Exit with profit": 1, "Exit with loss": 2,
        }  # fmt: skip
        assert markers["Exit with profit"] == [[trades["exitTime"][0], 42_000.0, 0.048, 480.0, 10, "Signal"]]

    def test_the_price_line_passes_through_every_marked_bar(self, equity, trades):
        drawn = charts.figure("trades", equity, trades)["dataset"]["source"]["time"]
        assert {*trades["entryTime"].tolist(), *trades["exitTime"].tolist()} <= set(drawn)

    def test_of_many_trades_those_with_the_largest_results_are_drawn(self, equity, trades):
        many = {name: np.tile(column, 300) for name, column in trades.items()}
        scatter = [s for s in charts.figure("trades", equity, many)["series"] if s["type"] == "scatter"]
        entries = [s for s in scatter if "entry" in s["name"]]
        assert sum(len(s["data"]) for s in entries) == 500
        assert [s["name"] for s in entries] == ["Long entry"]

    def test_a_run_that_never_trades_still_shows_the_price(self, equity):
        assert {s["type"] for s in charts.figure("trades", equity, {})["series"]} == {"line"}


def test_the_distribution_marks_mean_and_median(equity, trades):
    marks = charts.figure("results", equity, trades)["series"][0]["markLine"]["data"]
    assert [mark["label"]["formatter"] for mark in marks] == ["Mean −0.05%", "Median 0.0%"]

import pytest

from tidewright_operator.floor import Costs, Floor


def test_a_floor_is_read_from_the_text_of_a_config_map():
    floor = Floor.read(
        {
            "backtest.minSharpe": "0.5",
            "backtest.maxDrawdown": "30%",
            "backtest.minTrades": " 20\n",
            "backtest.minPeriod": "365d",
            "study.maxPbo": "40%",
            "dryRun.minPeriod": "14d",
            "costs.commission": "0.1%",
        }
    )

    assert floor.backtest.record() == {"minSharpe": 0.5, "maxDrawdown": "30%", "minTrades": 20, "minPeriod": "365d"}
    assert floor.study.max_pbo == "40%"
    assert floor.dry_run.min_period == "14d"
    assert floor.costs == Costs(commission="0.1%", slippage="0%")


def test_an_empty_config_map_is_no_floor():
    assert Floor.read({}) == Floor()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"backtest.minSharp": "1"}, r"backtest.minSharp: 1: unknown field \(did you mean 'minSharpe'\?\)"),
        ({"minSharpe": "1"}, "minSharpe: '1': unknown field; known here: backtest, study, dryRun, costs"),
        ({"backtest.minSharpe": "nan"}, "backtest.minSharpe: nan: must be a finite number"),
        ({"backtest.minSharpe": "a lot"}, "backtest.minSharpe: 'a lot': expected a number"),
        ({"backtest.minTrades": "2.5"}, "backtest.minTrades: 2.5: expected a whole number"),
        ({"backtest.maxDrawdown": "0.3"}, "backtest.maxDrawdown: 0.3: a ratio is written as a percent string"),
        ({"costs.commission": "200%"}, "costs.commission: '200%': out of range"),
        ({"backtest": "strict", "backtest.minSharpe": "1"}, "backtest: 'strict': expected a mapping"),
        ({"backtest.minSharpe": "1", "backtest": "strict"}, "backtest: 'strict': expected a mapping"),
    ],
)
def test_a_floor_that_cannot_be_read_is_none_to_go_without(data, message):
    with pytest.raises(ValueError, match=message):
        Floor.read(data)

import numpy as np
import pytest

from tidewright.domain.timeframe import DAY
from tidewright.runs.contenders import Contender, distinct_names, incomparable, moment


def contender(name="a", symbol="BTC/USDT", equity=(100.0, 110.0, 120.0), first=0, simulated=False, symbols=None):
    record = {
        "spec": {"strategy": {"symbols": symbols or [symbol]}, "broker": {"cash": 100}},
        "provenance": {"data": {"symbol": symbol, "timeframe": "1d", "simulated": simulated}},
    }
    time = first + DAY * np.arange(len(equity), dtype=np.int64)
    return Contender(name, f"{name}/result.json", record, {"time": time, "equity": np.array(equity)}, {})


def told(*contenders):
    return [str(problem) for problem in incomparable(contenders)]


def test_runs_on_one_kind_of_data_in_one_currency_at_one_time_are_comparable():
    assert told(contender("a"), contender("b", symbol="ETH/USDT", first=DAY)) == []


def test_accounts_in_different_currencies_are_refused():
    assert told(contender("a"), contender("b", symbol="ETH/BTC")) == [
        "the accounts are kept in different currencies (a: USDT, b: BTC); compare runs with one quote currency"
    ]


def test_a_perpetual_is_kept_in_the_currency_that_it_is_quoted_in():
    assert contender(symbol="BTC/USDT:USDT").quotes == {"USDT"}


def test_a_portfolio_has_the_currency_of_all_its_symbols():
    assert contender(symbols=["BTC/USDT", "ETH/USDT"]).quotes == {"USDT"}


def test_made_up_and_real_prices_are_refused():
    assert told(contender("a"), contender("b", simulated=True)) == [
        "simulated and real prices have no day in common (a: real, b: simulated); compare runs on one kind of data"
    ]


def test_runs_that_never_meet_are_refused():
    assert told(contender("a"), contender("b", first=3 * DAY)) == [
        "the runs have no period in common (a: 1970-01-01 to 1970-01-04, b: 1970-01-04 to 1970-01-07); run them over the same one"
    ]


def test_a_run_without_history_is_refused_by_its_file():
    assert told(contender("a"), contender("b", equity=())) == [
        "b/result.json: the run has no account history; run it again"
    ]


def test_an_account_that_was_ruined_before_the_others_began_is_refused():
    (message,) = told(contender("a", equity=(50.0, 0.0, 0.0, 0.0)), contender("b", first=2 * DAY))
    assert message.startswith("a/result.json: nothing is left of the account at 1970-01-03")


def test_everything_that_stands_in_the_way_is_told_at_once():
    assert len(told(contender("a"), contender("b", symbol="ETH/BTC", simulated=True, first=9 * DAY))) == 3


@pytest.mark.parametrize("part", [("spec", "broker"), ("provenance", "data"), ("spec", "strategy")])
def test_a_record_that_is_not_whole_is_found_out(part):
    spoilt = contender()
    spoilt.record[part[0]][part[1]] = {}
    with pytest.raises(KeyError):
        spoilt.check()


def test_names_that_are_distinct_stay():
    assert distinct_names(["a", "b"], [["x"], ["y"]]) == ["a", "b"]


def test_the_same_name_takes_as_much_of_its_folder_as_tells_it_apart():
    folders = [("runs", "new", "out"), ("runs", "old", "out"), ("elsewhere",)]
    assert distinct_names(["demo", "demo", "other"], folders) == ["demo (new/out)", "demo (old/out)", "other"]
    assert distinct_names(["demo", "demo"], [("a",), ("b",)]) == ["demo (a)", "demo (b)"]


def test_midnight_is_a_date():
    assert (moment(DAY), moment(DAY + 3_600_000)) == ("1970-01-02", "1970-01-02T01:00:00Z")

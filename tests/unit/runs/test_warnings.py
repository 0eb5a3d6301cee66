from dataclasses import replace

import numpy as np
import pytest

from tidewright.runs.backtest import run_backtest
from tidewright.runs.warnings import warnings_of


def rules(text):
    return [("builtin: MovingAverageCross", f"rules: {{{text}}}"), ("{fast: 5, slow: 20}", "{}")]


@pytest.fixture
def reasons(make_bars, make_store, planned):
    """The warnings of a run by reason."""

    def reasons(*edits, bars=None, simulated=False):
        store = make_store(bars or make_bars(), simulated=simulated)
        return dict(warnings_of(run_backtest(planned(*edits), store)))

    return reasons


def test_a_short_run_with_enough_trades_is_only_too_short(reasons):
    assert reasons().keys() - {"OpenAtEnd"} == {"ShortPeriod"}


def test_simulated_bars_are_said_to_be_so_first(reasons):
    told = reasons(simulated=True)
    assert next(iter(told)) == "SimulatedData"


def test_a_strategy_that_never_asks_for_an_entry(reasons):
    told = reasons(*rules("enter: close < 0, exit: close < 0"))
    assert told["NeverTraded"] == "The strategy never traded: it never asked for an entry."


def test_a_strategy_that_asks_only_before_its_warm_up(reasons):
    told = reasons(*rules("enter: close < 0 or sma(1000) < 0 and close > 0, exit: close < 0"))
    assert "NeverTraded" in told


def test_a_strategy_that_asks_to_enter_and_to_exit_in_one_breath(reasons):
    told = reasons(*rules("enter: close > 0, exit: close > 0"))
    assert told["NeverTraded"] == (
        "The strategy never traded: every entry came before the end of its warm-up or together with an exit, or could not be paid for."
    )


def test_few_trades_and_a_position_left_open(reasons):
    told = reasons(*rules("enter: close > 0, exit: close < 0"))
    assert told["FewTrades"].startswith("0 closed trades are too few")
    assert "OpenAtEnd" in told


def test_a_year_is_long_enough(reasons, make_bars):
    assert "ShortPeriod" not in reasons(bars=make_bars(366 * 24))


def test_checks_that_were_not_made_are_named(reasons):
    told = reasons(("{lookAhead: true, dataQuality: Block,", "{lookAhead: false, dataQuality: Ignore,"))
    assert {"LookAheadUnchecked", "DataUnchecked"} <= told.keys()


def test_data_that_would_have_been_blocked_is_a_warning_where_the_user_wants_it(reasons, make_bars):
    bars = make_bars()
    high = bars.high.copy()
    high[100] = bars.low[100]
    told = reasons(("dataQuality: Block", "dataQuality: Warn"), bars=replace(bars, high=high))
    assert told["DataQuality"].startswith("1 bar where the high is below")


def test_gaps_are_named(reasons, make_bars):
    bars = make_bars()
    kept = np.r_[0:100, 110:2_000]
    columns = {name: getattr(bars, name)[kept] for name in ("time", "open", "high", "low", "close", "volume")}
    assert reasons(bars=replace(bars, **columns))["Gaps"].startswith("1 gap, 10 bars missing in all")


def test_a_ruined_account_is_called_one(reasons):
    edits = [
        *rules("enter: close > open, exit: close <= open"),
        ("  seed: 7", "  broker: {commission: 10%, slippage: 0%}\n  seed: 7"),
    ]
    assert reasons(*edits)["Ruin"] == "Almost nothing is left of the account."

"""A study made ready, and its trials tried."""

import numpy as np
import pytest

from tidewright.domain.backtest import Series, backtest_account
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.trials import FIGURE
from tidewright.domain.trying import figures_of
from tidewright.runs.plan import broker_of
from tidewright.runs.refusal import InputRefused
from tidewright.runs.study_plan import Evaluator, load_study, longest_warmup

DAY = 86_400_000


def test_windows_are_whole_days_where_the_period_is_long_enough(study_planned, make_store, make_bars):
    plan = study_planned()
    data = load_study(plan, make_store(make_bars(2_000)))
    assert [(span.start % DAY, span.end % DAY) for window in data.setting.windows for span in window][:5] == [
        (0, 0)
    ] * 5
    assert data.setting.windows[-1].out_of_sample.end == data.setting.period.end
    short = load_study(plan, make_store(make_bars(240)))
    assert any(span.start % DAY for window in short.setting.windows for span in window)


def test_a_period_without_room_is_told_with_its_field(study_planned, make_store, make_bars):
    with pytest.raises(InputRefused, match=r"spec\.walkForward: nothing is left of the in-sample part"):
        study_planned(("inSample: 70%", "inSample: 70%, purge: 90d"), store=make_store(make_bars(2_000)))


def test_history_is_as_long_as_the_longest_warmup_in_the_space(study_planned, make_store, make_bars):
    plan = study_planned(
        ("    exchange: binance\n", "    exchange: binance\n    start: 2023-01-20\n"), ("{kind: ema}", "{kind: sma}")
    )
    assert longest_warmup(plan) == 60
    data = load_study(plan, make_store(make_bars(2_000)))
    assert data.setting.series[0].start == 60
    assert data.setting.period.start == int(make_bars(2_000).time[19 * 24])


def test_a_trial_has_the_figures_of_backtests(study_planned, make_store, make_bars):
    plan = study_planned()
    data = load_study(plan, make_store(make_bars(3_000)))
    trial = Evaluator(plan, data)(3, {"fast": 6, "slow": 30})
    bars, window = data.setting.series[0].bars, data.setting.windows[1].out_of_sample
    first, last = np.searchsorted(bars.time, window)
    parameters, risk = plan.space.applied({"fast": 6, "slow": 30})
    alone = backtest_account(
        [Series(bars.part(0, last), first, delisted=True)],
        BUILTINS["MovingAverageCross"],
        parameters,
        broker_of(plan.backtest.spec.broker),
        risk,
    )
    np.testing.assert_array_equal(trial.out_of_sample[1], figures_of(alone.metrics))
    assert trial.values == (pytest.approx(trial.in_sample[:, FIGURE["sharpe"]].mean()),)


def test_values_that_cannot_be_traded_are_a_failed_trial(study_planned, make_store, make_bars):
    plan = study_planned()
    evaluate = Evaluator(plan, load_study(plan, make_store(make_bars(2_000))))
    trial = evaluate(0, {"fast": 30, "slow": 20})
    assert (trial.state, trial.reason) == ("Failed", "InvalidParameters")
    assert "fast (30) must be less than slow (20)" in trial.message


BROKEN = """\
import numpy as np
from tidewright import Parameter, Signals, SignalStrategy

class Fragile(SignalStrategy):
    parameters = (Parameter("divisor", "Int", 1, 0, 5),)
    def warmup(self, parameters):
        return 0
    def signals(self, bars, columns, parameters):
        every = 10 // parameters["divisor"]
        enter = np.arange(len(bars)) % (2 * every) == 0
        return Signals(enter, np.roll(enter, every))
"""


def test_a_strategy_that_raises_for_some_values_fails_there_alone(study_planned, make_store, make_bars, tmp_path):
    (tmp_path / "fragile.py").write_text(BROKEN)
    plan = study_planned(
        ("builtin: MovingAverageCross", "classRef: {module: fragile, class: Fragile}"),
        ("    parameters: {kind: ema}\n", ""),
        (
            "  - {name: fast, int: {min: 5, max: 20}}\n  - {name: slow, int: {min: 10, max: 60, step: 10}}",
            "  - {name: divisor, int: {min: 0, max: 5}}",
        ),
        import_from=[tmp_path],
    )
    evaluate = Evaluator(plan, load_study(plan, make_store(make_bars(2_000))))
    assert evaluate(0, {"divisor": 2}).state == "Complete"
    failed = evaluate(1, {"divisor": 0})
    assert (failed.state, failed.reason) == ("Failed", "StrategyFailed")
    assert "ZeroDivisionError" in failed.message


def test_a_spot_account_does_not_sell_short(study_planned, make_store, make_bars):
    rules = "rules: {columns: {}, enter: close > 1, exit: close > 2, enterShort: close > 1, exitShort: close > 2, parameters: [{name: fast, type: Int, default: 5, min: 1, max: 30}, {name: slow, type: Int, default: 5, min: 1, max: 90}]}"
    plan = study_planned(("builtin: MovingAverageCross", rules), ("    parameters: {kind: ema}\n", ""))
    evaluate = Evaluator(plan, load_study(plan, make_store(make_bars(2_000))))
    with pytest.raises(InputRefused, match="sells short, which a spot account cannot"):
        evaluate(0, {"fast": 5})


def test_what_a_study_is_does_not_depend_on_what_may_change(study_planned, make_store, make_bars):
    store = make_store(make_bars(2_000))
    plan = study_planned()
    digest = load_study(plan, store).definition_digest(plan)

    def another(*edits):
        plan = study_planned(*edits)
        return load_study(plan, store).definition_digest(plan)

    assert another(("  sampler:", "  trials: 7\n  parallelism: 3\n  selection: Best\n  sampler:")) == digest
    assert another(("max: 20", "max: 21")) != digest
    assert another(("stopLoss: 5%", "stopLoss: 6%")) != digest
    assert another(("windows: 3", "windows: 4")) != digest
    plan = study_planned()
    assert load_study(plan, make_store(make_bars(2_000, seed=6))).definition_digest(plan) != digest

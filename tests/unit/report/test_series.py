import numpy as np
import pytest

from tidewright.report import series

DAY = 86_400_000


def times(*dates: str) -> np.ndarray:
    return np.array(dates, dtype="datetime64[ms]").astype(np.int64)


class TestExtremes:
    def test_a_short_series_stays_whole(self):
        assert series.extremes(10, np.arange(10.0)).tolist() == list(range(10))

    def test_the_ends_and_every_columns_lowest_and_highest_point_stay(self):
        up, down = np.random.default_rng(1).normal(size=(2, 50_000))
        up[31_415], down[27_182] = 99.0, -99.0
        kept = series.extremes(2_000, up, down)
        assert len(kept) <= 2_010
        assert {0, 31_415, 27_182, 49_999} <= set(kept.tolist())
        assert np.all(np.diff(kept) > 0)

    def test_undefined_values_never_hide_an_extreme(self):
        values = np.full(1_000, np.nan)
        values[500:] = 1.0
        values[700], values[800] = -5.0, 5.0
        assert {700, 800} <= set(series.extremes(20, values).tolist())


class TestDrawdown:
    def test_is_the_distance_below_the_peak_the_initial_value_included(self):
        assert series.drawdown(np.array([90.0, 120.0, 60.0]), 100.0) == pytest.approx([-0.1, 0.0, -0.5])

    def test_the_deepest_runs_from_its_peak_to_its_recovery(self):
        below = series.drawdown(np.array([100.0, 90.0, 110.0, 80.0, 70.0, 112.0, 111.0]))
        assert series.deepest(below) == series.Drawdown(peak=2, trough=4, recovery=5)

    def test_without_a_recovery_it_ends_with_the_series(self):
        assert series.deepest(np.array([0.0, -0.1, -0.05])) == series.Drawdown(0, 1, 2)

    def test_a_series_that_only_rises_has_none(self):
        assert series.deepest(np.zeros(3)) is None
        assert series.deepest(np.empty(0)) is None


class TestCalendar:
    def test_a_month_ends_with_its_last_bar_and_starts_from_the_month_before(self):
        time = times("2023-12-31T22", "2023-12-31T23", "2024-01-01T00", "2024-01-31T23", "2024-03-05T00")
        first, second = series.calendar(time, np.array([101.0, 110.0, 100.0, 121.0, 60.5]), initial=100.0)
        assert (first.year, second.year) == (2023, 2024)
        assert first.months[11] == pytest.approx(0.10)
        assert second.months[0] == pytest.approx(0.10)
        assert np.isnan(second.months[1])
        assert second.months[2] == pytest.approx(-0.50)
        assert second.total == pytest.approx(60.5 / 110 - 1)

    def test_nothing_gives_nothing(self):
        assert series.calendar(np.empty(0, np.int64), np.empty(0), 1.0) == []


class TestRolling:
    def test_a_window_of_days_is_annualised(self):
        equity = 100 * np.cumprod(1 + np.array([0.0, 0.01, -0.02, 0.03, 0.01]))
        rolling = series.rolling(DAY * np.arange(5), equity, days=3)
        returns = np.array([-0.02, 0.03, 0.01])
        assert rolling.time.tolist() == [3 * DAY, 4 * DAY]
        assert rolling.volatility[1] == pytest.approx(returns.std(ddof=1) * 365**0.5)
        assert rolling.sharpe[1] == pytest.approx(returns.mean() / returns.std(ddof=1) * 365**0.5)

    def test_hours_count_by_the_last_of_their_day_and_a_day_without_bars_changes_nothing(self):
        time = times("2024-01-01T05", "2024-01-01T23", "2024-01-03T00", "2024-01-03T23")
        days, values, _ = series.daily(np.sort(time), np.array([1.0, 2.0, 3.0, 4.0]))
        assert days.tolist() == times("2024-01-01", "2024-01-02", "2024-01-03").tolist()
        assert values.tolist() == [2.0, 2.0, 4.0]

    def test_returns_that_do_not_vary_have_no_sharpe_ratio(self):
        assert np.isnan(series.rolling(DAY * np.arange(5), np.full(5, 100.0), days=3).sharpe).all()

    def test_a_history_shorter_than_the_window_gives_nothing(self):
        assert len(series.rolling(DAY * np.arange(3), np.arange(1.0, 4.0), days=3).time) == 0


def test_stretches_are_of_whole_days():
    time = DAY // 2 * np.arange(4)
    days = series.stretches(time)
    assert days.time.tolist() == [0, DAY]
    assert days.means(np.array([0.0, 1.0, 1.0, 1.0])).tolist() == [0.5, 1.0]
    assert days.highest(np.array([0.0, 1.0, 3.0, 2.0])).tolist() == [1.0, 3.0]


class TestHistogram:
    def test_no_bin_holds_gains_and_losses(self):
        shape = series.histogram(np.array([-0.021, -0.012, -0.001, 0.001, 0.012, 0.021]))
        edges = shape.centres - shape.width / 2
        assert np.isclose(edges, 0).any()
        assert shape.counts.sum() == 6
        assert shape.counts[shape.centres < 0].sum() == 3

    def test_the_end_bins_hold_the_outliers_of_many_values(self):
        values = np.append(np.random.default_rng(3).normal(0, 0.01, 1_000), 9.0)
        shape = series.histogram(values)
        assert shape.counts.sum() == 1_001
        assert shape.centres[-1] < 0.1
        assert len(shape.counts) <= 51

    @pytest.mark.parametrize("values", [[0.05], [0.0, 0.0], [-0.02] * 5])
    def test_equal_values_fill_one_bin(self, values):
        assert series.histogram(np.array(values)).counts.max() == len(values)

    def test_nothing_has_no_bins(self):
        assert len(series.histogram(np.array([np.nan])).counts) == 0


def test_the_largest_values_come_in_order():
    assert series.largest(np.array([1.0, -9.0, 2.0, 5.0]), 2).tolist() == [1, 3]

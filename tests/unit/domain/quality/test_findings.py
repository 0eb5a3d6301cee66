from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.quality import EXAMPLES, OUTLIER_SCALES, RULES, STALE_RUN, Gap, Severity, assess, gaps, long_gap

HOUR = 3_600_000
DAY = 24 * HOUR
MONDAY = 4 * DAY
DOCUMENTATION = Path(__file__).parents[4] / "docs" / "data.md"


def bars(count=40, step=HOUR, **columns):
    """Bars without a fault: a price that swings a little, at times on the grid."""
    swing = 100 + np.arange(count) % 3
    sound = {
        "time": np.arange(count) * step,
        "open": swing,
        "high": swing + 2,
        "low": swing - 2,
        "close": swing + 1,
        "volume": np.ones(count),
    }
    given_columns = {
        name: np.array(values, np.int64 if name == "time" else np.float64) for name, values in (sound | columns).items()
    }
    return Bars(step=step, **given_columns)


def with_value(name, index, value):
    changed = bars()
    getattr(changed, name)[index] = value
    return changed


def found(rule, in_bars, max_gap=None):
    return next((finding for finding in assess(in_bars, max_gap) if finding.rule == rule), None)


def test_sound_bars_have_no_findings():
    assert assess(bars()) == ()


@pytest.mark.parametrize(
    ("rule", "name", "value"),
    [
        ("NonFinite", "close", np.nan),
        ("NonFinite", "volume", np.inf),
        ("NonPositivePrice", "low", 0.0),
        ("NonPositivePrice", "open", -1.0),
        ("PriceTooHigh", "high", 1e6),
        ("NegativeVolume", "volume", -0.5),
        ("VolumeTooHigh", "volume", 1e308),
        ("HighTooLow", "high", 99.0),
        ("LowTooHigh", "low", 103.5),
        ("ZeroVolume", "volume", 0.0),
        ("OffGrid", "time", 7 * HOUR + 1),
        ("Outlier", "high", 100_000.0),
    ],
)
def test_a_rule_names_the_one_bar_that_breaks_it(rule, name, value):
    finding = found(rule, with_value(name, 7, value))

    assert finding is not None
    assert (finding.count, finding.bars) == (1, (7,))
    assert finding.first == (int(with_value(name, 7, value).time[7]),)


def test_errors_are_what_no_arithmetic_should_run_on():
    assert [rule.name for rule in RULES if rule.severity is Severity.ERROR] == [
        "NonFinite",
        "NonPositivePrice",
        "PriceTooHigh",
        "NegativeVolume",
        "VolumeTooHigh",
        "HighTooLow",
        "LowTooHigh",
        "DuplicateTime",
        "UnsortedTime",
        "ImpossibleTime",
        "FutureTime",
    ]


@pytest.mark.parametrize("rule", [*RULES, long_gap(HOUR)], ids=lambda rule: rule.name)
def test_every_rule_is_documented(rule):
    assert f"| `{rule.name}` | {rule.severity} |" in DOCUMENTATION.read_text(encoding="utf-8")


@pytest.mark.parametrize(("close", "jumps"), [(151.4, False), (151.6, True), (50.4, True), (50.6, False)])
def test_a_jump_is_a_change_of_close_by_more_than_half(close, jumps):
    changed = with_value("close", 3, close)
    changed.close[2] = 101.0

    finding = found("PriceJump", changed)

    assert (finding is not None and 3 in finding.bars) is jumps


def test_prices_in_small_units_may_be_millions():
    dear = bars()
    for name in ("open", "high", "low", "close"):
        getattr(dear, name)[:] *= 1e5
    lira, dollars = (replace(dear, market=Market("binance", symbol, "1h")) for symbol in ("BTC/TRY", "BTC/USDT"))

    assert found("PriceTooHigh", lira) is None
    assert found("PriceTooHigh", dollars).count == 40


def test_every_finding_names_its_remedy():
    assert all(finding.remedy for finding in assess(with_value("low", 7, -1.0), max_gap=0))


def test_a_message_says_what_and_where():
    assert (
        found("NonPositivePrice", with_value("low", 7, 0.0)).message
        == "1 bar where a price is zero or negative: 1970-01-01T07:00:00Z"
    )


def test_a_finding_counts_all_bars_and_names_the_first():
    finding = found("ZeroVolume", bars(volume=np.zeros(40)))

    assert finding.count == 40
    assert finding.bars == tuple(range(EXAMPLES))
    assert finding.message.endswith(", ...")


def test_a_time_that_occurs_twice_is_found():
    assert found("DuplicateTime", bars(4, time=[0, HOUR, HOUR, 2 * HOUR])).bars == (2,)


def test_every_time_before_the_latest_is_unsorted():
    assert found("UnsortedTime", bars(5, time=[0, 3 * HOUR, HOUR, 2 * HOUR, 4 * HOUR])).bars == (2, 3)


@pytest.mark.parametrize("first", [MONDAY, MONDAY - DAY])
def test_weeks_may_start_on_any_day_but_all_on_the_same(first):
    weeks = bars(4, step=7 * DAY, time=first + 7 * DAY * np.arange(4))

    assert found("OffGrid", weeks) is None

    weeks.time[2] += DAY

    assert found("OffGrid", weeks).bars == (2,)


def test_every_gap_is_listed_with_the_bars_around_it():
    broken = bars(4, time=[0, HOUR, 4 * HOUR, 6 * HOUR])

    assert gaps(broken) == [Gap(HOUR, 4 * HOUR, missing=2), Gap(4 * HOUR, 6 * HOUR, missing=1)]


def test_gaps_are_warnings_up_to_the_longest_allowed_and_errors_beyond():
    broken = bars(4, time=[0, HOUR, 4 * HOUR, 6 * HOUR])

    assert found("Gap", broken).severity is Severity.WARNING
    assert (
        found("Gap", broken).message
        == "2 gaps, 3 bars missing in all; the longest is 2 bars after 1970-01-01T01:00:00Z"
    )
    assert found("LongGap", broken, max_gap=2 * HOUR) is None
    long = found("LongGap", broken, max_gap=2 * HOUR - 1)
    assert (long.severity, long.count, long.bars) == (Severity.ERROR, 1, (2,))


def test_times_that_jitter_make_no_gap():
    jittering = bars(40)
    jittering.time[5:] += 7

    assert gaps(jittering) == []
    assert found("OffGrid", jittering).count == 35


def test_a_price_is_stale_from_a_number_of_equal_bars_on():
    prices = {name: getattr(bars(), name).copy() for name in ("open", "high", "low", "close")}
    for column in prices.values():
        column[10 : 10 + STALE_RUN] = column[10] + 7
        column[30 : 30 + STALE_RUN - 1] = column[30] + 9
    finding = found("StalePrice", bars(**prices))

    assert (finding.count, finding.bars) == (1, (10 + STALE_RUN - 1,))


def test_an_outlier_reaches_far_beyond_the_usual():
    usual = bars(41, open=np.full(41, 100.0), high=np.full(41, 101.0), low=np.full(41, 99.0), close=np.full(41, 100.0))
    usual.low[20] = 100 - OUTLIER_SCALES

    assert found("Outlier", usual) is None

    usual.low[20] -= 0.01

    assert found("Outlier", usual).bars == (20,)


@pytest.mark.parametrize("count", [0, 1])
def test_no_bars_and_one_bar_can_be_judged(count):
    assert assess(bars(count), max_gap=0) == ()
    assert gaps(bars(count)) == []


@st.composite
def any_bars(draw):
    count = draw(st.integers(0, 30))
    columns = {name: draw(arrays(np.float64, count, elements=st.floats(width=64))) for name in COLUMNS}
    times = draw(
        arrays(np.int64, count, elements=st.integers(-(2**63), 2**63 - 1) | st.integers(0, 30).map(lambda i: i * HOUR))
    )
    return Bars(time=times, step=draw(st.sampled_from([60_000, HOUR, DAY, 7 * DAY])), **columns)


@given(any_bars(), st.none() | st.integers(0, 10 * DAY))
def test_no_content_whatever_raises(content, max_gap):
    for finding in assess(content, max_gap):
        assert 1 <= finding.count <= len(content)
        assert finding.message
        assert len(finding.bars) == len(finding.first) == min(finding.count, EXAMPLES)
    assert all(gap.missing > 0 for gap in gaps(content))


@given(any_bars())
def test_bars_without_errors_can_be_relied_on(content):
    if any(finding.severity is Severity.ERROR for finding in assess(content)):
        return
    assert all(np.isfinite(getattr(content, name)).all() for name in COLUMNS)
    assert (content.high >= np.maximum(content.open, content.close)).all()
    assert (content.low <= np.minimum(content.open, content.close)).all()
    assert (content.low > 0).all()
    assert sorted(set(content.time.tolist())) == content.time.tolist()

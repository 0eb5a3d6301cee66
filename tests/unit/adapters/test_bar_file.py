import hashlib

import numpy as np
import pytest

from tidewright.adapters.bar_file import Reading, read_bars
from tidewright.adapters.recognise import BarFileError
from tidewright.domain.bars import Market
from tidewright.domain.quality import assess, gaps

HOUR = 3_600_000
START = 1_704_067_200_000  # 2024-01-01
MARKET = Market("binance", "BTC/USDT", "1h")


def row(hour, price=100.0, volume=1.0):
    return f"{START + hour * HOUR},{price},{price + 2},{price - 2},{price + 1},{volume}"


@pytest.fixture
def csv(tmp_path):
    def write(*rows, header="time,open,high,low,close,volume"):
        path = tmp_path / "bars.csv"
        path.write_text("\n".join([header, *rows] if header else rows) + "\n")
        return path

    return write


def hours(bars):
    return ((bars.time - START) // HOUR).tolist()


def refusal(path, reading=None, market=MARKET):
    with pytest.raises(BarFileError) as refused:
        read_bars(path, market, reading)
    return refused.value.problems


def test_a_sound_file_gives_its_bars_and_says_how_it_was_read(csv):
    path = csv(*(row(i, 100 + i) for i in range(3)))
    file = read_bars(path, MARKET)

    assert (file.bars.market, file.bars.step) == (MARKET, HOUR)
    assert hours(file.bars) == [0, 1, 2]
    assert file.bars.close.tolist() == [101, 102, 103]
    assert file.source.name == "bars.csv"
    assert file.source.digest == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert file.notes == (
        "time from 'time', open from 'open', high from 'high', low from 'low', close from 'close', volume from 'volume'",
        "times in column 'time' are read as milliseconds",
    )


def test_gaps_are_kept_as_they_are(csv):
    file = read_bars(csv(*(row(i) for i in (0, 1, 2, 7, 8))), MARKET)

    assert [gap.missing for gap in gaps(file.bars)] == [4]


def test_an_archive_that_turns_to_microseconds_is_one_series(csv):
    kline = "{time},100,102,98,101,5,{close},500,10,2,200,0"
    rows = [kline.format(time=START, close=START + HOUR - 1)]
    rows += [kline.format(time=(START + HOUR) * 1_000, close=(START + 2 * HOUR) * 1_000 - 1)]

    assert hours(read_bars(csv(*rows, header=None), MARKET).bars) == [0, 1]


@pytest.mark.parametrize("last_millisecond", [False, True])
def test_a_time_may_be_that_of_the_close(csv, last_millisecond):
    closes = [START + (i + 1) * HOUR - last_millisecond for i in range(3)]
    rows = [f"{close},100,102,98,101,1" for close in closes]

    assert hours(read_bars(csv(*rows), MARKET, Reading(time_is="close")).bars) == [0, 1, 2]


def test_unsorted_rows_are_refused_unless_they_may_be_sorted(csv):
    path = csv(row(2), row(0), row(1))

    assert refusal(path) == (
        "line 3: the times are not in ascending order, 2024-01-01T00:00:00Z comes after 2024-01-01T02:00:00Z; --sort puts the rows in order",
    )
    assert hours(read_bars(path, MARKET, Reading(sort=True)).bars) == [0, 1, 2]


def test_repeated_rows_are_refused_unless_they_may_be_dropped(csv):
    path = csv(row(0), row(1), row(1), row(1), row(2))

    assert refusal(path) == (
        "rows that only repeat another: 2, the first line 3 and line 4; --drop-duplicates keeps one of each",
    )
    assert hours(read_bars(path, MARKET, Reading(drop_duplicates=True)).bars) == [0, 1, 2]


def test_rows_that_contradict_each_other_are_refused_always(csv):
    path = csv(row(0), row(1), row(1, price=101), row(2))

    for reading in (None, Reading(sort=True, drop_duplicates=True)):
        assert refusal(path, reading) == ("line 3 and line 4 hold different bars of 2024-01-01T01:00:00Z; remove one",)


def test_broken_bars_are_refused_with_their_places_and_values(csv):
    path = csv(row(0), f"{START + HOUR},100,99,98,100,1", f"{START + 2 * HOUR},100,,98,100,-1", row(3))
    missing, negative, too_low = refusal(path)
    remedy = "correct or remove these rows"
    fourth = "line 4: open 100, high nan, low 98, close 100, volume -1"

    assert (
        missing
        == f"1 bar where a price or the volume is missing or infinite: 2024-01-01T02:00:00Z (NonFinite); {fourth}; {remedy}"
    )
    assert negative == f"1 bar where the volume is negative: 2024-01-01T02:00:00Z (NegativeVolume); {fourth}; {remedy}"
    assert too_low.endswith(f"(HighTooLow); line 3: open 100, high 99, low 98, close 100, volume 1; {remedy}")


def test_every_problem_is_told_at_once_at_its_place_in_the_file(csv):
    path = csv(row(4, price=-1), row(3), row(3), row(2), row(1))
    problems = refusal(path)

    assert [problem.split(":")[0] for problem in problems] == [
        "line 3",
        "rows that only repeat another",
        "1 bar where a price is zero or negative",
    ]
    assert "line 2: open -1" in problems[2]


def test_a_cell_that_is_no_number_is_named(csv):
    assert refusal(csv(row(0), row(1).replace("102.0", "n/k"))) == (
        "line 3, column 'high': 'n/k' is no number; write it as in 1234.5",
    )


@pytest.mark.parametrize(
    ("timeframe", "remedy"),
    [
        ("4h", "the bars are 1h apart, not 4h; import them with --timeframe 1h"),
        ("1m", "import them with --timeframe 1h"),
    ],
)
def test_a_timeframe_that_is_not_the_files_own_is_refused(csv, timeframe, remedy):
    (problem,) = refusal(csv(*(row(i) for i in (0, 1, 2, 7))), market=MARKET._replace(timeframe=timeframe))

    assert remedy in problem


def test_a_spacing_that_no_timeframe_has_is_refused(csv):
    (problem,) = refusal(csv(*(row(i * 5) for i in range(4))))

    assert problem.startswith("the bars are 5h apart, not 1h; a timeframe is one of 1m, 3m")


def test_times_off_the_grid_are_taken_with_a_warning(csv):
    rows = [row(i).replace("00000,", "00007,", 1) for i in range(4)]
    file = read_bars(csv(*rows), MARKET)

    assert [finding.rule for finding in assess(file.bars)] == ["OffGrid"]


def test_a_single_bar_is_a_series(csv):
    assert len(read_bars(csv(row(0)), MARKET).bars) == 1


@pytest.mark.parametrize("content", ["", "time,open,high,low,close,volume\n"])
def test_a_file_without_rows_is_refused_by_name(tmp_path, content):
    path = tmp_path / "bars.csv"
    path.write_text(content)

    (problem,) = refusal(path)
    assert str(path) in problem


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "market", "count", "gap_count"),
    [
        ("binance-spot/BTC_USDT-1h-2017-2024.feather", ("binance", "BTC/USDT", "1h"), 58_419, 28),
        ("binance-spot/SOL_USDT-1h-2024.feather", ("binance", "SOL/USDT", "1h"), 6_002, 0),
        ("binance-usdm/BTC_USDT_USDT-1m-futures.feather", ("binance", "BTC/USDT:USDT", "1m"), 43_199, 0),
        ("bitvavo/BTC-EUR-1h-2021-2023.csv", ("bitvavo", "BTC/EUR", "1h"), 17_716, 2),
    ],
)
def test_real_files_are_read_without_a_flag(shared_data, file, market, count, gap_count):
    bars = read_bars(shared_data / file, Market(*market)).bars

    assert (len(bars), len(gaps(bars))) == (count, gap_count)
    assert np.all(np.diff(bars.time) > 0)


@pytest.mark.shared
def test_real_bars_have_the_gaps_that_are_known(shared_data):
    bars = read_bars(shared_data / "binance-spot/BTC_USDT-1h-2017-2024.feather", MARKET).bars
    longest = max(gaps(bars), key=lambda gap: gap.missing)

    assert longest.before - longest.after == 34 * HOUR
    assert longest.missing == 33


@pytest.mark.shared
def test_funding_rates_are_not_taken_for_bars(shared_data):
    path = shared_data / "binance-usdm/BTC_USDT_USDT-8h-funding_rate.feather"

    assert refusal(path, market=Market("binance", "BTC/USDT:USDT", "8h")) == (
        "BTC_USDT_USDT-8h-funding_rate.feather: high, low and close are zero throughout; these are funding rates or the like, not bars",
    )

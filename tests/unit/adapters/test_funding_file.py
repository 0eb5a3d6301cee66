import hashlib

import numpy as np
import pytest

from tidewright.adapters import tables
from tidewright.adapters.funding_file import read_funding
from tidewright.adapters.recognise import BarFileError

HOUR = 3_600_000
START = 1_704_067_200_000  # 2024-01-01


@pytest.fixture
def csv(tmp_path):
    def write(*rows, header="time,rate"):
        path = tmp_path / "funding.csv"
        path.write_text("\n".join([header, *rows] if header else rows) + "\n")
        return path

    return write


def refusal(path, *arguments, **options):
    with pytest.raises(BarFileError) as refused:
        read_funding(path, *arguments, **options)
    return refused.value.problems


def test_a_sound_file_gives_its_rates_and_says_how_it_was_read(csv):
    path = csv(f"{START + 7},0.0001", f"{START + 8 * HOUR - 2},-0.0003")
    file = read_funding(path)

    assert file.funding.time.tolist() == [START + 7, START + 8 * HOUR - 2]
    assert file.funding.rate.tolist() == [0.0001, -0.0003]
    assert file.source.digest == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert file.notes == ("time from 'time', rate from 'rate'", "times in column 'time' are read as milliseconds")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("calc_time,funding_interval_hours,last_funding_rate", f"{START},8,0.0001"),
        ("symbol,fundingTime,fundingRate,markPrice", f"BTCUSDT,{START},0.0001,42000.5"),
        ("date,open,high,low,close,volume", "2024-01-01T00:00Z,0.0001,0,0,0,0"),
        ("Date,Open,High,Low,Close,Volume", "2024-01-01T00:00Z,0.0001,0.0,0.0,0.0,0"),
        ("time,open,high,low,close,volume,funding_rate", f"{START},42000,42010,41990,42005,12,0.0001"),
        ("timestamp,Funding Rate", f"{START // 1000},0.0001"),
    ],
    ids=["archive", "REST", "freqtrade", "freqtrade, in capitals", "beside bars", "seconds"],
)
def test_what_publishers_write_is_recognised(csv, header, row):
    funding = read_funding(csv(row, header=header)).funding

    assert (funding.time.tolist(), funding.rate.tolist()) == ([START], [0.0001])


def test_a_feather_file_as_freqtrade_keeps_it(tmp_path):
    path = tmp_path / "funding.feather"
    zero = np.zeros(2)
    time = np.array([START, START + 8 * HOUR]).astype("datetime64[ms]")
    rates = {"open": np.array([0.0001, -0.0002]), "high": zero, "low": zero, "close": zero, "volume": zero}
    tables.write_parquet(path, {"date": time, **rates})

    assert read_funding(path).funding.rate.tolist() == [0.0001, -0.0002]


def test_columns_can_be_named_by_number_too(csv):
    path = csv(f"{START},8,0.0001", header=None)

    assert refusal(path)[0].startswith("no column is recognised as time")
    assert read_funding(path, {"time": "1", "rate": "3"}).funding.rate.tolist() == [0.0001]


def test_bars_are_no_funding(csv):
    path = csv(f"{START},1,3,1,2,7", header="time,open,high,low,close,volume")

    assert refusal(path) == ("funding.csv holds bars and no funding rates; import them without --funding",)
    assert refusal(path, {"rate": "open"})[0].startswith("line 2: 1 is no funding rate")


def test_a_file_without_rates_says_what_it_has(csv):
    problem = "no column is recognised as rate among 'time', 'price'; name it with --column rate=NAME"

    assert refusal(csv(f"{START},1", header="time,price")) == (problem,)
    assert refusal(csv(header="time,rate"))[0].endswith("has a header but no rows")


def test_every_row_that_is_no_rate_is_told_with_its_place(csv):
    rows = [f"{START + hour * HOUR},{rate}" for hour, rate in enumerate(("0.0001", "0.01", "", "-0.051", "7", "8"))]
    remedy = "is no funding rate, which is a share of at most 0.05: write 0.0001 for 0.01 %"

    assert refusal(csv(*rows)) == (
        f"line 4: nothing {remedy}",
        f"line 5: -0.051 {remedy}",
        f"line 6: 7 {remedy}",
        "and 1 more rows without a funding rate",
    )


def test_text_is_told_apart_from_nothing(csv):
    assert refusal(csv(f"{START},0.01%"))[0] == "line 2, column 'rate': '0.01%' is no number; write it as in 1234.5"


def test_rows_out_of_order_are_refused_unless_they_may_be_sorted(csv):
    path = csv(f"{START + HOUR},0.0001", f"{START},0.0002")

    (problem,) = refusal(path)
    assert problem.startswith("line 3: the times are not in ascending order, 2024-01-01T00:00:00Z comes after 2024-01")
    assert problem.endswith("--sort puts the rows in order")
    assert read_funding(path, sort=True).funding.rate.tolist() == [0.0002, 0.0001]


def test_a_rate_that_is_said_twice_is_taken_once(csv):
    path = csv(f"{START},0.0001", f"{START + 8},0.0001", f"{START + HOUR},0.0002")

    assert read_funding(path).funding.time.tolist() == [START, START + HOUR]


def test_different_rates_of_one_second_are_refused(csv):
    path = csv(f"{START},0.0001", f"{START + 8},0.0002")

    assert refusal(path) == (
        "line 2 and line 3 hold different rates of 2024-01-01T00:00:00Z (0.0001 and 0.0002); remove one",
    )


@pytest.mark.shared
@pytest.mark.parametrize(("symbol", "count"), [("BTC", 266), ("ETH", 302)])
def test_real_funding_with_its_jitter(shared_data, symbol, count):
    funding = read_funding(shared_data / "binance-usdm" / f"{symbol}_USDT_USDT-8h-funding_rate.feather").funding

    assert len(funding.time) == count
    assert 0 < np.count_nonzero(funding.time % 1_000) < count
    assert np.abs(funding.rate).max() < 0.0005

"""Funding from a file to the record, reckoned by hand: what a spreadsheet would hold is written out row by row."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from click.testing import CliRunner

import tidewright
from tidewright.adapters.funding_file import read_funding
from tidewright.adapters.results import read_record, read_table
from tidewright.cli.data import data

CASH, COMMISSION = 10_000.0, 0.0005
HELD = """\
import tidewright


class Held(tidewright.SignalStrategy):
    def warmup(self, parameters):
        return 0

    def signals(self, bars, columns, parameters):
        long_in, long_out, short_in, short_out = (bars.time == moment for moment in {moments})
        return tidewright.Signals(long_in, long_out, short_in, short_out)
"""
ALWAYS_LONG = {"rules": {"enter": "close > 0", "exit": "close < 0"}}


@dataclass(frozen=True)
class Position:
    """Held from one bar's open to another's, and the sheet of what it paid (time of the funding, rate, close of the bar before it, payment, cash)."""

    side: int
    opened: str
    entry: float
    closed: str
    exit: float
    sheet: str


def moment(text):
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


def rows(sheet):
    for line in sheet.strip().splitlines()[1:]:
        day, clock, *numbers = line.split()
        yield moment(f"{day} {clock}"), *map(float, numbers)


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Imports bars and funding into a store of its own, with the command."""
    monkeypatch.setenv("TIDEWRIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def stored(symbol, timeframe, bars, funding):
        market = ("--exchange", "binanceusdm", "--symbol", symbol)
        for words in (bars, *market, "--timeframe", timeframe), (funding, *market, "--funding"):
            imported = CliRunner().invoke(data, ["import", *map(str, words)])
            assert imported.exit_code == 0, imported.output

    return stored


@pytest.fixture
def run(tmp_path):
    """The record and the equity table of a run, read from where it wrote them."""

    def run(symbol, timeframe, source, leverage=1, **period):
        costs = {"commission": "0.05%", "slippage": "0%"}
        spec = {
            "strategy": {"source": source, "symbols": [symbol], "timeframe": timeframe},
            "data": {"exchange": "binanceusdm", **period},
            "broker": {"cash": CASH, "account": "Margin", "leverage": leverage, "funding": "Stored", **costs},
            "checks": {"lookAhead": False},
        }
        resource = {"apiVersion": "tidewright.io/v1alpha1", "kind": "BacktestRun", "metadata": {"name": "perpetual"}}
        tidewright.run({**resource, "spec": spec}).save(tmp_path / "out", report=False)
        return read_record(tmp_path / "out"), read_table(tmp_path / "out" / "equity.parquet")

    return run


def holding(folder, bar, long, short):
    """A strategy that holds the two positions: it asks for them at the closes of the bars before."""
    times = [moment(time) - bar for time in (long.opened, long.closed, short.opened, short.closed)]
    (folder / "held.py").write_text(HELD.format(moments=times))
    return {"classRef": {"module": "held", "class": "Held"}}


def reconcile(positions, leverage, bar, record, table):
    """Reckon the account from its sheets, and compare every row and the end of it with the run."""
    cash, paid = CASH, 0.0
    for position in positions:
        quantity = cash / (position.entry * (1 / leverage + COMMISSION))
        cash -= COMMISSION * quantity * position.entry
        for time, rate, close, stated_payment, stated_cash in rows(position.sheet):
            payment = position.side * quantity * close * rate
            cash -= payment
            paid += payment
            assert (round(payment, 2), round(cash, 2)) == (stated_payment, stated_cash)
            (at,) = np.flatnonzero(table["time"] == time - bar)
            assert table["close"][at] == close
            assert table["holding"][at] == pytest.approx(position.side * quantity, rel=1e-9)
            assert table["funding"][at] == pytest.approx(payment, rel=1e-9)
            worth = cash + position.side * quantity * (close - position.entry)
            assert table["equity"][at] == pytest.approx(worth, rel=1e-9)
        cash += position.side * quantity * (position.exit - position.entry) - COMMISSION * quantity * position.exit
    assert record["result"]["finalEquity"] == pytest.approx(cash, rel=1e-9)
    assert record["result"]["funding"] == pytest.approx(paid, rel=1e-9)
    assert np.count_nonzero(table["funding"]) == sum(len(list(rows(position.sheet))) for position in positions)
    return cash


@pytest.mark.shared
def test_a_real_perpetual_long_and_short_over_ten_fundings(shared_data, stored, run, tmp_path):
    """Published at 16:00:00.006 and the like; 0.2126 BTC bought with a leverage of two, 0.2163 BTC sold."""
    folder = shared_data / "binance-usdm"
    bars, funding = folder / "BTC_USDT_USDT-1m-futures.feather", folder / "BTC_USDT_USDT-8h-funding_rate.feather"
    stored("BTC/USDT:USDT", "1m", bars, funding)
    long = Position(1, "2025-05-05 04:00", 94_001.2, "2025-05-07 04:00", 96_453.8, """\
        time               rate          close      payment        cash
        2025-05-05 08:00   +0.00003636     94696.4    +0.73      9989.28
        2025-05-05 16:00   -0.00002247     93726.0    -0.45      9989.73
        2025-05-06 00:00   +0.00001978     94696.7    +0.40      9989.33
        2025-05-06 08:00   +0.00004440     94350.0    +0.89      9988.44
        2025-05-06 16:00   +0.00000757     94513.2    +0.15      9988.29
        2025-05-07 00:00   +0.00001218     96798.9    +0.25      9988.03
    """)  # fmt: skip
    short = Position(-1, "2025-05-07 12:00", 97_000.0, "2025-05-08 20:00", 101_254.3, """\
        time               rate          close      payment        cash
        2025-05-07 16:00   +0.00001320     96889.0    -0.28     10488.87
        2025-05-08 00:00   +0.00002318     96988.4    -0.49     10489.36
        2025-05-08 08:00   +0.00004608     99212.0    -0.99     10490.35
        2025-05-08 16:00   +0.00005728    100730.8    -1.25     10491.60
    """)  # fmt: skip
    source = holding(tmp_path, 60_000, long, short)
    record, table = run("BTC/USDT:USDT", "1m", source, leverage=2, start="2025-05-05", end="2025-05-09")

    assert round(reconcile((long, short), 2, 60_000, record, table), 2) == 9_560.61
    assert record["provenance"]["data"]["funding"]["count"] == 12
    assert "FundingIgnored" not in {warning["reason"] for warning in record["warnings"]}


PRICES = {0: 100, 7: 102, 15: 105, 23: 104, 28: 110, 31: 108, 39: 104, 44: 100}
"""From which hour on a bar opens, trades and closes at which price."""


def test_a_small_perpetual_that_turns_around(stored, run, tmp_path):
    first, hour = moment("2024-01-01 00:00"), 3_600_000
    price = [PRICES[max(start for start in PRICES if start <= at)] for at in range(48)]
    lines = [f"{first + at * hour},{p},{p},{p},{p},1" for at, p in enumerate(price)]
    (tmp_path / "bars.csv").write_text("\n".join(["time,open,high,low,close,volume", *lines]) + "\n")
    jitter, rates = (3, 0, 7, -2, 12, 1, 0), (0.0009, 0.0001, -0.0004, 0.0002, 0.0003, -0.0005, 0.0008)
    lines = [f"{first + 8 * i * hour + jitter[i]},8,{rate}" for i, rate in enumerate(rates)]
    (tmp_path / "funding.csv").write_text(
        "\n".join(["calc_time,funding_interval_hours,last_funding_rate", *lines]) + "\n"
    )
    stored("ONE/USDT:USDT", "1h", tmp_path / "bars.csv", tmp_path / "funding.csv")
    long = Position(1, "2024-01-01 04:00", 100.0, "2024-01-02 04:00", 110.0, """\
        time               rate      close  payment       cash
        2024-01-01 08:00   +0.0001   102.0    +1.02    9993.98
        2024-01-01 16:00   -0.0004   105.0    -4.20    9998.18
        2024-01-02 00:00   +0.0002   104.0    +2.08    9996.10
    """)  # fmt: skip
    short = Position(-1, "2024-01-02 04:00", 110.0, "2024-01-02 20:00", 100.0, """\
        time               rate      close  payment       cash
        2024-01-02 08:00   +0.0003   108.0    -3.24   10987.85
        2024-01-02 16:00   -0.0005   104.0    +5.19   10982.66
    """)  # fmt: skip
    record, table = run("ONE/USDT:USDT", "1h", holding(tmp_path, hour, long, short))

    assert round(reconcile((long, short), 1, hour, record, table), 2) == 11_976.26
    assert record["provenance"]["data"]["funding"]["count"] == 6


@pytest.mark.shared
@pytest.mark.parametrize(
    ("symbol", "end", "count"), [("BTC", "2025-06-03T00:00:00Z", 89), ("ETH", "2025-06-15T00:00:00Z", 125)]
)
def test_every_real_rate_of_the_period_is_paid_once_whatever_its_jitter(shared_data, stored, run, symbol, end, count):
    folder = shared_data / "binance-usdm"
    bars, rates = f"{symbol}_USDT_USDT-1m-futures.feather", f"{symbol}_USDT_USDT-8h-funding_rate.feather"
    stored(f"{symbol}/USDT:USDT", "1m", folder / bars, folder / rates)
    record, table = run(f"{symbol}/USDT:USDT", "1m", ALWAYS_LONG, end=end)

    published = read_funding(folder / rates).funding
    inside = (published.time > table["time"][0]) & (published.time - 500 <= moment(end[:16]))
    paid = np.flatnonzero(table["funding"])
    assert len(paid) == np.count_nonzero(inside) == record["provenance"]["data"]["funding"]["count"] == count
    assert np.abs(published.time[inside] - (table["time"][paid] + 60_000)).max() <= 16
    expected = published.rate[inside] * table["close"][paid] * table["holding"][paid]
    assert table["funding"][paid] == pytest.approx(expected, rel=1e-9)

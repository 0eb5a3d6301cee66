"""The proof that live and batch agree: a month lived through bar by bar, with restarts; and that it finds what does not agree."""

import asyncio
import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from live_market import resolved

from tidewright.adapters.anchor_files import AnchorFiles
from tidewright.adapters.bar_file import read_bars
from tidewright.adapters.parquet_store import ParquetStore
from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.bars import Market
from tidewright.domain.provenance import bars_digest
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.ports import Source
from tidewright.signals.parity import judge_published, prove_parity, write
from tidewright.signals.replay import Replay
from tidewright.specs.quantities import epoch_milliseconds

SIMULATED = Market("simulated", "BTC/USDT", "1h")
MONTH = (epoch_milliseconds("2023-03-01"), epoch_milliseconds("2023-04-01"))
ARTIFACTS = Path(__file__).parents[3] / "build" / "parity"
"""Where the reports of the month are left for who wants to look at them."""


@pytest.fixture(scope="session")
def real(shared_data, tmp_path_factory):
    """Real hours of BTC/USDT from 2022 on."""
    store = ParquetStore(tmp_path_factory.mktemp("real"))
    market = Market("binance", "BTC/USDT", "1h")
    read = read_bars(shared_data / "binance-spot" / "BTC_USDT-1h-2017-2024.feather", market)
    store.merge(read.bars.between(epoch_milliseconds("2022-01-01"), 2**62), Source("BTC", ""))
    return store, market


@pytest.mark.shared
def test_a_month_of_real_bars_with_a_gap_and_restarts(real, tmp_path):
    """March 2023 has a real gap on Binance, on the 24th."""
    store, market = real
    report = prove_parity("macd-cross", resolved({"builtin": "MacdCross"}), market, store, tmp_path, MONTH, restarts=5)
    write(report, ARTIFACTS / "real")
    assert (report.compared, report.restarts, report.gaps, report.differences) == (743, 5, 1, ())
    assert report.passed


def test_a_month_of_simulated_bars_with_restarts(tmp_path):
    store, strategy = SimulatedStore(), resolved({"builtin": "MacdCross"})
    report = prove_parity("macd-cross", strategy, SIMULATED, store, tmp_path, MONTH, restarts=5)
    write(report, ARTIFACTS / "simulated")
    assert (report.compared, report.restarts, report.gaps, report.differences) == (744, 5, 0, ())
    assert report.passed


@pytest.mark.parametrize("name", BUILTINS)
def test_three_days_of_every_strategy(name, tmp_path):
    report = three_days(resolved({"builtin": name}), tmp_path)
    assert (report.compared, report.restarts, report.differences) == (72, 2, ())


def three_days(source, tmp_path, restarts=2):
    period = (MONTH[0], MONTH[0] + 72 * 3_600_000)
    return prove_parity("test", source, SIMULATED, SimulatedStore(), tmp_path, period, restarts)


def class_of(body, tmp_path):
    (tmp_path / "own.py").write_text(
        "import numpy as np\nfrom tidewright import Signals, SignalStrategy\n"
        "class Own(SignalStrategy):\n"
        "    def warmup(self, parameters): return 2\n"
        f"    def columns(self, bars, parameters): return {{'own': {body}}}\n"
        "    def signals(self, bars, columns, parameters):\n"
        "        return Signals(columns['own'] > 0, columns['own'] < 0)\n"
    )
    return resolved({"classRef": {"module": "own", "class": "Own"}}, import_from=[tmp_path])


def test_a_strategy_that_sees_the_next_bar_is_found(tmp_path):
    peeking = class_of("np.append(np.diff(bars.close), 0.0)", tmp_path)
    report = three_days(peeking, tmp_path)
    assert not report.passed
    assert {"own", "enter"} <= {difference.name for difference in report.differences}


def test_a_strategy_that_depends_on_where_history_ends_is_found(tmp_path):
    report = three_days(class_of("bars.close - bars.close.mean()", tmp_path), tmp_path)
    assert report.record()["differences"] > 0
    assert len(report.record()["firstDifferences"]) == 20


def test_a_difference_in_the_last_bit_is_found(tmp_path):
    sometimes = "np.nextafter(bars.close, 0.0) if len(bars) % 24 == 0 else bars.close"
    report = three_days(class_of(sometimes, tmp_path), tmp_path)
    assert {difference.name for difference in report.differences} == {"own"}
    assert len(report.differences) == 72 - 3  # the batch is of whole days


def test_the_report_says_what_was_compared(tmp_path):
    report = three_days(resolved(), tmp_path / "anchors")
    write(report, tmp_path / "out")
    record = json.loads((tmp_path / "out/parity.json").read_text())
    store = SimulatedStore()
    bars = store.read(SIMULATED, None, MONTH[0] + 72 * 3_600_000)
    assert record["barsCompared"] == 72
    assert record["valuesCompared"] == 72 * (1 + 5 + 3 + 2)
    assert record["anchor"]["firstBar"] == "2022-01-01T00:00:00Z"
    assert record["dataDigest"] == bars_digest(bars)
    assert record["passed"] is True
    page = (tmp_path / "out/parity.html").read_text()
    assert "SIMULATED DATA" in page
    assert "each of 72 bars is, bit for bit, what a backtest sees; 2 restarts changed nothing." in page
    assert record["dataDigest"] in page


def test_the_report_shows_the_first_differences(tmp_path):
    report = three_days(class_of("np.append(np.diff(bars.close), 0.0)", tmp_path), tmp_path)
    write(report, tmp_path / "out")
    page = (tmp_path / "out/parity.html").read_text()
    assert "the strategy sees the future, or answers at random" in page
    assert page.count("<td>own</td>") > 5


class TestWhatWasPublished:
    """Held against a backtest over the bars of the archive."""

    def judged(self, tmp_path, change=lambda said: said):
        strategy = resolved({"builtin": "MacdCross"})
        end = MONTH[0] + 72 * 3_600_000
        with ThreadPoolExecutor(1) as executor:
            replay = Replay(strategy, SimulatedStore(), AnchorFiles(tmp_path), executor)
            lived = asyncio.run(replay.live(SIMULATED, MONTH[0], end, restarts=0))
        bars = SimulatedStore().read(SIMULATED, None, end)
        said = change(list(lived.signals))
        return judge_published("macd-cross", strategy, lived.history.anchor, bars, said)

    def test_all_of_it_is_compared(self, tmp_path):
        report = self.judged(tmp_path)
        assert (report.compared, report.differences, report.passed) == (72, (), True)

    def test_its_page_ends_with_the_last_bar_and_tells_of_no_restarts_for_nobody_counted_them(self, tmp_path):
        write(self.judged(tmp_path), tmp_path / "report")
        page = (tmp_path / "report" / "parity.html").read_text()
        assert "2023-03-01T00:00:00Z to 2023-03-04T00:00:00Z" in page
        assert "restarts" not in page.lower()

    def test_a_bar_of_which_nothing_was_published_is_a_difference(self, tmp_path):
        report = self.judged(tmp_path, lambda said: said[:10] + said[11:])
        (missing,) = report.differences
        assert (missing.name, missing.live, missing.batch) == ("bar", "nothing", "a bar")
        assert missing.time == MONTH[0] + 10 * 3_600_000

    def test_so_is_a_price_that_differs_in_its_last_bit(self, tmp_path):
        def nudged(said):
            bar = (math.nextafter(said[3].bar[0], math.inf), *said[3].bar[1:])
            return [*said[:3], replace(said[3], bar=bar), *said[4:]]

        (one,) = self.judged(tmp_path, nudged).differences
        assert (one.time, one.name) == (MONTH[0] + 3 * 3_600_000, "open")

    def test_a_strategy_that_has_published_nothing_is_told_so(self, tmp_path):
        with pytest.raises(
            ValueError, match="macd-cross has published nothing of BTC/USDT 1h on simulated that is kept"
        ):
            self.judged(tmp_path, lambda said: [])

import gzip
import json

import pytest
from exchange_tapes import FIRST, change, record, ticker, trade

from tidewright.exchange.recording import RecordingRefused, recorded_markets


def test_trades_tickers_and_changes_are_taken_as_they_are(tmp_path):
    lines = [
        trade(7, 10),
        ticker(70, "99.00000000", "101.00000000"),
        change(68, 71, [["99.00000000", "3.00000000"]], []),
        trade(8, 40),
    ]
    (market,) = recorded_markets([record(tmp_path / "a", *zip((12, 13, 20, 45), lines, strict=True))])
    assert market.name == "BTCUSDT"
    assert market.log.id.tolist() == [7, 8]
    assert market.log.time.tolist() == [FIRST + 10, FIRST + 40]
    assert (market.log.price.tolist(), market.log.price_places) == ([100, 100], 0)
    assert market.book.top(FIRST * 10**6 + 10**9).bid == ("99.00000000", "1.00000000")


def test_the_exchange_tells_nothing_before_it_has_happened(tmp_path):
    slow, fast = (15, trade(7, 10)), (41, trade(8, 40))
    (market,) = recorded_markets([record(tmp_path / "a", slow, fast)])
    assert (market.log.at - FIRST * 10**6).tolist() == [15_000_000, 41_000_000]


def test_files_are_joined_in_the_order_of_their_times_and_may_be_packed(tmp_path):
    first, second = (
        record(tmp_path / "b", (1, trade(1, 0))),
        record(tmp_path / "a", (9, trade(2, 8)), (9, trade(1, 0, symbol="ETHUSDT"))),
    )
    packed = tmp_path / "b.gz"
    packed.write_bytes(gzip.compress(first.read_bytes()))
    markets = recorded_markets([second, packed])
    assert [(market.name, market.log.id.tolist()) for market in markets] == [("BTCUSDT", [1, 2]), ("ETHUSDT", [1])]


def test_a_trade_that_was_received_twice_happened_once(tmp_path):
    (market,) = recorded_markets(
        [record(tmp_path / "a", (1, trade(1, 0)), (2, trade(2, 1)), (3, trade(1, 0)), (4, trade(3, 2)))]
    )
    assert market.log.id.tolist() == [1, 2, 3]


def test_a_book_starts_from_its_snapshot(tmp_path):
    snapshot = json.dumps(
        {
            "lastUpdateId": 5,
            "bids": [["9.00000000", "1.00000000"], ["8.00000000", "1.00000000"]],
            "asks": [["10.00000000", "2.00000000"]],
        }
    )
    lines = [
        (1, trade(1, 0)),
        (2, change(3, 4, [["7.00000000", "7.00000000"]], [])),
        (3, change(5, 6, [["9.00000000", "0.00000000"]], [["11.00000000", "4.00000000"]])),
        (4, snapshot),
        (9, change(7, 7, [], [["10.00000000", "0.50000000"]])),
    ]
    (market,) = recorded_markets([record(tmp_path / "a", *lines)])
    shift = market.log.at[0] - (FIRST + 1 - 1_000) * 10**6
    before, after = (market.book.depth((FIRST + time - 1_000) * 10**6 + shift, 10) for time in (5, 9))
    assert before.bids == [("8.00000000", "1.00000000")]
    assert before.asks == [("10.00000000", "2.00000000"), ("11.00000000", "4.00000000")]
    assert (after.update, after.asks[0]) == (7, ("10.00000000", "0.50000000"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("hello\n", "line 1: write a line as <nanoseconds> <JSON>"),
        ('1 {"broken\n', "line 1: no JSON"),
        (f"1 {ticker(1, '9.00000000', '10.00000000')}\n", "no trades of BTCUSDT"),
        (f"1 {trade(1, 0).replace('100.00000000', '1e2')}\n", "eight decimal places"),
        (f"1 {trade(1, 0).replace('BTCUSDT', '').replace('btcusdt', 'what')}\n", "no symbol that is known"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_reason(tmp_path, content, reason):
    path = tmp_path / "recording"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=reason):
        recorded_markets([path])


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    path = tmp_path / "recording.gz"
    path.write_bytes(
        gzip.compress(record(tmp_path / "a", *((n, trade(n, n)) for n in range(1, 500))).read_bytes())[:-200]
    )
    with pytest.raises(RecordingRefused, match="cut off or damaged"):
        recorded_markets([path])

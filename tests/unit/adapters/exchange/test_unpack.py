import io
import struct
import zipfile

import pytest
from fake_binance import DAY, HEADER, at

from tidewright.adapters.exchange import unpack
from tidewright.adapters.exchange.binance import Kind, archive_file
from tidewright.adapters.exchange.unpack import ArchiveRefused, unpacked
from tidewright.domain.bars import COLUMNS, Market
from tidewright.ports import Stretch

HOUR = 3_600_000
MARKET = Market("binance", "BTC/USDT", "1h")
START = at("2024-01-01")
PERIOD = Stretch(START, START + DAY)
FILE = archive_file(MARKET, Kind.KLINES, PERIOD)
TRADES = archive_file(MARKET, Kind.TRADES, PERIOD)
CSV = "BTCUSDT-1h-2024-01-01.csv"


def row(hour, close="101.5", time=None):
    time = START + hour * HOUR if time is None else time
    return f"{time},100.10,102,99.5,{close},0.30000000,{time + HOUR - 1},0,4,0,0,0\n"


def trade(number, time, price="100", quantity="0.1"):
    return f"{number},{price},{quantity},{number},{number},{START + time},True,True\n"


def zipped(members, method=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.fixture
def read(tmp_path):
    def from_bytes(content, file=FILE, market=MARKET):
        path = tmp_path / "file"
        path.write_bytes(content)
        return unpacked(path, file, market)

    return from_bytes


@pytest.fixture
def refusal(read):
    def of(content, file=FILE):
        with pytest.raises(ArchiveRefused) as refused:
            read(content, file)
        assert str(refused.value).startswith(f"{file.name} was refused: ")
        return str(refused.value)

    return of


def test_klines_are_bars(read):
    bars = read(zipped({CSV: row(0) + row(1)}))

    assert bars.time.tolist() == [START, START + HOUR]
    assert [getattr(bars, name)[0] for name in COLUMNS] == [100.1, 102.0, 99.5, 101.5, 0.3]
    assert (bars.step, bars.market) == (HOUR, MARKET)


def test_a_header_line_and_microseconds_are_understood(read):
    content = HEADER + "\n" + row(0, time=START * 1000) + row(1)

    assert read(zipped({CSV: content})).time.tolist() == [START, START + HOUR]


def test_rows_out_of_order_are_put_in_order_and_repeated_ones_are_one(read):
    bars = read(zipped({CSV: row(2) + row(0) + row(2) + row(1) + row(0)}))

    assert bars.time.tolist() == [START, START + HOUR, START + 2 * HOUR]


def test_trades_are_bars(read):
    content = "".join(trade(*args) for args in [(7, 0), (8, 5, "103"), (8, 5, "103"), (9, HOUR + 1, "99", "0.2")])
    bars = read(zipped({TRADES.name.replace(".zip", ".csv"): content}), TRADES)

    assert bars.time.tolist() == [START, START + HOUR]
    assert bars.high.tolist() == [103.0, 99.0]
    assert bars.volume.tolist() == [0.2, 0.2]


def test_trades_that_take_several_blocks_are_the_same_bars(read, monkeypatch):
    content = "".join(trade(i, i * 1_000, f"{100 + i * 7 % 31}", "0.1") for i in range(2 * 3600))
    packed = zipped({TRADES.name.replace(".zip", ".csv"): content})
    whole = read(packed, TRADES)
    monkeypatch.setattr("tidewright.adapters.tables._BLOCK", 1_000)
    parts = read(packed, TRADES)

    assert whole.volume.tolist() == [360.0, 360.0]
    for name in ("time", *COLUMNS):
        assert getattr(whole, name).tolist() == getattr(parts, name).tolist()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (row(0) + row(0, close="101.6"), "DuplicateTime"),
        (row(0, close="103"), "HighTooLow"),
        (row(0, close="nan"), "NonFinite"),
        (
            row(0) + row(24),
            "is about 2024-01-01T00:00:00Z to 2024-01-02T00:00:00Z and has a row of 2024-01-02T00:00:00Z",
        ),
        (row(-1) + row(0), "has a row of 2023-12-31T23:00:00Z"),
        (row(0, time=1_704_067_200), "has a row of 1970-01-20"),
        ("", "its first line has 0 columns and not 12"),
        (HEADER + "\n", "it has no rows"),
        ("1,2,3\n", "its first line has 3 columns and not 12: '1,2,3'"),
        (row(0) + "1,2,3\n", "Expected 12 columns, got 3"),
        (row(0, close="abc"), "invalid value 'abc'"),
        (row(0, close=""), "invalid value ''"),
        ("\0\0\0", "columns"),
    ],
)
def test_content_that_is_not_the_periods_bars_is_refused(refusal, content, reason):
    assert reason in refusal(zipped({CSV: content}))


def test_trades_out_of_order_are_refused(refusal):
    name = TRADES.name.replace(".zip", ".csv")

    assert "not in the order of their numbers" in refusal(zipped({name: trade(9, 0) + trade(8, 1)}), TRADES)
    assert "not in the order of their times" in refusal(zipped({name: trade(8, 1) + trade(9, 0)}), TRADES)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({f"../{CSV}": row(0)}, f"'../{CSV}'"),
        ({f"/etc/{CSV}": row(0)}, f"'/etc/{CSV}'"),
        ({CSV: row(0), "other.csv": row(1)}, f"'{CSV}', 'other.csv'"),
        ({"BTCUSDT-1h-2024-01-02.csv": row(0)}, "'BTCUSDT-1h-2024-01-02.csv'"),
        ({}, "nothing"),
        ({str(i): "" for i in range(9)}, "'0', '1', '2', ..."),
    ],
    ids=["path", "absolute path", "two", "other day", "empty", "many"],
)
def test_anything_but_the_one_member_is_refused(refusal, members, named):
    assert f"it should hold {CSV} alone and holds {named}" in refusal(zipped(members))


def test_a_bomb_is_refused_by_its_ratio_before_it_is_unpacked(refusal):
    assert "it would unpack from" in refusal(zipped({CSV: "0" * (1 << 22)}))


def test_a_content_that_is_too_large_is_refused(refusal, monkeypatch):
    monkeypatch.setitem(unpack.LARGEST, Kind.KLINES, 50)

    assert "bytes, as no such table does" in refusal(zipped({CSV: row(0)}))


def test_a_bomb_that_states_a_small_size_is_not_unpacked_further_than_that(refusal):
    packed = bytearray(zipped({CSV: row(0) + row(1) * 1_000}))
    for signature, field in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        packed[packed.index(signature) + field :][:4] = b""
        place = packed.index(signature) + field
        packed[place : place + 4] = struct.pack("<I", len(row(0)))

    assert "Bad CRC-32" in refusal(bytes(packed))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(refusal, method):
    assert "packed in a way that zip files of the archive are not" in refusal(zipped({CSV: row(0)}, method))


def test_an_encrypted_file_is_refused(refusal):
    packed = bytearray(zipped({CSV: row(0)}))
    for signature, field in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(signature) + field] |= 1

    assert "it is encrypted" in refusal(bytes(packed))


def test_a_web_page_is_no_zip_file_and_quoted(refusal):
    assert "it is no zip file; it begins with '<!DOCTYPE html>" in refusal(b"<!DOCTYPE html><html>not found</html>")


def test_a_zip_file_cut_at_any_byte_is_refused(refusal):
    packed = zipped({CSV: "".join(map(row, range(24)))})

    for length in range(len(packed)):
        refusal(packed[:length])


def test_a_zip_file_with_any_byte_changed_is_refused_or_the_same_bars(read):
    packed = zipped({CSV: "".join(map(row, range(24)))})
    whole = read(packed)
    for place in range(len(packed)):
        changed = bytearray(packed)
        changed[place] ^= 0xFF
        try:
            bars = read(bytes(changed))
        except ArchiveRefused:
            continue
        assert bars.close.tolist() == whole.close.tolist()

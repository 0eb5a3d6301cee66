import asyncio
import hashlib

import pytest
from fake_binance import DAY, at, cut, status

from tidewright.adapters.exchange.archive import Archive
from tidewright.adapters.exchange.binance import Kind, archive_file
from tidewright.adapters.exchange.http import Http, Patience, Unavailable
from tidewright.adapters.exchange.unpack import ArchiveRefused
from tidewright.domain.bars import Market
from tidewright.ports import Stretch

START = at("2024-01-01")
FILE = archive_file(Market("binance", "BTC/USDT", "1m"), Kind.KLINES, Stretch(START, START + DAY))
PATH = f"/{FILE.path}"
ZIP = ".zip"


@pytest.fixture
def fetch(binance, clock, tmp_path):
    def call(attempts=6):
        async def run():
            async with Http(2, Patience(attempts=attempts), clock.pace) as http:
                return await Archive(http, binance.url, tmp_path).fetch(FILE)

        return asyncio.run(run())

    return call


def downloads(binance):
    return sum(path.endswith(ZIP) for path in binance.requests)


def fails(binance, *faults):
    """Faults for the file itself, whose path is a part of its checksum file's."""
    for fault in faults:
        binance.fail(PATH, lambda handler, body: False, fault)


def test_a_file_is_downloaded_with_its_checksum(fetch, binance, tmp_path):
    path, digest = fetch()

    assert path.read_bytes() == binance.file(PATH)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.parent == tmp_path


def test_a_file_that_is_here_already_is_only_verified(fetch, binance):
    fetch()
    fetch()

    assert downloads(binance) == 1


def test_a_file_that_is_not_there_is_none(fetch, binance):
    binance.lost.append("2024-01-01")

    assert fetch() is None


def test_a_file_with_a_checksum_only_is_none(fetch, binance):
    fails(binance, status(404))

    assert fetch() is None


def test_what_an_earlier_run_left_is_gone_on_with(fetch, binance):
    fails(binance, cut(5_000))
    with pytest.raises(Unavailable):
        fetch(attempts=1)
    path, _ = fetch()

    assert path.read_bytes() == binance.file(PATH)
    assert downloads(binance) == 2


def test_what_is_left_of_a_file_that_was_replaced_is_not_gone_on_with(fetch, binance):
    fails(binance, cut(5_000))
    with pytest.raises(Unavailable):
        fetch(attempts=1)
    binance.zips["2024-01-01"] = lambda packed: packed + b"!"
    path, _ = fetch()

    assert path.read_bytes() == binance.file(PATH)


def test_a_damaged_part_is_downloaded_anew(fetch, binance, tmp_path):
    digest = hashlib.sha256(binance.file(PATH)).hexdigest()
    (tmp_path / f"{FILE.name}.{digest[:16]}").write_bytes(b"damaged")
    path, _ = fetch()

    assert path.read_bytes() == binance.file(PATH)


def test_a_file_that_never_fits_its_checksum_is_refused_with_both_and_removed(fetch, binance, tmp_path):
    lie = "0" * 64
    binance.fail("CHECKSUM", status(200, f"{lie}  {FILE.name}\n".encode()))

    with pytest.raises(ArchiveRefused, match=f"its SHA-256 is [0-9a-f]{{64}}, and its checksum file says {lie}"):
        fetch()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"<html>log in</html>", b"", b"0" * 64, b"0" * 64 + b"  another.zip\n", b"XYZ  " + FILE.name.encode()],
    ids=["web page", "empty", "no name", "another file's", "no digest"],
)
def test_a_checksum_file_of_something_else_is_refused_and_nothing_downloaded(fetch, binance, content):
    binance.fail("CHECKSUM", status(200, content))

    with pytest.raises(ArchiveRefused, match="its checksum file holds no SHA-256 of it"):
        fetch()
    assert downloads(binance) == 0

"""Anchors are files that are written once."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tidewright.adapters.anchor_files import AnchorFiles
from tidewright.domain.bars import Market
from tidewright.domain.live import Anchor
from tidewright.ports import AnchorDamaged

BTC = Market("binance", "BTC/USDT", "1h")
ANCHOR = Anchor(BTC, "sha256:strategy", 1_502_942_400_000, 30, "sha256:bars")


def test_there_is_none_before_it_is_created(tmp_path):
    assert AnchorFiles(tmp_path).read(BTC) is None


def test_it_is_read_as_it_was_created(tmp_path):
    assert AnchorFiles(tmp_path / "deep").create(ANCHOR) == ANCHOR
    assert AnchorFiles(tmp_path / "deep").read(BTC) == ANCHOR


def test_a_person_can_read_it(tmp_path):
    anchors = AnchorFiles(tmp_path)
    anchors.create(ANCHOR)
    assert anchors.place(BTC) == str(tmp_path / "binance/BTC-USDT/1h.json")
    assert json.loads((tmp_path / "binance/BTC-USDT/1h.json").read_text()) == {
        "format": 1,
        "market": {"exchange": "binance", "symbol": "BTC/USDT", "timeframe": "1h"},
        "strategyDigest": "sha256:strategy",
        "firstBar": "2017-08-17T04:00:00Z",
        "warmupBars": 30,
        "warmupDigest": "sha256:bars",
    }


def test_times_keep_their_milliseconds(tmp_path):
    anchor = replace(ANCHOR, first=1_502_942_400_123)
    AnchorFiles(tmp_path).create(anchor)
    assert AnchorFiles(tmp_path).read(BTC) == anchor


def test_one_that_is_there_is_never_replaced(tmp_path):
    anchors = AnchorFiles(tmp_path)
    anchors.create(ANCHOR)
    assert anchors.create(replace(ANCHOR, first=0)) == ANCHOR
    assert anchors.read(BTC) == ANCHOR


def test_of_many_that_create_one_at_the_same_time_one_wins(tmp_path):
    candidates = [replace(ANCHOR, first=first) for first in range(8)]
    with ThreadPoolExecutor(8) as replicas:
        kept = set(replicas.map(AnchorFiles(tmp_path).create, candidates))
    assert kept == {AnchorFiles(tmp_path).read(BTC)}


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 2}', "\xff"])
def test_a_file_that_is_none_is_named_with_the_remedy(tmp_path, content):
    anchors = AnchorFiles(tmp_path)
    anchors.create(ANCHOR)
    (tmp_path / "binance/BTC-USDT/1h.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(
        AnchorDamaged, match=r"1h\.json is no anchor .*; restore it, or remove it to start a new history"
    ):
        anchors.read(BTC)

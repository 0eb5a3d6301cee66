"""The streams between services: each has one producer and known consumers, and nothing goes in a circle."""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tidewright.v1 import market_data_pb2
from tidewright.wire import topology
from tidewright.wire.topology import TOPICS, Topic, market_lane

ROOT = Path(__file__).parents[3]


def flow(topics):
    """The services in an order in which every one comes after those that it hears of. Raises CycleError."""
    hears = {}
    for topic in topics:
        for listener in (*topic.consumers, *topic.onlookers):
            hears.setdefault(listener, set()).add(topic.producer)
    return tuple(TopologicalSorter(hears).static_order())


def services():
    """Those of docs/services.md."""
    table = (ROOT / "docs/services.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| \**([a-z-]+)\**[^|]*\|\s*\d+ \|\s*80\d\d", table, re.MULTILINE))


def test_nothing_goes_in_a_circle():
    assert flow(TOPICS.values()).index("data-collector") < flow(TOPICS.values()).index("data-validation")


@pytest.mark.parametrize("part", ["consumers", "onlookers"])
def test_a_circle_would_be_found(part):
    event = market_data_pb2.TradeEvent
    circle = [Topic("there", event, "one", ("two",)), Topic("back", event, "two", **{part: ("one",)})]
    with pytest.raises(CycleError):
        flow(circle)


def test_every_producer_and_consumer_is_a_service():
    known = services()
    assert {"data-collector", "signals", "freqtrade-integration"} <= known
    for topic in TOPICS.values():
        assert {topic.producer, *topic.consumers, *topic.onlookers} <= known, topic.name


def test_no_topic_has_the_name_of_another():
    declared = [topic for topic in vars(topology).values() if isinstance(topic, Topic)]
    assert len(declared) == len(TOPICS)
    assert {topic.name: topic for topic in declared} == TOPICS


def test_names_make_keys():
    for topic in TOPICS.values():
        assert re.fullmatch(r"[a-z]+(\.[a-z]+)*", topic.name)


def test_nobody_hears_of_a_topic_twice():
    for topic in TOPICS.values():
        listeners = (topic.producer, *topic.consumers, *topic.onlookers)
        assert len(set(listeners)) == len(listeners), topic.name


def test_what_is_kept_is_within_the_bound():
    for topic in TOPICS.values():
        assert 0 < topic.kept <= topic.bound


def test_lanes_tell_markets_apart():
    lanes = [
        market_lane("binance", "BTC/USDT"),
        market_lane("binance", "BTC/USDT", "1h"),
        market_lane("kraken", "BTC/USDT"),
    ]
    assert lanes == ["binance|BTC/USDT", "binance|BTC/USDT|1h", "kraken|BTC/USDT"]


def test_the_documentation_has_every_topic():
    written = (ROOT / "docs/streams.md").read_text(encoding="utf-8")
    rows = {
        row[0]: row[1:]
        for row in re.findall(r"^\| `([a-z.]+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|", written, re.MULTILINE)
    }
    assert rows == {
        topic.name: (
            topic.producer,
            ", ".join(topic.consumers) or "-",
            ", ".join(topic.onlookers) or "-",
            f"`{topic.event.DESCRIPTOR.name}`",
        )
        for topic in TOPICS.values()
    }

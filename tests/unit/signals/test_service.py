"""What the service answers, in terms of the use case alone."""

import asyncio

import pytest
from live_market import BTC, ETH, HOUR, Feed, Live, hours, resolved

from tidewright.domain.bars import COLUMNS
from tidewright.serving.failures import Failure, Kind
from tidewright.signals.service import SignalService

pytestmark = pytest.mark.anyio


async def served(*series):
    live = Live(Feed(*series))
    for symbol in live.followers:
        await live.refresh(symbol)
    return live


class TestNewest:
    async def test_it_is_of_the_newest_bar(self):
        live = await served(hours(BTC, range(60)))
        newest = live.service.newest("BTC/USDT")
        assert (newest.signal.time, newest.signal.close_time) == (59 * HOUR, 60 * HOUR)
        assert newest.signal.bar == tuple(getattr(hours(BTC, [59]), name)[0] for name in COLUMNS)
        assert list(newest.signal.columns) == ["fast", "slow", "up"]
        assert newest.signal.columns["up"] in {True, False}
        assert newest.provenance.bars == 60

    @pytest.mark.parametrize(("now", "overdue"), [(60.0, 0), (60.99, 0), (61.0, 1), (63.5, 3)])
    async def test_it_tells_how_many_bars_are_overdue(self, now, overdue):
        live = await served(hours(BTC, range(60)))
        live.clock.time = round(now * HOUR)
        assert live.service.newest().overdue == overdue

    async def test_a_lone_symbol_need_not_be_named(self):
        live = await served(hours(BTC, range(60)))
        assert live.service.newest().signal == live.service.newest("BTC/USDT").signal

    async def test_one_of_several_must_be(self):
        live = await served(hours(BTC, range(60)), hours(ETH, range(60)))
        with pytest.raises(Failure, match="symbol: missing; name one of BTC/USDT, ETH/USDT") as refused:
            live.service.newest()
        assert refused.value.kind is Kind.INVALID
        assert live.service.newest("ETH/USDT").signal.market == ETH

    async def test_a_symbol_that_is_not_traded_is_not_found(self):
        live = await served(hours(BTC, range(60)))
        with pytest.raises(Failure, match="symbol: 'SOL/USDT': ma-cross trades BTC/USDT; name one of these") as refused:
            live.service.newest("SOL/USDT")
        assert refused.value.kind is Kind.NOT_FOUND

    async def test_trouble_is_the_answer(self):
        live = await served(hours(BTC, range(60)))
        live.feed.trouble = OSError("the volume is gone")
        await live.refresh()
        with pytest.raises(Failure, match="the volume is gone"):
            live.service.newest()

    async def test_it_is_counted(self):
        live = await served(hours(BTC, range(60)))
        live.service.newest()
        assert 'tidewright_signals_served_total{symbol="BTC/USDT"} 1.0' in live.metrics.text().decode()


class TestSaid:
    async def test_a_stretch_is_by_open_time_end_exclusive(self):
        live = await served(hours(BTC, range(60)))
        said = live.service.said("BTC/USDT", 50 * HOUR, 53 * HOUR)
        assert [signal.time for signal in said.signals] == [50 * HOUR, 51 * HOUR, 52 * HOUR]
        assert said.following is None

    async def test_what_is_left_out_is_told(self):
        live = await served(hours(BTC, range(60)))
        said = live.service.said("BTC/USDT", 50 * HOUR, most=2)
        assert [signal.time for signal in said.signals] == [50 * HOUR, 51 * HOUR]
        assert said.following == 52 * HOUR

    async def test_nothing_is_said_of_the_warmup(self):
        live = await served(hours(BTC, range(60)))
        assert live.service.said("BTC/USDT", 0).signals[0].time == live.strategy.warmup * HOUR


class TestStream:
    async def test_it_begins_with_the_newest_bar_and_goes_on(self):
        live = await served(hours(BTC, range(60)))
        stream = live.service.stream([], None)
        assert await _times(stream) == [59]
        for row in (60, 61):
            waiting = asyncio.create_task(_times(stream))
            live.feed.bars[BTC] = hours(BTC, range(row + 1))
            await live.refresh()
            assert await waiting == [row]

    async def test_it_begins_where_it_is_told_and_catches_up_in_parts(self, monkeypatch):
        monkeypatch.setattr(SignalService.said, "__defaults__", (2**62, 15))
        live = await served(hours(BTC, range(60)))
        stream = live.service.stream(["BTC/USDT"], 40 * HOUR)
        assert [await _times(stream) for _ in range(2)] == [list(range(40, 55)), list(range(55, 60))]

    async def test_a_late_bar_is_not_sent_after_those_that_follow_it(self):
        live = await served(hours(BTC, [*range(50), *range(51, 60)]))
        stream = live.service.stream([], 45 * HOUR)
        assert await _times(stream) == [45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 59]
        live.feed.bars[BTC] = hours(BTC, range(61))
        await live.refresh()
        assert await _times(stream) == [60]

    async def test_several_symbols_share_it(self):
        live = await served(hours(BTC, range(60)), hours(ETH, range(60)))
        stream = live.service.stream([], None)
        markets = [(await anext(stream)).signals[0].market for _ in range(2)]
        assert markets == [BTC, ETH]

    async def test_a_symbol_of_which_nothing_can_be_said_yet_is_waited_for(self):
        live = await served(hours(BTC, range(3)))
        stream = live.service.stream([], None)
        waiting = asyncio.create_task(_times(stream))
        await asyncio.sleep(0)
        live.feed.bars[BTC] = hours(BTC, range(60))
        await live.refresh()
        assert await waiting == [59]

    async def test_it_ends_when_the_service_stops(self):
        live = await served(hours(BTC, range(60)))
        stream = live.service.stream([], None)
        await anext(stream)
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        live.service.stop()
        with pytest.raises(Failure, match="open the stream again from the last bar received") as ended:
            await waiting
        assert ended.value.kind is Kind.UNAVAILABLE

    async def test_an_unknown_symbol_is_refused_at_once(self):
        live = await served(hours(BTC, range(60)))
        with pytest.raises(Failure, match="'SOL/USDT'"):
            await anext(live.service.stream(["SOL/USDT"], None))


class TestAskedBarByBar:
    """A strategy that decides with its position: of it only columns can be served."""

    @pytest.fixture
    async def live(self, tmp_path):
        (tmp_path / "patient.py").write_text(
            "from tidewright.domain.orders import hold\n"
            "from tidewright.domain.strategies.step import StepStrategy\n"
            "class Patient(StepStrategy):\n"
            "    def warmup(self, parameters): return 2\n"
            "    def columns(self, bars, parameters): return {'twice': bars.close * 2}\n"
            "    @staticmethod\n"
            "    def on_bar(state, position, view): return hold()\n"
        )
        source = {"classRef": {"module": "patient", "class": "Patient"}}
        live = Live(Feed(hours(BTC, range(60))), strategy=resolved(source, import_from=[tmp_path]))
        await live.refresh()
        return live

    async def test_its_events_are_refused(self, live):
        assert live.service.asked_bar_by_bar
        for ask in (live.service.newest, lambda: live.service.said("", 0)):
            with pytest.raises(Failure, match="decides with its position, which this service does not know") as refused:
                ask()
            assert refused.value.kind is Kind.PRECONDITION
        with pytest.raises(Failure, match="ask for columns only"):
            await anext(live.service.stream([], None))

    async def test_its_columns_are_served(self, live):
        newest = live.service.newest(columns_only=True)
        assert newest.signal.events is None
        assert newest.signal.columns == {"twice": 2 * hours(BTC, [59]).close[0]}


class TestReadiness:
    async def test_it_is_ready_once_something_can_be_said_of_any_market(self):
        live = Live(Feed(hours(BTC, range(60)), hours(ETH, range(2))))
        assert "its bars are being read" in live.service.problem()
        await live.refresh("ETH/USDT")
        assert "2 of the" in live.service.problem()
        await live.refresh("BTC/USDT")
        assert live.service.problem() == ""
        assert [bool(market.problem) for market in live.service.served()] == [False, True]


async def _times(stream):
    return [signal.time // HOUR for signal in (await anext(stream)).signals]

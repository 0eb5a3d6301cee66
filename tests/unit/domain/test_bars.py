import numpy as np

from tidewright.domain.bars import COLUMNS, Bars, Market

HOUR = 3_600_000
COUNTING = np.arange(10, dtype=np.float64)
BARS = Bars(
    HOUR * np.arange(10),
    *(100 * column + COUNTING for column in range(5)),
    step=HOUR,
    market=Market("binance", "BTC/USDT", "1h"),
)


def test_a_part_has_every_column_and_all_else_of_the_whole():
    part = BARS.part(2, 5)

    assert len(part) == 3
    assert (part.time // HOUR).tolist() == [2, 3, 4]
    for column, name in enumerate(COLUMNS):
        assert getattr(part, name).tolist() == [100 * column + i for i in (2, 3, 4)]
    assert (part.step, part.market) == (BARS.step, BARS.market)


def test_a_part_copies_nothing():
    assert all(np.shares_memory(getattr(BARS.part(2, 5), name), getattr(BARS, name)) for name in ("time", *COLUMNS))


def test_bars_between_two_times_open_at_the_first_or_later_and_before_the_second():
    assert (BARS.between(2 * HOUR, 5 * HOUR).time // HOUR).tolist() == [2, 3, 4]
    assert (BARS.between(2 * HOUR - 1, 5 * HOUR + 1).time // HOUR).tolist() == [2, 3, 4, 5]
    assert len(BARS.between(-HOUR, 100 * HOUR)) == 10
    assert len(BARS.between(5 * HOUR, 2 * HOUR)) == 0


def test_a_market_reads_as_people_say_it():
    assert str(BARS.market) == "BTC/USDT 1h on binance"

import pytest

from tidewright.adapters.simulated import ASSETS, COUNT, FOLDER, MARKETS, SimulatedStore, generate
from tidewright.domain.bars import Market
from tidewright.domain.quality import assess
from tidewright.domain.simulation import resample, simulate


def test_the_embedded_files_are_what_the_generator_makes(tmp_path):
    generate(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in FOLDER.iterdir()}
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), (
            f"{path.name} differs: `make generate` writes it anew"
        )


def test_the_embedded_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_500_000


@pytest.mark.parametrize("market", MARKETS, ids=str)
def test_the_embedded_market_is_sound(market):
    assert assess(SimulatedStore().read(market)) == ()


def test_every_embedded_market_is_labelled_as_simulated():
    assert all(stored.simulated for stored in SimulatedStore().markets())


def test_the_embedded_market_covers_two_and_a_half_years():
    stored = SimulatedStore().describe(Market("simulated", "BTC/USDT", "1h"))

    assert (stored.count, stored.gaps) == (COUNT, 0)
    assert (stored.first, stored.last) == (1_640_995_200_000, 1_719_788_400_000)  # 2022-01-01 to 2024-06-30T23:00


def test_prices_are_the_floats_nearest_to_their_ticks():
    bars = SimulatedStore().read(Market("simulated", "ETH/USDT", "1h"))

    assert all(float(f"{price:.2f}") == price for price in bars.close[:1_000])


def test_longer_bars_are_made_of_the_hourly_ones():
    asset = ASSETS[0]
    days = SimulatedStore().read(Market("simulated", asset.symbol, "1d"))
    whole = resample(simulate(asset, COUNT, 2), 24)

    assert (days.high * asset.ticks).round().tolist() == whole[:, 1].tolist()
    assert (days.volume * asset.lots).round().tolist() == whole[:, 4].tolist()

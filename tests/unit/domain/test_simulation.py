from dataclasses import replace

import numpy as np
import pytest

from tidewright.domain.simulation import JUMPS, REGIMES, Asset, resample, simulate

ASSET = Asset("BTC/USDT", 10, 46_000.0, 100, 1_500.0, 1_000, volatility=1.0, beta=0.9, spread=50)
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


@pytest.fixture(scope="module")
def year():
    return simulate(ASSET, 8_760, seed=7)


def returns(bars):
    return np.diff(bars[:, CLOSE]) / bars[:-1, CLOSE]


def correlation(first, second):
    return np.corrcoef(first, second)[0, 1]


def test_a_seed_gives_these_bars_on_every_machine():
    assert simulate(ASSET, 3, seed=7).tolist() == [
        [4599955, 4615454, 4599407, 4605805, 934775],
        [4605756, 4609586, 4599924, 4603710, 461268],
        [4603719, 4605276, 4596636, 4598930, 869148],
    ]


def test_the_seed_alone_decides(year):
    assert (simulate(ASSET, 8_760, seed=7) == year).all()
    assert (simulate(ASSET, 8_760, seed=8) != year).any()


def test_open_high_low_and_close_belong_together(year):
    assert (year[:, LOW] > 0).all()
    assert (year[:, HIGH] >= year[:, [OPEN, LOW, CLOSE]].max(axis=1)).all()
    assert (year[:, LOW] <= year[:, [OPEN, HIGH, CLOSE]].min(axis=1)).all()
    assert (year[:, VOLUME] > 0).all()


def test_an_open_lies_near_the_close_before(year):
    distance = np.abs(year[1:, OPEN] - year[:-1, CLOSE])

    assert distance.max() <= ASSET.spread
    assert (distance > 0).mean() > 0.9


def test_volatility_clusters(year):
    size = np.abs(returns(year))

    assert correlation(size[1:], size[:-1]) > 0.15
    assert abs(correlation(returns(year)[1:], returns(year)[:-1])) < 0.05


def test_large_moves_are_more_common_than_under_a_normal_distribution(year):
    moves = returns(year)

    assert (np.abs(moves) > 4 * moves.std()).mean() > 20 * 6.3e-5
    assert JUMPS * len(moves) > 10


def test_volume_follows_the_range(year):
    assert correlation(year[:, VOLUME], (year[:, HIGH] - year[:, LOW]) / year[:, CLOSE]) > 0.5


def test_assets_of_one_seed_move_together_as_far_as_beta_goes(year):
    other = simulate(replace(ASSET, stream=11, beta=0.9), 8_760, seed=7)
    stranger = simulate(replace(ASSET, stream=12, beta=0.0), 8_760, seed=7)

    assert correlation(returns(year), returns(other)) > 0.6
    assert abs(correlation(returns(year), returns(stranger))) < 0.1


def test_every_regime_leads_to_others_only():
    for i, regime in enumerate(REGIMES):
        assert regime.next[i] == 0
        assert sum(regime.next) == pytest.approx(1)


def test_resampling_is_exact_and_drops_an_unfinished_bar(year):
    days = resample(year[: 24 * 2 + 5], 24)

    assert days.shape == (2, 5)
    first = year[:24]
    assert days[0].tolist() == [
        first[0, OPEN],
        first[:, HIGH].max(),
        first[:, LOW].min(),
        first[-1, CLOSE],
        first[:, VOLUME].sum(),
    ]

import pytest

from tidewright.exchange.local import LocalExchange, Settings
from tidewright.exchange.markets import Symbol
from tidewright.exchange.simulated import simulated_market

START, HOUR = 1_704_067_200_000, 3_600_000


@pytest.mark.parametrize(
    ("text", "base", "quote"),
    [("BTC/USDT", "BTC", "USDT"), ("BTCUSDT", "BTC", "USDT"), ("LRCBTC", "LRC", "BTC"), ("AB/CD", "AB", "CD")],
)
def test_a_symbol_is_told_apart_into_base_and_quote(text, base, quote):
    assert Symbol.of(text) == Symbol(base, quote)


@pytest.mark.parametrize("text", ["btc/usdt", "USDT", "NONSENSE", "BTC/", "BTC/USDT:USDT", "BTC-USDT"])
def test_other_symbols_are_refused(text):
    with pytest.raises(ValueError, match="is no symbol"):
        Symbol.of(text)


def test_a_simulation_follows_from_its_seed():
    tapes = [simulated_market(Symbol.of("DOGE/USDT"), START, 5, seed).log.tape() for seed in (1, 1, 2)]
    assert tapes[0].price.tolist() == tapes[1].price.tolist() != tapes[2].price.tolist()
    assert tapes[0].quantity.tolist() == tapes[1].quantity.tolist()
    assert len(tapes[0]) == 5 * 720


def test_an_exchange_starts_within_its_tape_and_has_each_symbol_once():
    market = simulated_market(Symbol.of("BTC/USDT"), START, 5, seed=1)
    with pytest.raises(
        ValueError, match="2024-01-01T00:00:00Z to 2024-01-01T05:00:00Z, and cannot start at 2024-01-01T05:00:00Z"
    ):
        LocalExchange([market], Settings(start=START + 5 * HOUR))
    with pytest.raises(ValueError, match="each symbol once"):
        LocalExchange([market, market])

"""A live signal and what it was made of survive the wire."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.bars import Market
from tidewright.domain.live import Anchor, LiveSignal, Parity, Provenance
from tidewright.v1 import signal_pb2 as pb
from tidewright.wire.market import Malformed
from tidewright.wire.signal import provenance_message, provenance_of, signal_message, signal_of

BTC = Market("binance", "BTC/USDT", "1h")
HOUR = 3_600_000

events = st.none() | st.fixed_dictionaries({"enter": st.booleans(), "exit": st.booleans()}).flatmap(
    lambda both: st.just(both) | st.just(both | {"enter_short": both["exit"], "exit_short": both["enter"]})
)
signals = st.builds(
    LiveSignal,
    market=st.just(BTC),
    time=st.integers(-(2**50), 2**50),
    step=st.just(HOUR),
    bar=st.tuples(*[st.floats(allow_nan=False)] * 5),
    events=events,
    columns=st.dictionaries(st.text(min_size=1, max_size=9), st.floats(allow_nan=False) | st.booleans(), max_size=4),
)


def sent(message):
    """The message as it arrives."""
    return type(message).FromString(message.SerializeToString())


@given(signals)
def test_a_signal_survives_the_wire(signal):
    arrived = signal_of(sent(signal_message(signal)))
    assert arrived == signal
    assert list(arrived.columns) == list(signal.columns)
    assert [type(value) for value in arrived.columns.values()] == [type(value) for value in signal.columns.values()]


def test_an_undefined_column_stays_undefined():
    signal = LiveSignal(BTC, 0, HOUR, (1.0,) * 5, None, {"fast": math.nan})
    assert math.isnan(signal_of(sent(signal_message(signal))).columns["fast"])


def test_no_events_are_not_events_that_are_all_false():
    said = LiveSignal(BTC, 0, HOUR, (1.0,) * 5, {"enter": False, "exit": False}, {})
    assert signal_of(sent(signal_message(said))).events == {"enter": False, "exit": False}
    assert signal_of(sent(signal_message(said.without_events()))).events is None


def test_a_column_without_a_value_is_refused():
    message = signal_message(LiveSignal(BTC, 0, HOUR, (1.0,) * 5, None, {}))
    message.columns.append(pb.ColumnValue(name="fast"))
    with pytest.raises(Malformed, match="'fast' has no value; send number or flag"):
        signal_of(message)


def test_a_bar_that_closes_before_it_opens_is_refused():
    message = signal_message(LiveSignal(BTC, HOUR, HOUR, (1.0,) * 5, None, {}))
    message.close_time_ms = HOUR
    with pytest.raises(Malformed, match="close_time_ms: 3600000 is not after the bar's open"):
        signal_of(message)


def test_provenance_survives_the_wire():
    provenance = Provenance(Anchor(BTC, "sha256:1", -5, 30, "sha256:2"), 2**40, "sha256:3", 1, Parity(720, 3))
    assert provenance_of(sent(provenance_message(provenance))) == provenance

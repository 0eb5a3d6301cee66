"""Signals as the kernel reads them: one small number a bar, conflicts resolved."""

import numpy as np

from tidewright.domain.bars import Booleans
from tidewright.domain.compiled import compiled
from tidewright.domain.ledger import Codes
from tidewright.domain.strategies.strategy import Signals

ENTER_LONG, EXIT_LONG, ENTER_SHORT, EXIT_SHORT = 1, 2, 4, 8
"""The bits of an intent."""

ENTER = ENTER_LONG | ENTER_SHORT


def intents(signals: Signals) -> Codes:
    """Both sides' entries and exits as the bits of one number a bar, shape (n,), conflicts resolved."""
    if signals.enter_short is None or signals.exit_short is None:
        return _long_intents(signals.enter, signals.exit)
    enter, leave = signals.enter & ~signals.exit, signals.exit
    enter_short = signals.enter_short & ~signals.exit_short
    both = (enter & enter_short).view(np.int8)
    entries = (enter.view(np.int8) | enter_short.view(np.int8) << 2) & ~(both | both << 2)
    return entries | leave.view(np.int8) << 1 | signals.exit_short.view(np.int8) << 3


@compiled
def _long_intents(enter: Booleans, leave: Booleans) -> Codes:
    """As `intents` where there are no short signals, which is most often."""
    entries, exits = enter.view(np.int8), leave.view(np.int8)
    bits = np.empty(len(entries), dtype=np.int8)
    for i in range(len(entries)):
        bits[i] = (entries[i] & ~exits[i]) | (exits[i] << 1)
    return bits

"""Technical indicators: pure functions of price and volume arrays, one module per family.

Belongs here: ``f(arrays..., windows..., widths...) -> array(s)`` over float64 arrays of shape (n,), one value per bar, and how many bars
of history each needs (`warmup`). Does not belong here: signals, defaults of a strategy, anything that knows of `Bars`.

What holds for all of them: the value at bar i uses bars up to and including i, and is NaN before the first defined one. An
array may begin with NaN, as an indicator's does, and is then taken to start after it. A NaN further on makes every window that holds it
NaN; a recursive indicator is NaN there and starts afresh with the bar after it. Arrays that are too short, empty ones included, give
NaN throughout. A window below 1 raises ValueError. Seeds and conventions are those of TA-Lib.
"""

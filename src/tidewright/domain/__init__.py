"""The market arithmetic: bars, indicators, strategies, fills, metrics and the evidence about them.

Belongs here: pure functions over arrays, built on the standard library, numpy and numba alone.
Does not belong here: files, networks, clocks, environment, global state, anything that a resource's YAML looks like.

Two rules hold throughout. On the way to a fill only IEEE-exact operations are used (``+ - * / sqrt``
and comparisons, in a stated order), so that a result is the same bit for bit on every machine; ``exp``, ``log`` and powers
appear in metrics only. And a value at bar *i* depends on bars up to and including *i* alone.
"""

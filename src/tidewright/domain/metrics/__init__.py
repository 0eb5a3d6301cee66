"""What a backtest is judged by: figures of an account's history and of its trades.

Belongs here: pure functions from equity, fills and trades to numbers, and the table that says how each number is named and read.
Does not belong here: inference about a figure (`tidewright.domain.bootstrap`, `tidewright.domain.overfitting`), charts and formatting.

`table` names the figures and imports nothing heavy; `formulae` holds the formula of each, with its source; `statistics` the
compiled passes over the arrays that the formulae need; `periods` the calendar; `measure` puts them together.

A figure that is not defined (no losing trade to divide by, no variability) is NaN: never 0, never an exception.
"""

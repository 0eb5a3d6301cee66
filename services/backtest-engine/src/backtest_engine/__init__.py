"""Backtrader as an engine: the same signals and terms, filled by Backtrader's own broker.

Belongs here: what turns signals and terms into Backtrader's orders, and its executions into a ledger. The rules of stops, targets and
sizes are written here a second time, from their description and in another form, so that the comparison compares something.
Does not belong here: anything of `tidewright.domain` that decides or prices a fill (an import contract holds this).
"""

"""Searches of a strategy's parameters: which values are tried next, by whom, and what is kept of it.

Belongs here: enumerated searches, adaptive ones (`optuna_optimizer.search`, the one package that imports Optuna), and the processes that work on them. Does not belong here: how one set of values
is evaluated, which is given, and the evidence whether to believe what was found (`tidewright.domain`).
"""

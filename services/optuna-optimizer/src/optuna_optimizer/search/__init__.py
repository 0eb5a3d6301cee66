"""Searches that learn, by Optuna: the one package that imports it.

Here belongs what is Optuna's: samplers, pruners, its journal, importance. How trials are claimed, kept and counted does not: that is the same for all searches.
"""

import logging

import optuna

optuna.logging.set_verbosity(logging.ERROR)

"""Bars from exchanges: what is missing of a market is planned, downloaded, verified, decoded and merged into a store.

Belongs here: the dialects of exchanges (archives, REST), HTTP with its time-outs and retries, and the plan of a download.
Does not belong here: what a store does with bars, arithmetic on them (`tidewright.domain.resampling`), words for a terminal.
"""

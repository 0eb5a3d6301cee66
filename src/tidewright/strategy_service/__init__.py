"""The container of a user's own code: serves one strategy class as ``tidewright.v1.StrategyService``, and holds nothing else.

`service` is the use case, `rpc` its face, `wiring` puts it together from `settings`. Nothing that knows data, an account or a result belongs here: those are in the process that asks
(`tidewright.adapters.remote_strategy`).
"""

"""The one host of every service: REST and gRPC over one use case, with health, metrics, logs, limits, TLS and a graceful stop.

A service is a `Service` (its name, number, routes and servicers), and `host.run` is its process. Belongs here: what is the same for all
services. Does not belong here: anything that knows bars, strategies or results.
"""

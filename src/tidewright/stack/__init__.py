"""Everything that works together on one machine: servers, the local exchange, and the services, each in a process of its own.

Belongs here: what is started, with which environment, in which order, and kept running. Does not belong here: what a service does, and
how a terminal shows it (`tidewright.cli.up`).
"""

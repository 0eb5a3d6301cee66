"""Protobuf to domain and back: what travels between services, and what the arithmetic knows.

Belongs here: pure mappings, each with the checks that a message from elsewhere needs. Does not belong here: connections, services, anything
that waits.
"""

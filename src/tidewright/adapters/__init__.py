"""Implementations of `tidewright.ports` on files, servers and exchanges.

Belongs here: whatever reads or writes the world outside, one module per technology; a heavyweight library is imported by exactly one.
Does not belong here: arithmetic on bars, the shape of a resource, words for a terminal.
"""

"""Strategies: what one is, the form made of rules, and those that are built in.

Belongs here: the `Strategy` protocol and its types, values for parameters and the constraints between them, strategies as data. Does not belong
here: the rules language itself (`rules`), indicators, fills and positions, or loading a user's module, which is not pure.
"""

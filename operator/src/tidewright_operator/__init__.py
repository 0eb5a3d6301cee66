"""The operator: resources in, Jobs and services out, status back.

Belongs here: reconciliation, the objects it creates, and the process around it. Does not belong here: what a resource means (`tidewright.specs`), and any arithmetic.
`cluster` alone speaks to the API server; `kinds` has one module a kind, of pure builders and status functions around one reconciliation.
"""

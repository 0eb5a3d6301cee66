"""The `tidewright` command.

Belongs here: what is typed and what is shown. Each command is a module of its own and is imported only when it is called, so that `--help` is immediate.
Does not belong here: anything that a Job on a cluster does too (`runs`).
"""

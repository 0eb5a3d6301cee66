"""Use cases: from a resource and the ports to a result, the same on a laptop and in a Job.

Belongs here: resolving a resource to what the arithmetic needs, the order of the steps, and the record of what was done.
Does not belong here: arithmetic (`domain`), files and servers (`adapters`), how anything is shown (`report`, `cli`).
"""

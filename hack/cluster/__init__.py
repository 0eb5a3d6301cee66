"""A real Kubernetes control plane on one machine: for the tests, the benchmarks and people.

Here belongs how its servers are compiled, found, started, restarted and stopped. What only a test wants of a cluster (a scripted kubelet,
faults on the way to the API server) is in `tests/support`. Nothing but the standard library and PyYAML.
"""

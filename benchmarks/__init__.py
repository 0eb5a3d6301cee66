"""How fast Tidewright is, as ratios to other programs on the same machine in the same run; `make bench`, docs/benchmarks.md.

Whatever is measured runs in a process of its own (`process`): our code in `ours`, the rivals in `rivals`, so that neither changes how the other is compiled. The
process that asks them (`__main__`) imports nothing heavy, because a child's peak of memory begins with its parent's.
"""

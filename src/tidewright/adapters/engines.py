"""Engines other than the kernel, found by entry point: a distribution brings one by being installed."""

from importlib.metadata import entry_points

from tidewright.ports import Engine


def find_engine(name: str) -> Engine | None:
    """The installed engine of this name, or None. Loading it may take seconds, which only a run that asks for it waits for."""
    for point in entry_points(group="tidewright.engines", name=name):
        engine: Engine = point.load()()
        return engine
    return None

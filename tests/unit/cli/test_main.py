import click
import pytest

from tidewright.cli.__main__ import tidewright
from tidewright.cli.endings import DONE, REFUSED


def commands(group=tidewright, before=()):
    """The words of every command, those of groups included."""
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*before, name)
        inner = group.get_command(context, name)
        if isinstance(inner, click.Group):
            yield from commands(inner, (*before, name))


@pytest.mark.parametrize("words", [(), *commands()], ids=" ".join)
def test_every_command_explains_itself_with_examples(command, words):
    ended = command(*words, "--help")
    assert (ended.code, ended.err) == (DONE, "")
    group = ("data",), ("init",)
    assert words in group or "Example" in ended.out
    assert "tidewright" in ended.out


def test_the_overview_names_every_command_with_what_it_does(command):
    ended = command("--help")
    for name in tidewright.list_commands(click.Context(tidewright)):
        assert f"  {name} " in ended.out
    assert "Exit codes: 0 done, 1 failed, 2 refused input." in ended.out


def test_the_version_is_told(command):
    ended = command("--version")
    assert (ended.code, ended.out.split()[0]) == (DONE, "tidewright")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("verfy",), "No such command 'verfy' (did you mean 'verify'?)"),
        (("run", "--jsn", "x.yaml"), "No such option '--jsn'"),
        (("--frobnicate",), "No such option '--frobnicate'"),
    ],
)
def test_a_mistyped_word_is_refused_with_the_nearest(command, words, message):
    ended = command(*words)
    assert (ended.code, ended.out) == (REFUSED, "")
    assert message in " ".join(ended.err.replace("'--jsn'.", "'--jsn'").split())


def test_without_a_word_the_overview_is_shown(command):
    ended = command()
    assert ended.code == REFUSED
    assert "Commands:" in ended.err

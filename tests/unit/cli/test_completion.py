import pytest

from tidewright.cli.__main__ import tidewright
from tidewright.cli.endings import DONE, REFUSED


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_asks_this_command(command, shell):
    ended = command("completion", shell)
    assert (ended.code, ended.err) == (DONE, "")
    assert f"_TIDEWRIGHT_COMPLETE={shell}_complete" in ended.out


def test_another_shell_is_refused_with_those_there_are(command):
    ended = command("completion", "tcsh")
    assert (ended.code, "'bash', 'zsh', 'fish'" in ended.err) == (REFUSED, True)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("tidewright ver", ["verify"]),
        ("tidewright run --no", ["--no-report"]),
        ("tidewright schema Back", ["BacktestRun"]),
        ("tidewright data li", ["list"]),
        ("tidewright strategies Mac", ["MacdCross"]),
    ],
)
def test_words_are_completed(folder_of_its_own, monkeypatch, capsys, words, offered):
    monkeypatch.setenv("_TIDEWRIGHT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    with pytest.raises(SystemExit):
        tidewright.main([], prog_name="tidewright", standalone_mode=False)
    assert [line.split(",")[1] for line in capsys.readouterr().out.splitlines()] == offered

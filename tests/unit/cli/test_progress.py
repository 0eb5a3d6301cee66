import io

from rich.console import Console

from tidewright.cli.progress import steps


def shown(*, terminal, **options):
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100)
    with steps(console, "[b]demo[/nothing]", **options) as stage:
        stage("Trading", 0.5)
    return file.getvalue()


def test_a_terminal_gets_a_bar_with_the_name_and_the_step():
    text = shown(terminal=True)
    assert "[b]demo[/nothing]" in text
    assert "Trading" in text


def test_elsewhere_and_where_silence_is_wanted_nothing_is_shown():
    assert shown(terminal=False) == ""
    assert shown(terminal=True, silent=True) == ""

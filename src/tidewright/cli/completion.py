"""`tidewright completion`: what a shell needs to complete the command."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    Examples:
      bash:  eval "$(tidewright completion bash)"                  in ~/.bashrc
      zsh:   eval "$(tidewright completion zsh)"                   in ~/.zshrc
      fish:  tidewright completion fish > ~/.config/fish/completions/tidewright.fish
    """
    from tidewright.cli.__main__ import tidewright  # noqa: PLC0415 - which imports this module by name

    script = get_completion_class(shell)
    assert script is not None  # noqa: S101
    click.echo(script(tidewright, {}, "tidewright", "_TIDEWRIGHT_COMPLETE").source())

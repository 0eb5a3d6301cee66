"""The command's entry point: the list of commands, and what every one of them does about errors."""

import importlib
import sys

import click

_COMMANDS = {
    "run": ("tidewright.cli.run", "Run the resources of some files and show what came of it."),
    "verify": ("tidewright.cli.verify", "Run a result again and compare the digests."),
    "report": ("tidewright.cli.report", "Write the HTML report of a result again."),
    "apply-best": ("tidewright.cli.apply_best", "Write the strategy that a study found."),
    "compare": ("tidewright.cli.compare", "Rank several results, and tell skill from luck."),
    "work": ("tidewright.cli.work", "Run a backtest as a Job on a cluster does."),
    "data": ("tidewright.cli.data", "Import market data, and see what there is."),
    "exchange": ("tidewright.exchange.command", "Serve a local exchange that speaks Binance's protocol."),
    "up": ("tidewright.cli.up", "Start servers and services on this machine, and show how they are."),
    "streams": ("tidewright.cli.streams", "See the streams between services, and their dead letters."),
    "db": ("tidewright.cli.db", "Make a database ready, and keep its schema up to date."),
    "init": ("tidewright.cli.init", "Write the files of a strategy of one's own."),
    "strategies": ("tidewright.cli.strategies", "List the built-in strategies and their parameters."),
    "schema": ("tidewright.cli.schema", "Print the JSON Schema of a resource, for editors."),
    "crds": ("tidewright.cli.crds", "Print the resources' definitions, for a Kubernetes cluster."),
    "completion": ("tidewright.cli.completion", "Print the script that completes this command in a shell."),
}
"""Name, module (which holds a click command of the same name) and short help."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(_COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from tidewright.specs.problems import nearest  # noqa: PLC0415 - imports the schema, for the sake of an error

            raise click.UsageError(f"{error.message.rstrip('.')}{nearest(args[0], _COMMANDS)}.", ctx) from None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 refused input.  Documentation: docs/ in the project.",
)
@click.version_option(package_name="tidewright", message="tidewright %(version)s")
def tidewright() -> None:
    """Trading research as Kubernetes resources, on a laptop.

    One YAML file describes a strategy and its backtest; this command runs it without any server, and gives the same fills
    and equity as a cluster does, bit for bit.

    \b
    Examples:
      tidewright run manifests/samples/backtestrun-demo.yaml
      tidewright data import BTC.csv --exchange binance --symbol BTC/USDT --timeframe 1h
      tidewright verify tidewright-results/demo/result.json
    """


def main() -> None:
    """Run the command; everything that can be foreseen ends with a message and an exit code, not with a traceback."""
    from tidewright.cli.endings import ending  # noqa: PLC0415

    sys.exit(ending(lambda: tidewright.main(standalone_mode=False)))


if __name__ == "__main__":
    main()

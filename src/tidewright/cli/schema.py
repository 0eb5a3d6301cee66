"""`tidewright schema`: the resources' JSON Schema, for editors that complete and check YAML."""

import json

import click

from tidewright.specs.manifest import RESOURCES


@click.command()
@click.argument("kind", metavar="KIND", type=click.Choice(list(RESOURCES)))
def schema(kind: str) -> None:
    """Print the JSON Schema of KIND.

    \b
    Example, for the YAML extension of an editor:
      tidewright schema BacktestRun > backtestrun.schema.json
      # then, as the first line of a manifest:
      # yaml-language-server: $schema=backtestrun.schema.json
    """
    click.echo(json.dumps(RESOURCES[kind].model_json_schema(by_alias=True), indent=2))

"""`tidewright crds`: the definitions that make a Kubernetes cluster know the resources."""

from pathlib import Path

import click

from tidewright.specs.crd import crd
from tidewright.specs.kinds import KINDS
from tidewright.specs.manifest import as_yaml


@click.command()
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write one file a kind to, rather than all to stdout.",
)
def crds(output: Path | None) -> None:
    """Print the CustomResourceDefinitions of all kinds.

    They are rendered from the very models that `tidewright run` reads a manifest with, so an API server accepts what this command
    accepts. Needs Kubernetes 1.30 or later.

    \b
    Examples:
      tidewright crds | kubectl apply --server-side -f -
      tidewright crds --output crds && kubectl apply --server-side -f crds/
      kubectl explain backtestrun.spec.broker
      kubectl get tidewright          # every resource of every kind
    """
    if output is None:
        click.echo(as_yaml(crd(kind) for kind in KINDS), nl=False)
        return
    output.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        file = output / f"{kind.plural}.yaml"
        file.write_text(as_yaml([crd(kind)]), encoding="utf-8")
        click.echo(file)

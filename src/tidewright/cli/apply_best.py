"""`tidewright apply-best`: from a study to the TradingStrategy that it found."""

from pathlib import Path
from typing import Any, get_args

import click
from pydantic import ValidationError

from tidewright.adapters.atomic import atomic_text
from tidewright.adapters.kubectl import resource
from tidewright.adapters.results import NoResult
from tidewright.adapters.study_results import read_study
from tidewright.cli.refusals import refused, told
from tidewright.runs.found_strategy import Candidate, Found, found_in, found_on_cluster
from tidewright.runs.refusal import InputRefused
from tidewright.specs.manifest import Manifest, as_yaml

_NONE = {
    "selected": "it selected no trial: none came to its end and met the requirements",
    "best": "no trial is feasible",
    "robust": "no trial is feasible",
    "knee": "a knee is of the front between two objectives or more; choose another --candidate",
}


@click.command("apply-best")
@click.argument("study", required=False, type=click.Path(path_type=Path))
@click.option(
    "--from-cluster",
    "on_cluster",
    metavar="NAME",
    help="Instead of STUDY: an OptimizationStudy on the cluster, read by kubectl.",
)
@click.option("--namespace", "-n", help="Namespace of NAME  [default: that of kubectl's context]")
@click.option(
    "--candidate",
    type=click.Choice(get_args(Candidate)),
    default="selected",
    show_default=True,
    help="Which trial: the one that the study selected, or what another selection would choose.",
)
@click.option("--name", help="Name of the TradingStrategy  [default: the study's]")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="File to write  [default: standard output]"
)
@click.option("--overwrite", is_flag=True, help="Write over a file that is there.")
@click.option("--even-if-overfit", is_flag=True, help="Write the strategy of a study whose verdict is Overfit.")
def apply_best(
    study: Path | None,
    on_cluster: str | None,
    namespace: str | None,
    candidate: Candidate,
    name: str | None,
    output: Path | None,
    overwrite: bool,
    even_if_overfit: bool,
) -> None:  # fmt: skip
    """Write the strategy that STUDY found as a TradingStrategy, ready to apply or to run.

    STUDY is the result.json that `tidewright run` wrote of an OptimizationStudy, or the folder that holds it. The strategy has the study's source, symbols,
    timeframe and risk, with the values of the trial in place, and annotations that say where they came from. It is research only: execution and promotion are yours to add.

    A study whose verdict is Overfit is refused: its parameters are what luck would find.

    \b
    Examples:
      tidewright apply-best tidewright-results/ma-cross-study
      tidewright apply-best tidewright-results/ma-cross-study --name ma-cross -o ma-cross.yaml
      tidewright apply-best tidewright-results/ma-cross-study --candidate knee | kubectl apply -f -
      tidewright apply-best --from-cluster ma-cross-study -n research -o ma-cross.yaml

    Exit codes: 0 done, 1 failed, 2 refused input.
    """
    if (study is None) == (on_cluster is None):
        raise click.UsageError("name either STUDY or --from-cluster NAME")
    if on_cluster is None and namespace is not None:
        raise click.UsageError("--namespace goes with --from-cluster")
    if on_cluster is not None and candidate != "selected":
        raise click.UsageError(
            "the cluster knows the selected trial alone; for another --candidate name the study's result folder"
        )
    with told(as_document=False):
        found = _in_file(study, candidate) if study is not None else _on_cluster(str(on_cluster), namespace)
        _believed(found, candidate, even_if_overfit=even_if_overfit)
        text = _manifest(found, name or found.study)
        if output is not None:
            if output.exists() and not overwrite:
                raise refused(output, "is there already; name another file, or add --overwrite")
            atomic_text(output, text)
    click.echo(text if output is None else output, nl=output is not None)


def _in_file(study: Path, candidate: Candidate) -> Found:
    try:
        found = found_in(read_study(study), candidate)
    except NoResult as error:
        raise refused("", str(error)) from None
    except (KeyError, TypeError, ValidationError) as error:
        raise refused(study, f"is not the whole record of a study (no {error}); run the study again") from None
    if found is None:
        raise refused(study, f"the study has no such trial; {_NONE[candidate]}")
    return found


def _on_cluster(name: str, namespace: str | None) -> Found:
    where = f"optimizationstudy/{name}"
    try:
        study = resource("optimizationstudy", name, namespace)
        strategy = study["spec"]["strategy"]
        if "name" in strategy:
            written: dict[str, Any] = resource("tradingstrategy", strategy["name"], namespace)["spec"]
            strategy = {
                field: written[field]
                for field in ("source", "parameters", "symbols", "timeframe", "risk")
                if field in written
            }
        found = found_on_cluster(study, strategy)
    except (KeyError, TypeError, ValidationError) as error:
        raise refused(where, f"is not a whole study (no {error})") from None
    if found is None:
        raise refused(where, f"has no result yet; wait for it: kubectl wait --for=condition=Complete {where}")
    return found


def _believed(found: Found, candidate: Candidate, *, even_if_overfit: bool) -> None:
    """Refuse what is overfit, and say what else speaks against a strategy."""
    judged = found.judged
    if judged.verdict == "Overfit" and not even_if_overfit:
        raise refused(
            found.study,
            "the verdict on this study is Overfit: its parameters are what luck alone would find. Read the report; --even-if-overfit writes them all the same",
        )
    if judged.verdict != "Robust":
        click.echo(
            f"Warning: the verdict on {found.study} is {judged.verdict or 'not known'}, not Robust; read the report before you trade this.",
            err=True,
        )
    if candidate != "selected":
        click.echo(
            f"Warning: the verdict is on the trial that the study selected; nobody has judged trial {found.trial}.",
            err=True,
        )
    if judged.simulated:
        click.echo(f"Warning: {found.study} was made on simulated data, not on a market.", err=True)
    if found.changed:
        click.echo(
            "Warning: the TradingStrategy that was studied is not what it was then; only the searched values are the study's.",
            err=True,
        )


def _manifest(found: Found, name: str) -> str:
    """The resource as text that this version reads back. Raises InputRefused where it does not, for a name that cannot be, say."""
    said = (
        f"# Trial {found.trial} of the study {found.study}, whose verdict is {found.judged.verdict or 'not known'}.\n"
    )
    text = said + as_yaml([found.resource(name)])
    manifest = Manifest()
    manifest.read("TradingStrategy", text)
    if manifest.problems:
        raise InputRefused(manifest.problems)
    return text

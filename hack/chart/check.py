"""Judges the chart and what the operator makes: helm's own lint, schemas of the API server, Checkov's rules."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple, TypedDict

import yaml

from chart import tools
from chart.children import children
from chart.render import CASES, CHART, lint, of_case, render
from chart.schemas import LOCATION, schemas
from tidewright.specs.manifest import as_yaml

SAMPLES = CHART.parents[1] / "manifests" / "samples"
EXCEPTIONS = Path(__file__).parent / "exceptions.yaml"


class Wrong(Exception):
    """Something is wrong with the chart or the operator's children; the message is what the judge says."""


class Exemption(TypedDict):
    """A rule that may be broken by the things of these patterns."""

    rule: str
    things: list[str]
    reason: str


class Finding(NamedTuple):
    """A rule that an object breaks."""

    rule: str
    thing: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule} {self.thing}: {self.what}"


def check() -> None:
    """Run every judge. Raises Wrong, or RuntimeError where helm or kubeconform refuses."""
    with tempfile.TemporaryDirectory() as temporary:
        rendered = Path(temporary)
        with _told(f"helm lint, {len(CASES)} sets of values"):
            for case in CASES:
                lint(*of_case(case))
        with _told("helm template"):
            for case in CASES:
                name = case.stem if case else "default-values"
                (rendered / f"{name}.yaml").write_text(render(*of_case(case)))
            (rendered / "children.yaml").write_text(as_yaml(children()))
        with _told("kubeconform"):
            conform(rendered, SAMPLES)
        with _told("Checkov"):
            wrong = unexplained(findings(rendered), yaml.safe_load(EXCEPTIONS.read_text(encoding="utf-8")))
        if wrong:
            raise Wrong(f"mend these, or explain them in {EXCEPTIONS}:\n" + "\n".join(wrong))


def conform(*manifests: Path) -> None:
    """Hold manifests, or folders of them, against the schemas. Raises RuntimeError with what does not conform."""
    tools.run("kubeconform", "-strict", "-schema-location", f"{schemas()}/{LOCATION}", *manifests)


def findings(folder: Path) -> list[Finding]:
    """What Checkov has to say of the manifests in a folder."""
    options = ["--framework", "kubernetes", "--output", "json", "--quiet", "--compact", "--skip-download"]
    report = json.loads(tools.checkov("--directory", folder, *options, "--soft-fail"))
    if report["summary"]["parsing_errors"]:
        raise Wrong(f"Checkov cannot read {report['results']['parsing_errors']}")
    failed = report["results"]["failed_checks"]
    return [Finding(one["check_id"], one["resource"], one["check_name"]) for one in failed]


def unexplained(found: list[Finding], exceptions: list[Exemption]) -> list[str]:
    """What is wrong: every finding that no exception explains, and every exception that explains none."""
    needed = {number for one in found for number, exception in enumerate(exceptions) if _explains(exception, one)}
    unmet = [one for one in sorted(set(found)) if not any(_explains(exception, one) for exception in exceptions)]
    idle = [one for number, one in enumerate(exceptions) if number not in needed]
    return [*map(str, unmet), *(f"{one['rule']} {one['things']}: nothing needs this exception" for one in idle)]


def _explains(exception: Exemption, finding: Finding) -> bool:
    return exception["rule"] == finding.rule and any(fnmatchcase(finding.thing, thing) for thing in exception["things"])


@contextmanager
def _told(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)

"""What helm makes of the chart, without a cluster."""

from pathlib import Path

from chart import tools

CHART = Path(__file__).parents[2] / "helm" / "tidewright"

OLDEST = "1.30.0"
"""The oldest Kubernetes that the chart is for."""

CASES = (None, *sorted(CHART.glob("values-*.yaml")), *sorted((CHART / "ci").glob("*-values.yaml")))
"""Files of values that the chart is checked with; None is as it comes."""


def render(*options: str | Path) -> str:
    """What ``helm template`` makes of it. Raises RuntimeError where helm refuses."""
    named = ("tidewright", CHART, "--namespace", "tidewright-system", "--kube-version", OLDEST)
    return tools.run("helm", "template", *named, *options)


def lint(*options: str | Path) -> None:
    """What ``helm lint --strict`` says of it. Raises RuntimeError where it says anything."""
    tools.run("helm", "lint", "--strict", "--quiet", "--kube-version", OLDEST, CHART, *options)


def of_case(case: Path | None) -> list[str | Path]:
    """The options for a file of values."""
    return ["--values", case] if case else []


def golden() -> str:
    """What is rendered as it comes, but for what is generated."""
    generated = ("api.crds.install", "api.policies.install", "monitoring.dashboards.create")
    return render(*(word for name in generated for word in ("--set", f"{name}=false")))

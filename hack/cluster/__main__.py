"""The command: ``python -m cluster build | up | down | env | load``, which the Makefile calls."""

import argparse
import sys
from pathlib import Path

from cluster import background
from cluster.build import NoGo, build, built
from cluster.node import load


def main() -> None:
    arguments = parser().parse_args()
    try:
        run(arguments)
    except NoGo as reason:
        sys.exit(f"cluster: {reason}; where there is none, `make cluster-build` takes one from PyPI")
    except RuntimeError as reason:
        sys.exit(f"cluster: {reason}")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster", description="A Kubernetes cluster on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, says in {
        "build": "compile its servers, unless they are compiled",
        "up": "start it in the background",
        "down": "end it",
        "env": "print what a shell needs to use it",
        "load": "give its node the images of a docker archive",
        "serve": "be it, in the foreground",
    }.items():
        command = commands.add_parser(name, help=says)
        command.add_argument("--name", default="tidewright", help="which cluster (default: %(default)s)")
        if name in {"build", "up", "serve"}:
            command.add_argument("--node", action="store_true", help="with a real node, as root")
        if name == "load":
            command.add_argument("archive", type=Path)
    return parser


def run(arguments: argparse.Namespace) -> None:
    name = arguments.name
    match arguments.command:
        case "build":
            compiled(node=arguments.node)
        case "up":
            compiled(node=arguments.node)
            background.up(name, node=arguments.node)
            environment(name)
        case "serve":
            background.serve(name, node=arguments.node)
        case "down":
            print(f"the cluster {name} {'is gone' if background.down(name) else 'was not running'}")
        case "env":
            environment(name)
        case "load":
            load(background.kubeconfig(name).parent, arguments.archive)


def compiled(*, node: bool) -> None:
    if not built(node=node):
        print("compiling the servers, once: five to eight minutes on two cores", file=sys.stderr)
    build(node=node)


def environment(name: str) -> None:
    if background.running(name) is None:
        sys.exit(f"cluster: {name} is not running: start it with `make cluster`")
    print(f"export KUBECONFIG={background.kubeconfig(name)} PATH={build()}:$PATH")


if __name__ == "__main__":
    main()

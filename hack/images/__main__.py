"""The command: ``python -m images list | build | check | load``, which the Makefile calls."""

import argparse
import sys

from images.base import base
from images.build import build, tag
from images.builder import builder
from images.check import Wrong, check, lint
from images.load import load
from images.table import IMAGES, Image, image

COMMANDS = {
    "list": "print the names that images are built under",
    "build": "build images",
    "lint": "judge the Dockerfiles",
    "check": "judge images: size, contents, and that a read-only container compiles nothing",
    "load": "give images to the node of a cluster of `make cluster NODE=1`",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="images", description="Builds and judges the images of Tidewright.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, says in COMMANDS.items():
        command = commands.add_parser(name, help=says)
        if name != "lint":
            command.add_argument("image", nargs="*", help="which; all by default")
        if name in {"build", "check"}:
            command.add_argument("--base", help="the base image (default: the official one, or its stand-in)")
        if name == "load":
            command.add_argument("--name", default="tidewright", help="which cluster (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        run(arguments)
    except (RuntimeError, ValueError, Wrong) as reason:
        sys.exit(f"images: {reason}")


def run(arguments: argparse.Namespace) -> None:
    if arguments.command == "lint":
        lint()
        return
    chosen: list[Image] = [image(name) for name in arguments.image] or [*IMAGES]
    match arguments.command:
        case "list":
            print("\n".join(map(tag, chosen)))
        case "build":
            ours = builder()
            on = arguments.base or base(ours)
            for one in chosen:
                build(one, ours, on)
        case "check":
            ours = builder()
            check(chosen, ours, arguments.base or base(ours))
        case "load":
            load(chosen, builder(), arguments.name)


if __name__ == "__main__":
    main()

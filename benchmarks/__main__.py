"""``python -m benchmarks [--quick]``: measures everything, prints it as the tables of docs/benchmarks.md, and writes results/latest.json."""

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Literal

from benchmarks.command import wall_times
from benchmarks.process import REPOSITORY, Contestant, in_turns, ratio

RESULTS = Path(__file__).parent / "results/latest.json"
ISSUES_SWEEP = 26.9

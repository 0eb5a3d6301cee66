from pathlib import Path

import pytest
import yaml

from tidewright.cli.endings import DONE
from tidewright.specs.crd import crd
from tidewright.specs.kinds import KINDS

WRITTEN = Path(__file__).parents[3] / "crds"


def test_all_definitions_are_printed(command):
    ended = command("crds")
    assert (ended.code, ended.err) == (DONE, "")
    assert list(yaml.safe_load_all(ended.out)) == [crd(kind) for kind in KINDS]


def test_one_file_a_kind_is_written_and_named(command, tmp_path):
    ended = command("crds", "--output", tmp_path / "deep" / "crds")
    files = sorted((tmp_path / "deep" / "crds").iterdir())
    assert [file.name for file in files] == [
        "backtestruns.yaml",
        "optimizationstudies.yaml",
        "rltrainings.yaml",
        "tradingstrategies.yaml",
    ]
    assert sorted(ended.out.split()) == [str(file) for file in files]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_comes_with_the_project_is_what_is_printed(kind):
    assert yaml.safe_load((WRITTEN / f"{kind.plural}.yaml").read_text(encoding="utf-8")) == crd(kind)

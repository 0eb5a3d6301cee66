"""The pages on Python are executed, block by block, as their reader would."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["tutorial.md", "step-strategies.md"])
def test_every_block_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    blocks = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    assert {language for language, _ in blocks} == {"python", "sh"}
    namespace: dict[str, object] = {}
    for language, text in blocks:
        if language == "python":
            exec(compile(text, page, "exec"), namespace)  # noqa: S102 - the page is our own
        else:
            subprocess.run(["bash", "-euc", text], check=True, timeout=120)

"""How code is compiled, kept on disk and run without a compiler; that all of it gives the same bits is in `tests/golden`."""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tidewright
from tidewright.domain.compiled import CompilationRefused, as_written, compiled_c_function, inlined

PACKAGE = Path(tidewright.__file__).parent
SETTINGS = "from tidewright.domain import compiled as c; print(c.numba.config.CPU_NAME, c.numba.config.CACHE_DIR)"


def printed(code, path=PACKAGE.parent, **environment):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    settings = inherited | {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    done = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_code_is_compiled_for_any_machine_of_the_architecture():
    assert printed(SETTINGS)[0] == "generic"


def test_whoever_asks_for_a_processor_or_a_cache_gets_it(tmp_path):
    asked = printed(SETTINGS, NUMBA_CPU_NAME="haswell", NUMBA_CACHE_DIR=str(tmp_path))

    assert asked == ["haswell", str(tmp_path)]


def test_a_change_of_any_source_file_of_the_arithmetic_begins_a_fresh_cache(tmp_path):
    copy = tmp_path / "src" / "tidewright"
    shutil.copytree(PACKAGE / "domain", copy / "domain", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "__init__.py").write_text("")
    home = {"path": copy.parent, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    before = printed(SETTINGS, **home)[1]
    again = printed(SETTINGS, **home)[1]
    fills = copy / "domain" / "fills.py"
    fills.write_text(fills.read_text() + "\n")
    after = printed(SETTINGS, **home)[1]

    assert before == again
    assert Path(before).is_relative_to(tmp_path / "cache" / "tidewright" / "compiled")
    assert after != before
    assert Path(after).parent == Path(before).parent


def test_where_the_cache_cannot_be_written_there_is_another_place(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    directory = printed(SETTINGS, XDG_CACHE_HOME=str(in_the_way), TMPDIR=str(tmp_path))[1]

    private = Path(directory).parent
    assert private.parent == tmp_path
    assert private.name == f"tidewright-compiled-{os.getuid()}"
    assert private.stat().st_mode & 0o777 == 0o700


def test_a_temporary_place_that_others_can_write_to_is_not_trusted(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    (tmp_path / f"tidewright-compiled-{os.getuid()}").mkdir(mode=0o777)
    (tmp_path / f"tidewright-compiled-{os.getuid()}").chmod(0o777)
    directory = printed(SETTINGS, XDG_CACHE_HOME=str(in_the_way), TMPDIR=str(tmp_path))[1]

    assert Path(directory).parent.parent == tmp_path
    assert Path(directory).parent.stat().st_mode & 0o777 == 0o700


def test_a_user_without_a_home_has_a_place_too(tmp_path):
    nobody = "import os, pwd; os.environ.pop('HOME'); pwd.getpwuid = lambda user: {}[user]\n"
    directory = printed(nobody + SETTINGS, XDG_CACHE_HOME="", TMPDIR=str(tmp_path))[1]

    assert Path(directory).parent.parent == tmp_path


def test_where_nothing_can_be_written_the_code_is_compiled_and_not_kept(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    nowhere = f"import tempfile; tempfile._candidate_tempdir_list = lambda: [{str(in_the_way)!r}]\n"

    assert printed(nowhere + COMPILE, XDG_CACHE_HOME=str(in_the_way)) == ["True", "True"]


def test_division_is_as_ieee_754_says_and_never_an_error():
    quotient = inlined(lambda a, b: a / b)

    assert quotient(1.0, 0.0) == math.inf
    assert math.isnan(quotient(0.0, 0.0))


def test_a_users_own_function_divides_by_zero_as_python_does():
    over = as_written(lambda a: 1.0 / a)

    def quotient(a):
        try:
            over(float(a))
        except Exception:
            return -1
        return 1

    assert [compiled_c_function(quotient).ctypes(a) for a in (0, 2)] == [-1, 1]
    with pytest.raises(ZeroDivisionError):
        over(0.0)


WORDS = {"a": 1}


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda a: WORDS["a"], "Untyped global name 'WORDS': Cannot determine Numba type of <class 'dict'>"),
        (lambda a: nowhere + a, "NameError: name 'nowhere' is not defined"),  # noqa: F821
        (lambda a: a.real_part, "Unknown attribute 'real_part' of type int64"),
    ],
)
def test_what_cannot_be_compiled_is_refused_with_the_line_that_says_why(function, why):
    with pytest.raises(CompilationRefused) as caught:
        compiled_c_function(function)
    assert str(caught.value) == why


@pytest.mark.parametrize(("setting", "compiles"), [("0", "True"), ("1", "False")])
def test_the_compiler_may_be_turned_off(setting, compiles):
    code = "from tidewright.domain.compiled import compiles; print(compiles())"
    assert printed(code, NUMBA_DISABLE_JIT=setting) == [compiles]


COMPILE = """
from tidewright.domain.kernel import needs_compiling, simulate
from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.strategies.strategy import Signals
import numpy as np
print(needs_compiling())
price, never = np.ones(3), np.zeros(3, dtype=bool)
simulate(Bars(np.arange(3), price, price, price, price, price, step=1), Signals(never, never), Broker(1.0), Risk())
print(needs_compiling())
"""


def test_the_first_run_knows_that_it_will_wait_for_the_compiler_and_the_next_that_it_will_not(tmp_path):
    home = {"XDG_CACHE_HOME": str(tmp_path)}

    assert printed(COMPILE, **home) == ["True", "False"]
    assert printed(COMPILE, **home) == ["False", "False"]


def test_without_numba_nothing_needs_compiling():
    assert printed("import sys; sys.modules['numba'] = None\n" + COMPILE) == ["False", "False"]


@pytest.fixture
def image(tmp_path):
    """The environment of a container whose image brings its machine code."""
    built = tmp_path / "built"
    assert printed(COMPILE, XDG_CACHE_HOME=str(built)) == ["True", "False"]
    return {"XDG_CACHE_HOME": str(tmp_path / "home"), "TIDEWRIGHT_COMPILED": str(built / "tidewright" / "compiled")}


def test_what_an_image_brings_is_not_compiled_again(image):
    assert printed(COMPILE, **image) == ["False", "False"]
    assert printed(COMPILE, **image) == ["False", "False"]


def test_an_image_that_brings_nothing_of_this_version_changes_nothing(image, tmp_path):
    (tmp_path / "empty").mkdir()

    assert printed(COMPILE, **image | {"TIDEWRIGHT_COMPILED": str(tmp_path / "empty")}) == ["True", "False"]


def test_a_cache_with_something_in_it_is_left_alone(image):
    [directory] = printed(SETTINGS, **image | {"TIDEWRIGHT_COMPILED": "/nowhere"})[1:]
    (Path(directory) / "own").write_text("")

    assert printed(COMPILE, **image) == ["True", "False"]
    assert (Path(directory) / "own").exists()

"""The Dockerfiles and the table of images agree with each other and with the repository."""

import re
import tomllib
from fnmatch import fnmatch

import pytest

from images import build
from images.build import SECRETS, options, tag, version
from images.table import DOCKERFILES, IMAGES, ROOT, image

STAMPS = {"VERSION": "1", "REVISION": "2"}


def instructions(dockerfile):
    """Instruction and argument of each line of a Dockerfile, its continuations joined."""
    lines = [line for line in dockerfile.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def project(folder):
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(params=IMAGES, ids=lambda image: image.name)
def one(request):
    return request.param


@pytest.fixture
def read(one):
    return instructions(DOCKERFILES / one.dockerfile)


@pytest.fixture
def copied(one, read):
    """What its Dockerfile takes from the repository."""
    paths = [argument.split()[:-1] for name, argument in read if name == "COPY" and "--from" not in argument]
    return [path.replace("${FOLDER}", one.folder).removeprefix("./") for each in paths for path in each]


def test_every_folder_with_a_distribution_has_an_image():
    distributions = {f"services/{path.parent.name}" for path in ROOT.glob("services/*/pyproject.toml")}
    assert distributions | {"operator"} <= {one.folder for one in IMAGES}


def test_a_name_that_there_is_not_is_answered_with_those_that_there_are():
    with pytest.raises(ValueError, match="no image 'colector'; there are operator, "):
        image("colector")


def test_it_is_called_what_the_chart_asks_for():
    assert tag(image("operator")) == f"tidewright/operator:{version()}"


def test_it_has_distributions_and_extras_of_this_repository(one):
    projects = [found for folder in {".", one.folder} if (found := project(folder))["name"] in one.distributions]
    assert {found["name"] for found in projects} == set(one.distributions)
    assert set(one.extras) <= {extra for found in projects for extra in found.get("optional-dependencies", {})}


def test_it_has_the_licence_of_its_distribution(one):
    assert one.licences == project(one.folder)["license"]


def test_it_runs_a_package_of_its_folder_or_of_its_own_lock(one):
    if not one.distributions:
        assert f'name = "{one.module}"' in (ROOT / one.folder / "uv.lock").read_text(encoding="utf-8")
        return
    assert (ROOT / one.folder / "src" / one.module.replace(".", "/")).is_dir()


def test_what_is_copied_is_there(copied):
    for path in copied:
        assert list(ROOT.glob(path)) or path.endswith("*"), path


def test_what_is_copied_is_not_ignored(copied):
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line.removeprefix("!") for line in ignore if line.startswith("!")]
    for path in copied:
        assert any(fnmatch(path, pattern) or path.startswith(f"{pattern}/") for pattern in [*kept, "LICENSE*"]), path


def test_it_is_told_what_its_dockerfile_asks_for(one, read):
    asked = {argument.partition("=")[0] for name, argument in read if name == "ARG"}
    needed = asked - {argument.partition("=")[0] for name, argument in read if name == "ARG" and "=" in argument}
    told = {
        found[1] for option in options(one, "base", STAMPS, {}) if (found := re.match(r"--build-arg=(\w+)=", option))
    }
    assert needed <= told <= asked


def test_its_stage_is_there(one, read):
    stages = {argument.split()[-1] for name, argument in read if name == "FROM"}
    assert one.target in stages


def test_what_this_machine_is_told_is_mounted_and_not_copied(one, read):
    mounted = {name for _, argument in read for name in re.findall(r"--mount=type=secret,id=(\w+)", argument)}
    assert mounted == set(SECRETS)
    assert "--secret=id=uv,src=/home/me/uv.toml" in options(one, "base", STAMPS, {"uv": "/home/me/uv.toml"})
    assert not [option for option in options(one, "base", STAMPS, {}) if "secret" in option]


def test_tools_are_held_by_version_and_hash():
    asked = [line for line in (DOCKERFILES / "tools.in").read_text().splitlines() if not line.startswith("#")]
    locked = (DOCKERFILES / "tools.txt").read_text()
    held = re.findall(r"^([\w.-]+==\S+)[^\\\n]*\\\n    --hash=sha256:[0-9a-f]{64}", locked, re.MULTILINE)
    assert set(asked) <= set(held)
    assert len(held) == len(re.findall(r"^[\w.-]+==", locked, re.MULTILINE))


def test_a_build_reads_the_first_settings_that_there_are(monkeypatch, tmp_path):
    own, system = tmp_path / "own.conf", tmp_path / "system.conf"
    system.write_text("")
    monkeypatch.setattr(build, "SECRETS", {"pip": ("$PIP_CONFIG_FILE", str(system)), "uv": ("$UV_CONFIG_FILE",)})
    monkeypatch.setenv("PIP_CONFIG_FILE", str(own))
    monkeypatch.delenv("UV_CONFIG_FILE", raising=False)
    assert build.secrets() == {"pip": system}
    own.write_text("")
    assert build.secrets() == {"pip": own}

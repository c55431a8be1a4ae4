"""What is installed: the wheel's content, the pins, the jobs."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from leastpack.doctor import TESTED
from leastpack.road import STEPS

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
LINES = [line for line in CONSTRAINTS if not line.startswith("#")]
PINS = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}
# CUDA's libraries come with one build of torch and not with the other.
UNPINNED = re.compile(r"^(nvidia-|cuda-|triton$|leastpack$)")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("leastpack-*.whl")
    return path


def test_the_wheel_holds_every_module_and_the_configuration(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    code = {f"leastpack/{file.relative_to(ROOT / 'lib' / 'leastpack').as_posix()}" for file in tracked("lib/leastpack")}
    settings = {f"leastpack/{file.relative_to(ROOT).as_posix()}" for file in tracked("conf")}
    assert "leastpack/conf/base.yaml" in settings
    assert names >= code | settings
    assert not [name for name in names if name.startswith(("tests/", "jobs/")) or name.endswith(".pyc")]


def test_the_wheel_loads_its_own_base_configuration(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = "from leastpack.config.load import conf_dir, load_config; load_config(); print(conf_dir())"
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert Path(done.stdout.strip()) == tmp_path / "site" / "leastpack" / "conf"


def tracked(folder: str) -> list[Path]:
    return [
        file
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    ]


def test_constraints_pin_versions_and_name_no_address():
    assert len(LINES) == len(PINS)
    wrong = [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line)]
    assert not wrong
    assert not [name for name in PINS if UNPINNED.match(name)]


def declared() -> list[Requirement]:
    lines = PROJECT["dependencies"] + [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    return [requirement for requirement in map(Requirement, lines) if requirement.name != PROJECT["name"]]


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_every_requirement_is_pinned_to_a_version_it_allows(requirement):
    pin = PINS.get(canonicalize_name(requirement.name))
    assert pin is not None, f"{requirement.name} has no line in constraints.txt"
    assert requirement.specifier.contains(pin)


def test_everything_the_requirements_bring_along_is_pinned_too():
    open_ends, seen = declared(), set()
    while open_ends:
        requirement = open_ends.pop()
        for extra in ["", *requirement.extras]:
            if (key := (canonicalize_name(requirement.name), extra)) not in seen:
                seen.add(key)
                open_ends += needs(requirement.name, extra)
    missing = {name for name, _ in seen if name not in PINS and not UNPINNED.match(name)}
    assert not missing


def needs(package: str, extra: str) -> list[Requirement]:
    try:
        listed = [Requirement(line) for line in requires(package) or []]
    except PackageNotFoundError:
        return []
    return [need for need in listed if need.marker is None or need.marker.evaluate({"extra": extra})]


def test_the_tested_set_of_the_doctor_is_the_pinned_one():
    assert {name: PINS[canonicalize_name(name)] for name in TESTED} == TESTED


def test_there_is_one_job_a_step():
    assert {step.job for step in STEPS if step.job} == {file.name for file in (ROOT / "jobs").glob("*.py")}
    for step in STEPS:
        if step.job:
            assert f'job("{step.name}")' in (ROOT / "jobs" / step.job).read_text(encoding="utf-8")


def test_a_job_takes_the_options_of_the_console_script_and_its_exit_codes():
    command = [sys.executable, "jobs/score_pairs.py", "--config", "nowhere.yaml"]
    environment = {"PYTHONPATH": "lib", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr

"""The set-up's scripts, as far as they can be tried without installing anything."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted([*ROOT.glob("scripts/*.sh"), *ROOT.glob("deploy/*/*.sh"), ROOT / ".ci" / "run"])
TOOLS = ["bash", "dirname", "tr", "grep", "paste", "sed", "head", "df", "awk"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_shell_script_parses_and_stops_at_errors(script):
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert "set -euo pipefail" in script.read_text() or script.name == "prerequisites.sh"


@pytest.fixture
def bare(tmp_path):
    """A PATH with a shell's usual tools and nothing else."""
    for tool in TOOLS:
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


def ask(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(ROOT / "scripts" / "prerequisites.sh"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_everything_that_is_missing_is_told_at_once_with_what_installs_it(bare):
    begun = time.monotonic()
    done = ask("build", PATH=str(bare))
    assert time.monotonic() - begun < 5
    assert done.returncode == 1
    assert done.stdout == ""
    for thing in ("Python 3.11", "Java 17", "C++17", "make"):
        assert thing in done.stderr
    assert all(command in done.stderr for command in ("apt-get install", "dnf install", "brew install", "xcode-select"))


def test_a_python_that_does_not_start_or_is_too_old_is_not_taken(bare):
    for name, answer in (("python3.11", "exit 127"), ("python3", "exit 1")):
        (bare / name).write_text(f"#!/bin/sh\n{answer}\n")
        (bare / name).chmod(0o755)
    assert "Python 3.11" in ask("run", PATH=str(bare)).stderr
    assert "no Python 3.11 or 3.12" in ask("run", PATH=str(bare), PYTHON=str(bare / "python3")).stderr


@pytest.mark.skipif(not shutil.which("java"), reason="Java is not on the path")
def test_the_interpreter_to_use_is_printed_and_may_be_chosen(bare):
    (bare / "java").symlink_to(str(shutil.which("java")))
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    done = ask("run", PATH=str(bare), PYTHON=str(base))
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).samefile(base)


def test_a_wrong_java_home_is_named(bare):
    assert "JAVA_HOME is /nowhere" in ask("run", PATH=str(bare), JAVA_HOME="/nowhere").stderr


@pytest.mark.skipif(not shutil.which("make"), reason="make is not on the path")
def test_make_alone_prints_what_it_can_do():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {line.split()[1] for line in done.stdout.splitlines()} >= {"setup", "demo", "test", "unit", "lint", "clean"}

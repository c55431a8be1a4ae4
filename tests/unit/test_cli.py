"""The console script's contract: exit codes and messages. Nothing here starts Spark."""

from __future__ import annotations

import subprocess
import sys

import pytest

from leastpack.road import STEPS


def leastpack(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "leastpack.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["score", "--set", "tabels.root=x"], 2, "did you mean 'tables'"),
        (["score", "--config", "nowhere.yaml"], 2, "nowhere.yaml does not exist"),
        (["score", "--set", "nonsense"], 2, "expected: key=value"),
        (["score", "--colour"], 2, "No such option"),
        (["fly"], 2, "No such command"),
        (["catalog", "--accept", "shop:most_deleted"], 2, "names no source that is read here"),
        (["run", "--accept", "shop"], 2, "expected: SOURCE:GUARD"),
        (["score", "--accept", "shop:most_deleted"], 2, "No such option"),
        (["run", "--step", "score", "--source", "shop"], 2, "--source is for the step outcomes"),
        (["sample"], 2, "sample"),
        (["version"], 0, ""),
    ],
)
def test_arguments_and_config_decide_the_exit_code(arguments: list[str], code: int, message: str) -> None:
    done = leastpack(*arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_every_step() -> None:
    shown = leastpack("--help").stdout
    assert all(f" {step.name} " in shown for step in STEPS)
    assert " run " in shown
    assert " doctor " in shown

"""Hostile and damaged pictures: each has a code or shows what it should, and a worker keeps to its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.encoders.hostile import pictures
from tests.unit.encoders.judge import RIGHT, write

from leastpack.config.encoders import MAX_MEMORY
from leastpack.encoders.codes import CODES

# What files under way and the libraries themselves take beside decoding.
BESIDE = 100_000_000


def judged(seed: int, n: int, large: int, memory: int, folder: Path) -> dict[str, int]:
    """Answers by count, of a process that has kept to its memory."""
    write(pictures(seed, n, large), folder)
    told = json.loads(
        subprocess.run(
            [sys.executable, "-m", "tests.unit.encoders.judge", str(folder), str(memory)],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[3],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).stdout
    )
    assert told["grown"] < memory + BESIDE
    answers: dict[str, int] = told["answers"]
    assert not set(answers) - {RIGHT, *CODES}
    assert sum(answers.values()) == n
    return answers


def test_p8_a_hostile_picture_has_a_code_or_is_right_and_memory_is_bounded(tmp_path: Path) -> None:
    answers = judged(1, 330, 3_000, 200_000_000, tmp_path)
    assert answers[RIGHT] > 80
    codes = {"IMAGE_TRUNCATED", "IMAGE_BROKEN", "IMAGE_TOO_LARGE", "IMAGE_NO_SCALE", "IMAGE_NOT_AN_IMAGE"}
    assert codes <= set(answers)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_p8_so_have_a_thousand(seed: int, tmp_path: Path) -> None:
    judged(seed, 1_000, 5_000, MAX_MEMORY, tmp_path)

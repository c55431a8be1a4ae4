"""The list behind `make mutants` keeps up with the sources; that the tests notice is what `make mutants` tells."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.mutants.__main__ import mutate
from tests.mutants.listed import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_to_change_is_there_once_and_so_is_the_test(mutant: Mutant, tmp_path: Path) -> None:
    copy = tmp_path / "lib" / "leastpack" / mutant.file
    copy.parent.mkdir(parents=True)
    source = (ROOT / "lib" / "leastpack" / mutant.file).read_text(encoding="utf-8")
    copy.write_text(source, encoding="utf-8")
    mutate(mutant, tmp_path)
    assert copy.read_text(encoding="utf-8") != source
    ast.parse(copy.read_text(encoding="utf-8"))  # a mutant that cannot be imported would tell nothing
    file, _, name = mutant.test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


def test_a_text_that_is_no_longer_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "lib" / "leastpack" / "a.py"
    path.parent.mkdir(parents=True)
    for content, times in (("x = 1\n", 0), ("y = 2\ny = 2\n", 2)):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ValueError, match=f"{times} times, expected once"):
            mutate(Mutant("none", "a.py", "y = 2", "y = 3", "tests/a.py::b"), tmp_path)

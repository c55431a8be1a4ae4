"""`make mutants`: changes the sources in one listed way after the other; the test named beside it must notice.

Each change is made to a copy of the checkout, so that the checkout itself is never touched. A test counts as having
noticed only where it fails by an assertion or error of its own: one that cannot be collected or set up tells nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.listed import MUTANTS, Mutant

CHECKOUT = Path(__file__).resolve().parents[2]
COPIED = ("lib", "tests", "conf", "jobs", "pyproject.toml")
AT_ONCE = 2
# A mutant that never ends has not been noticed by a test.
TIMEOUT_S = 300


def main() -> int:
    """Try the tests on the sources as they are, then each on its mutant; 1 where any answer is not as it must be."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="leastpack-mutants-") as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        clean = _copy(Path(folder) / "clean")
        told = _run(clean, sorted({mutant.test for mutant in MUTANTS}))
        if told != "passed":
            print(f"on the sources as they are, the tests {told}")
            return 1
        answers = []
        for mutant, answer in zip(MUTANTS, pool.map(lambda one: _try(one, Path(folder)), MUTANTS), strict=True):
            print(f"{'killed  ' if answer == 'failed' else 'SURVIVED'}  {mutant.name}", flush=True)
            if answer != "failed":
                print(f"          {answer}: lib/leastpack/{mutant.file}, {mutant.test}")
            answers.append(answer)
    killed = answers.count("failed")
    print(f"{killed} of {len(MUTANTS)} mutants killed in {time.monotonic() - started:.0f} s")
    return int(killed != len(MUTANTS))


def mutate(mutant: Mutant, checkout: Path) -> None:
    """Make the change in a checkout.

    Raises:
        ValueError: The text to replace is not there, or there more than once.
    """
    path = checkout / "lib" / "leastpack" / mutant.file
    source = path.read_text(encoding="utf-8")
    if (times := source.count(mutant.original)) != 1:
        raise ValueError(f"lib/leastpack/{mutant.file} holds {mutant.original!r} {times} times, expected once")
    path.write_text(source.replace(mutant.original, mutant.mutated), encoding="utf-8")


def _try(mutant: Mutant, folder: Path) -> str:
    checkout = _copy(Path(tempfile.mkdtemp(dir=folder)) / "checkout")
    try:
        mutate(mutant, checkout)
        return _run(checkout, [mutant.test])
    except ValueError as error:
        return str(error)
    finally:
        shutil.rmtree(checkout.parent)


def _copy(to: Path) -> Path:
    to.mkdir()
    for name in COPIED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, to / name)
    return to


def _run(checkout: Path, tests: list[str]) -> str:
    """`passed`, `failed`, or why neither can be said."""
    report = checkout / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-m",
        "",
        f"--junitxml={report}",
        *tests,
    ]
    # Python workers of Spark see the copy too; no bytecode of one mutant is taken for that of another.
    environment = {**os.environ, "PYTHONPATH": f"{checkout / 'lib'}:{checkout}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"no answer within {TIMEOUT_S} s"
    if done.returncode == 0:
        return "passed"
    counted = {name: sum(int(suite.get(name, 0)) for suite in _suites(report)) for name in ("failures", "errors")}
    if done.returncode == 1 and counted["failures"] and not counted["errors"]:
        return "failed"
    return f"could not run (exit {done.returncode}):\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def _suites(report: Path) -> list[ET.Element]:
    return list(ET.parse(report).getroot().iter("testsuite")) if report.exists() else []


if __name__ == "__main__":
    sys.exit(main())

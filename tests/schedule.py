"""Files with the longest tests first, so that no process works on alone at the end, and the table of their seconds.

`pytest --keep-seconds` writes the table anew from what it measures; files that it does not run keep their line.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

TABLE = Path(__file__).with_name("seconds.json")
_MEASURED = Counter[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keep-seconds", action="store_true", help=f"write the seconds of each file into {TABLE.name}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seconds = known_seconds()
    # A file that nobody has measured may be long.
    items.sort(key=lambda item: -seconds.get(file_of(item.nodeid), float("inf")))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _MEASURED[file_of(report.nodeid)] += report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--keep-seconds") and "PYTEST_XDIST_WORKER" not in os.environ:
        measured = {name: max(1, round(seconds)) for name, seconds in _MEASURED.items()}
        kept = {name: n for name, n in known_seconds().items() if (TABLE.parents[1] / name).exists()} | measured
        ordered = dict(sorted(kept.items(), key=lambda one: (-one[1], one[0])))
        TABLE.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def known_seconds() -> dict[str, float]:
    """Seconds by file, as they were last kept."""
    found: dict[str, float] = json.loads(TABLE.read_text(encoding="utf-8"))
    return found


def file_of(nodeid: str) -> str:
    """The file of a test, from the root of the checkout."""
    return nodeid.partition("::")[0]

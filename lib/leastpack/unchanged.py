"""Whether a step has nothing to do: it ended well on the same inputs, and what it left is as it left it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F

import leastpack
from leastpack.config.load import digest
from leastpack.config.root import Config
from leastpack.runs import Run
from leastpack.tables.reading import Commit, ReadTables

# Version of a table, and when it was made: one that was dropped and made anew has the same versions again.
States = dict[str, list[int]]


def states(commits: Mapping[str, Commit]) -> States:
    """What tables are, to be compared with what they were."""
    return {name: [one.version, one.made_at] for name, one in commits.items()}


def commits(tables: ReadTables, names: Iterable[str]) -> dict[str, Commit]:
    """The latest commit of each of the tables that exist."""
    return {name: tables.commit(name) for name in names if tables.exists(name)}


def follows_from(config: Config, inputs: States, *others: object) -> str:
    """Digest of all that a run follows from, leastpack's own code among it.

    Args:
        config: The whole of it counts.
        inputs: Every table read.
        others: What else results follow from, such as the day.
    """
    content = json.dumps([digest(config), inputs, [str(one) for one in others], code_digest()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


@cache
def code_digest() -> str:
    """Digest of leastpack's own sources: a version that is mended decides anew."""
    root = Path(leastpack.__file__).parent
    found = hashlib.sha256(leastpack.__version__.encode())
    for path in sorted(root.rglob("*.py")):
        found.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return found.hexdigest()


def last_account(tables: ReadTables, run: Run, follows: str, outputs: Iterable[str]) -> dict[str, Any] | None:
    """What the last run of this step told, if it was done on the same and what it left is there; None otherwise.

    None too where an audit has failed since: what it left may be what is wrong.

    Args:
        tables: The tables.
        run: This run of the step.
        follows: `follows_from`.
        outputs: Tables that the step writes.
    """
    if not tables.exists("runs"):
        return None
    runs = tables.read("runs")
    rows = runs.where(F.col("step") == run.step).orderBy(F.desc("started_at")).limit(1).collect()
    if not rows or rows[0].status != "done":
        return None
    audits = runs.where("step = 'publish'").orderBy(F.desc("started_at")).limit(1).collect()
    if any(one.status == "failed" and one.started_at >= rows[0].started_at for one in audits):
        return None
    account: dict[str, Any] = json.loads(rows[0].account)
    same = account.get("state") == {"follows_from": follows, "left": states(commits(tables, outputs))}
    return {**account, "figures": dict(rows[0].figures)} if same else None

"""Releases: which versions of the tables belong together, and how to read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Literal

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from leastpack.errors import InputError
from leastpack.tables import Tables
from leastpack.tables.by_pair import by_product, pairs

RELEASED = (
    "package_types",
    "products",
    "scores",
    "certificates",
    "decisions",
    "recommendations",
    "test_queue",
)
# What earlier releases, with a row a pair, say of all pairs of a product.
SHARED = {"scores": ("views_used", "warnings"), "decisions": ()}
PUBLISHED, ROLLED_BACK_TO = "published", "rolled_back_to"


def current_release(tables: Tables) -> Row:
    """The release that readers should use: the newest row.

    Returns:
        The row of table releases: release_id, model_version, versions, audit, status, published_at, run_id.

    Raises:
        InputError: Nothing has been published.
    """
    release = newest_release(tables)
    if release is None:
        raise InputError("there is no release yet", todo="run leastpack publish")
    return release


def newest_release(tables: Tables) -> Row | None:
    """The newest row of table releases, None where there is none."""
    if not tables.exists("releases"):
        return None
    rows = tables.read("releases").orderBy(F.desc("release_id")).limit(1).collect()
    return rows[0] if rows else None


def find_release(tables: Tables, release_id: str) -> Row:
    """One release.

    Raises:
        InputError: There is no such release; the known ones are listed.
    """
    releases = tables.read("releases").collect() if tables.exists("releases") else []
    found = [row for row in releases if row.release_id == release_id]
    if not found:
        known = ", ".join(sorted((row.release_id for row in releases), reverse=True))
        raise InputError(
            f"there is no release {release_id!r}",
            expected=f"one of {known}" if known else "a published release; there is none yet",
            todo="name a known release" if known else "run leastpack publish",
        )
    return found[0]


def read_release(tables: Tables, table: str, release_id: str | None = None) -> DataFrame:
    """Read a table at the version a release pins, whatever was written since.

    Args:
        tables: The tables.
        table: One of RELEASED.
        release_id: The release; None takes the current one.

    Raises:
        InputError: There is no such release, or it does not pin the table.
    """
    release = current_release(tables) if release_id is None else find_release(tables, release_id)
    if table not in release.versions:
        raise InputError(
            f"release {release.release_id} does not pin table {table}", expected=f"one of {', '.join(release.versions)}"
        )
    return tables.read(table, release.versions[table])


def released_pairs(tables: Tables, versions: Mapping[str, int]) -> DataFrame:
    """The scores that a release pins, a row a pair, also of a release that an earlier leastpack made.

    Args:
        tables: The tables.
        versions: `versions` of a row of `releases`.
    """
    if "scores" in versions:
        return pairs(tables.read("scores", versions["scores"]))
    return tables.read("pair_scores", versions["pair_scores"])


def released_products(tables: Tables, versions: Mapping[str, int], name: Literal["scores", "decisions"]) -> DataFrame:
    """The scores or decisions that a release pins, a row a product, also of a release that an earlier leastpack made.

    Args:
        tables: The tables.
        versions: `versions` of a row of `releases`.
        name: Which.

    Returns:
        Rows of the table; of an earlier leastpack's, the key, package_types, all lists and SHARED.
    """
    if name in versions:
        return tables.read(name, versions[name])
    return by_product(tables.read(f"pair_{name}", versions[f"pair_{name}"]), *SHARED[name])


def next_release_id(newest: Row | None, model_version: str, versions: Mapping[str, int]) -> str:
    """Identifier of the release that would follow: a number, so that ids sort by age, and a digest of what it pins."""
    number = 1 + (int(newest.release_id.partition("-")[0]) if newest is not None else 0)
    content = json.dumps([model_version, dict(versions)], sort_keys=True)
    return f"{number:06d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"

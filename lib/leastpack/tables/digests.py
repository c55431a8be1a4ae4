"""Whether two sets of rows are the same, found out without moving them: by digests of parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

Digest = tuple[int, int, int]


def digests(rows: DataFrame, columns: Sequence[str | Column], part: str) -> dict[int, Digest]:
    """The digest of each part: equal where the rows are, in whatever order.

    Args:
        rows: With the columns and `part`.
        columns: What is compared.
        part: A whole number, such as the bucket.
    """
    counted = rows.groupBy(part_of(part).alias("part")).agg(*digest("rows", columns))
    return {row["part"]: digest_in(row, "rows") for row in counted.collect()}  # one row a part


def digest(name: str, columns: Sequence[str | Column]) -> list[Column]:
    """Aggregates whose values are the digest of a group's rows: count, exclusive or and sum of their hashes.

    Args:
        name: Tells digests of one aggregation apart.
        columns: What is compared.
    """
    return digest_of(name, F.xxhash64(*columns))


def digest_of(name: str, hashed: Column) -> list[Column]:
    """`digest` of rows whose hash is known; a row without one does not count."""
    total = F.sum(F.pmod(hashed, F.lit(2**31)))
    return [F.count(hashed).alias(f"{name}_n"), F.bit_xor(hashed).alias(f"{name}_xor"), total.alias(f"{name}_sum")]


def digest_in(row: Row, name: str) -> Digest:
    """The digest `name` in a row of an aggregation."""
    return row[f"{name}_n"], row[f"{name}_xor"] or 0, row[f"{name}_sum"] or 0


def part_of(part: str) -> Column:
    """The part of a row; rows without one are a part of their own."""
    return F.coalesce(part, F.lit(-1))


def together(digests: Sequence[Digest]) -> Digest:
    """The digest of all rows of some groups that share none."""
    xor = 0
    for _, one, _ in digests:
        xor ^= one
    return sum(n for n, _, _ in digests), xor, sum(total for _, _, total in digests)


def parts_that_differ(*sets: Mapping[int, Digest]) -> list[int]:
    """Parts whose rows are not the same in all sets."""
    parts = {part for one in sets for part in one}
    return sorted(part for part in parts if len({one.get(part) for one in sets}) > 1)

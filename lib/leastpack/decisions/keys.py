"""Whether two sets of keys are the same, found out without moving them: by digests of parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

Digest = tuple[int, int, int]


def digests(rows: DataFrame, key: Sequence[str], part: str) -> dict[int, Digest]:
    """Count, exclusive or and sum of the keys' hashes in each part: equal where the keys are, in whatever order.

    Args:
        rows: With the columns of the key and `part`.
        key: Columns of the key.
        part: A whole number, such as the bucket.
    """
    hashed = rows.select(part_of(part).alias("part"), F.xxhash64(*key).alias("hash"))
    grouped = hashed.groupBy("part").agg(
        F.count("*").alias("n"), F.bit_xor("hash").alias("xor"), F.sum(F.pmod("hash", F.lit(2**31))).alias("sum")
    )
    return {row["part"]: (row["n"], row["xor"], row["sum"]) for row in grouped.collect()}  # one row a part


def part_of(part: str) -> Column:
    """The part of a row; rows without one are a part of their own."""
    return F.coalesce(part, F.lit(-1))


def parts_that_differ(*sets: Mapping[int, Digest]) -> list[int]:
    """Parts whose keys are not the same in all sets."""
    parts = {part for one in sets for part in one}
    return sorted(part for part in parts if len({one.get(part) for one in sets}) > 1)

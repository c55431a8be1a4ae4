"""What a run of the score step has to do: products with their vectors, and the buckets whose rows are out of date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from leastpack.scoring.fingerprint import bucket_fingerprint
from leastpack.scoring.lists import INTERNAL
from leastpack.scoring.packages import PackageSet


@dataclass(frozen=True)
class Bucket:
    """What a bucket of `scores` should hold.

    Attributes:
        fingerprint: What its rows should carry.
        products: Products in it.
        rows: Rows it should have: one a product, but of marketplaces without package types.
        pairs: Pairs in them.
        fused: Products whose content has a vector.
        unfused: Products whose content has none yet.
        repeated: Photos seen twice, since they have several rows in `embeddings`.
    """

    fingerprint: str
    products: int
    rows: int
    pairs: int
    fused: int
    unfused: int
    repeated: int


@dataclass(frozen=True)
class Held:
    """What a bucket of `scores` holds.

    Attributes:
        fingerprint: Of all its rows; None where they carry different ones.
        rows: Rows, one a product.
        pairs: Pairs in them.
        errors: Pairs with an error.
        failed: Of these, pairs whose product the model failed on: they are tried again.
        warned: Pairs of products with a warning.
        broken: Pairs whose risk is null without an error, or the reverse.
    """

    fingerprint: str | None
    rows: int
    pairs: int
    errors: int
    failed: int
    warned: int
    broken: int


def wanted_buckets(products: DataFrame, packages: Mapping[str, PackageSet], settings: str) -> dict[int, Bucket]:
    """What every bucket should hold.

    Args:
        products: One row a product: marketplace, bucket, row_hash, no_input, vector and repeated_views.
        packages: Package types by marketplace.
        settings: `settings_digest`.
    """
    unfused = F.col("vector").isNull() & ~F.col("no_input")
    fused = F.col("vector").isNotNull()
    rows = (
        products.groupBy("bucket", "marketplace")
        .agg(
            F.count("*").alias("n"),
            F.bit_xor("row_hash").alias("xor"),
            F.sum(F.pmod("row_hash", F.lit(2**31))).alias("sum"),
            F.count_if(fused).alias("fused"),
            F.count_if(unfused).alias("unfused"),
            F.sum("repeated_views").alias("repeated"),
        )
        .collect()  # one row a bucket and marketplace
    )
    answer = {}
    for number, own in _by_bucket(rows).items():
        parts = [(row["marketplace"], row["n"], row["xor"], row["sum"]) for row in own]
        sold = [(row["n"], len(packages[m].packages)) for row in own if (m := row["marketplace"]) in packages]
        answer[number] = Bucket(
            fingerprint=bucket_fingerprint(settings, parts),
            products=sum(row["n"] for row in own),
            rows=sum(products for products, _ in sold),
            pairs=sum(products * types for products, types in sold),
            fused=sum(row["fused"] for row in own),
            unfused=sum(row["unfused"] for row in own),
            repeated=sum(row["repeated"] for row in own),
        )
    return answer


def held_buckets(scores: DataFrame) -> dict[int, Held]:
    """What every bucket of `scores` holds."""
    rows = (
        scores.groupBy("bucket", "fingerprint")
        .agg(*[column.alias(name) for name, column in row_counts().items()])
        .collect()  # one row a bucket, unless it is mixed
    )
    answer = {}
    for number, own in _by_bucket(rows).items():
        total = {name: sum(row[name] for row in own) for name in row_counts()}
        answer[number] = Held(own[0]["fingerprint"] if len(own) == 1 else None, **total)
    return answer


def _by_bucket(rows: Iterable[Row]) -> dict[int, list[Row]]:
    answer: dict[int, list[Row]] = {}
    for row in rows:
        answer.setdefault(row["bucket"], []).append(row)
    return answer


def row_counts() -> dict[str, Column]:
    """Aggregates over rows of `scores` that tell of their state."""
    pairs = F.size("package_types")
    one = F.arrays_zip("risk", "error")
    broken = F.filter(one, lambda pair: pair["risk"].isNull() != pair["error"].isNotNull())
    counts = {
        "pairs": pairs,
        "errors": F.size(F.filter("error", lambda error: error.isNotNull())),
        "failed": F.size(F.filter("error", lambda error: error == INTERNAL)),
        "warned": F.when(F.size("warnings") > 0, pairs),
        "broken": F.size(broken),
    }
    return {"rows": F.count("*"), **{name: F.coalesce(F.sum(each), F.lit(0)) for name, each in counts.items()}}


def stale_buckets(wanted: Mapping[int, Bucket], held: Mapping[int, Held]) -> list[int]:
    """Buckets to write, in order.

    New ones, changed ones, those with rows too few or too many or to try again, and those to be emptied.
    """
    return [number for number in sorted({*wanted, *held}) if not _current(wanted.get(number), held.get(number))]


def _current(should: Bucket | None, has: Held | None) -> bool:
    if should is None:
        return False
    if has is None:  # without pairs, as of a marketplace without package types, no row could carry anything
        return not should.pairs
    whole = (has.rows, has.pairs) == (should.rows, should.pairs)
    return has.fingerprint == should.fingerprint and whole and not has.failed

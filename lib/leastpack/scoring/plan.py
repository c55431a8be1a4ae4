"""What a run of the score step has to do: products with their vectors, and the buckets whose rows are out of date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from leastpack.scoring.lists import INTERNAL
from leastpack.scoring.packages import PackageSet
from leastpack.tables.changed_keys import changed_keys
from leastpack.tables.digests import Digest, digest, digest_in, together
from leastpack.tables.keys import PRODUCT

# The key of a row of `scores`, with what the table is partitioned by.
ROW = [*PRODUCT, "bucket"]
FINGERPRINTED = [*PRODUCT, "fingerprint"]


@dataclass(frozen=True)
class Bucket:
    """What a bucket of `scores` should hold.

    Attributes:
        digest: Of the fingerprints of its rows.
        products: Products in it.
        rows: Rows it should have: one a product, but of marketplaces without package types.
        pairs: Pairs in them.
        repeated: Photos seen twice, since they have several rows in `embeddings`.
    """

    digest: Digest
    products: int
    rows: int
    pairs: int
    repeated: int


@dataclass(frozen=True)
class Held:
    """What a bucket of `scores` holds.

    Attributes:
        digest: Of the fingerprints of its rows.
        rows: Rows, one a product.
        pairs: Pairs in them.
        errors: Pairs with an error.
        failed: Of these, pairs whose product the model failed on: they are tried again.
        warned: Pairs of products with a warning.
        broken: Pairs whose risk is null without an error, or the reverse.
    """

    digest: Digest
    rows: int
    pairs: int
    errors: int
    failed: int
    warned: int
    broken: int


def wanted_buckets(products: DataFrame, packages: Mapping[str, PackageSet]) -> dict[int, Bucket]:
    """What every bucket should hold.

    Args:
        products: One row a product: key, bucket, fingerprint and repeated_views.
        packages: Package types by marketplace.
    """
    rows = (
        products.groupBy("bucket", "marketplace")
        .agg(F.count("*").alias("n"), F.sum("repeated_views").alias("repeated"), *digest("rows", FINGERPRINTED))
        .collect()  # one row a bucket and marketplace
    )
    answer = {}
    for number, own in _by_bucket(rows).items():
        sold = {row["marketplace"]: row for row in own if row["marketplace"] in packages}
        answer[number] = Bucket(
            digest=together([digest_in(row, "rows") for row in sold.values()]),
            products=sum(row["n"] for row in own),
            rows=sum(row["n"] for row in sold.values()),
            pairs=sum(row["n"] * len(packages[name].packages) for name, row in sold.items()),
            repeated=sum(row["repeated"] for row in own),
        )
    return answer


def held_buckets(scores: DataFrame) -> dict[int, Held]:
    """What every bucket of `scores` holds."""
    counts = row_counts()
    summed = scores.groupBy("bucket").agg(
        *[column.alias(name) for name, column in counts.items()], *digest("held", FINGERPRINTED)
    )
    return {
        row["bucket"]: Held(digest_in(row, "held"), **{name: row[name] for name in counts}) for row in summed.collect()
    }


def changed_products(
    products: DataFrame, scores: DataFrame, stale: Sequence[int], packages: Mapping[str, PackageSet]
) -> DataFrame:
    """`changed_keys` of the stale buckets: products whose row of `scores` is not as it should be.

    Args:
        products: One row a product: key, bucket and fingerprint.
        scores: `scores`.
        stale: The buckets.
        packages: Package types by marketplace: products of others have no rows.
    """
    apart = F.col("bucket").isin(*stale)
    digest = F.col("fingerprint").alias("digest")
    wanted = products.where(apart & F.col("marketplace").isin(*packages)).select(*ROW, digest)
    # What failed, or is not whole, is written again: as if nothing were known of it.
    failed = F.coalesce(F.array_contains("error", INTERNAL), F.lit(False))
    sizes = F.create_map(*[F.lit(x) for name, own in packages.items() for x in (name, len(own.packages))])
    whole = F.size("package_types") == F.try_element_at(sizes, F.col("marketplace"))
    tried = F.when(~failed & whole, F.col("fingerprint")).alias("digest")
    return changed_keys(wanted, scores.where(apart).select(*ROW, tried), ROW)


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
    """Buckets with something to write, in order.

    New ones, changed ones, those with rows too few or too many or to try again, and those to be emptied.
    """
    failed = {number for number, has in held.items() if has.failed}
    return sorted({*buckets_not_whole(wanted, held), *failed})


def buckets_not_whole(wanted: Mapping[int, Bucket], held: Mapping[int, Held]) -> list[int]:
    """Buckets whose rows are not as they should be, but for what the model failed on."""
    return [number for number in {*wanted, *held} if not _is_whole(wanted.get(number), held.get(number))]


def _is_whole(should: Bucket | None, has: Held | None) -> bool:
    if should is None:
        return False
    if has is None:  # without pairs, as of a marketplace without package types, no row could carry anything
        return not should.pairs
    return has.digest == should.digest and has.pairs == should.pairs

"""Cells: the classes of pairs that have certificates of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.sequence import at_least_as_protective

PAIR = ["marketplace", "product_id", "package_type"]
PRODUCT = PAIR[:2]
CELL = ["pool", "profile_hash", "stratum"]
PHOTOS, NO_PHOTOS = "photos", "no_photos"
Cell = tuple[str, str, str]
Histogram = npt.NDArray[np.int64]
AUDIT, SHIPPED = "audit", "shipped"
POOLED = "*"


@dataclass(frozen=True)
class Profile:
    """The package types of one protection profile whose pairs share certificates.

    Attributes:
        pool: Marketplace, or `*` where all are pooled.
        profile_hash: Identity of the profile.
        profile: Protection by attribute.
        types: (marketplace, package type) of these types, sorted.
        stronger: profile_hash of every other profile of the pool that is at least as protective.
    """

    pool: str
    profile_hash: str
    profile: tuple[float, ...]
    types: tuple[tuple[str, str], ...]
    stronger: frozenset[str]

    @property
    def label(self) -> str:
        """The types' names, with the marketplace where profiles are not pooled."""
        names = ", ".join(sorted({name for _, name in self.types}))
        return names if self.pool == POOLED else f"{self.pool}: {names}"


def read_profiles(package_types: DataFrame, pool_marketplaces: bool) -> list[Profile]:
    """Collect the profiles of `package_types`, each pool in order of protection."""
    rows = package_types.select("marketplace", "package_type", "profile_hash", "profile").collect()
    pools = sorted({POOLED if pool_marketplaces else row.marketplace for row in rows})
    profiles = []
    for pool in pools:
        own = [row for row in rows if pool in (POOLED, row.marketplace)]
        values = {row.profile_hash: tuple(row.profile) for row in own}
        hashes = sorted(values)
        order = at_least_as_protective([values[name] for name in hashes])
        for i, name in enumerate(hashes):
            profiles.append(
                Profile(
                    pool=pool,
                    profile_hash=name,
                    profile=values[name],
                    types=tuple(sorted((r.marketplace, r.package_type) for r in own if r.profile_hash == name)),
                    stronger=frozenset(hashes[j] for j in order[i].nonzero()[0]),
                )
            )
    return profiles


def with_weaker(package_types: DataFrame) -> DataFrame:
    """Package types with `weaker`: the other types of their marketplace that they are at least as protective as."""
    other = package_types.select("marketplace", F.col("package_type").alias("other"), F.col("profile").alias("theirs"))
    at_least = F.forall(F.zip_with("profile", "theirs", lambda mine, their: mine >= their), lambda higher: higher)
    weaker = (
        package_types.join(F.broadcast(other), on="marketplace", how="inner")
        .where((F.col("package_type") != F.col("other")) & at_least)
        .groupBy("marketplace", "package_type")
        .agg(F.sort_array(F.collect_list("other")).alias("weaker"))
    )
    joined = package_types.join(F.broadcast(weaker), on=["marketplace", "package_type"], how="left")
    return joined.withColumn("weaker", F.coalesce("weaker", F.array().cast("array<string>")))


def stratum() -> Column:
    """Stratum of a scored pair: whether photos stand behind its risk."""
    return F.when(F.col("views_used") > 0, F.lit(PHOTOS)).otherwise(F.lit(NO_PHOTOS))

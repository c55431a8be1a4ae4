"""What must hold before tables may be released together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.cells import PAIR, PRODUCT
from leastpack.decisions.keys import digests, part_of, parts_that_differ
from leastpack.decisions.order import ORDER_TOLERANCE, rises
from leastpack.decisions.rules import CERTIFIED, NOT_IN_USE, UNSCORED


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        name: What is looked at.
        violations: How many rows break it; 0 passes.
        meaning: What must hold, in words.
        unit: What is counted.
    """

    name: str
    violations: int
    meaning: str
    unit: str = "rows"


def audit(tables: Mapping[str, DataFrame]) -> list[Finding]:
    """Look at the tables of a release.

    Args:
        tables: products, package_types, pair_scores, certificates, pair_decisions, recommendations at their versions.

    Returns:
        All findings, passed or not.
    """
    return [
        *_keys(tables),
        *_products(tables),
        *_models(tables),
        *_scores(tables["pair_scores"]),
        *_order(tables["pair_scores"], tables["package_types"]),
        *_decisions(tables),
        *_recommendations(tables),
    ]


def _keys(tables: Mapping[str, DataFrame]) -> list[Finding]:
    sold = tables["products"].where("deleted_at IS NULL").select(*PRODUCT, "bucket")
    types = tables["package_types"].select("marketplace", "package_type")
    expected = sold.join(F.broadcast(types), on="marketplace", how="inner")
    places = {"sold": expected, "scored": tables["pair_scores"], "decided": tables["pair_decisions"]}
    whole = "pair_scores has one row for every product sold x package type of its marketplace"
    meanings = {
        "pairs_missing": whole,
        "pairs_extra": whole,
        "pairs_repeated": whole,
        "pairs_undecided": "every scored pair has a decision",
        "decisions_without_score": "every decision is about a scored pair",
    }
    # Equal digests of a bucket are equal keys; only what differs is brought together and counted.
    differ = parts_that_differ(*[digests(frame, PAIR, "bucket") for frame in places.values()])
    if not differ:
        return [Finding(name, 0, meaning) for name, meaning in meanings.items()]
    apart = {name: frame.where(part_of("bucket").isin(differ)) for name, frame in places.items()}
    found = _occurrences(apart, PAIR).agg(
        F.count_if(F.expr("sold > 0 AND scored = 0")).alias("pairs_missing"),
        F.count_if(F.expr("scored > 0 AND sold = 0")).alias("pairs_extra"),
        F.count_if(F.expr("scored > 1")).alias("pairs_repeated"),
        F.count_if(F.expr("scored > 0 AND decided = 0")).alias("pairs_undecided"),
        F.count_if(F.expr("decided > 0 AND scored = 0")).alias("decisions_without_score"),
    )
    return _findings(found, meanings)


def _products(tables: Mapping[str, DataFrame]) -> list[Finding]:
    places = {"scored": tables["pair_scores"], "recommended": tables["recommendations"]}
    found = _occurrences(places, PRODUCT).agg(
        F.count_if(F.expr("scored > 0 AND recommended = 0")).alias("products_without_recommendation"),
        F.count_if(F.expr("recommended > 0 AND scored = 0")).alias("recommendations_without_score"),
    )
    meanings = {
        "products_without_recommendation": "every scored product has a recommendation row",
        "recommendations_without_score": "every recommendation is about a scored product",
    }
    return _findings(found, meanings)


def _models(tables: Mapping[str, DataFrame]) -> list[Finding]:
    seen = [tables[name].select("model_version") for name in ("pair_scores", "pair_decisions", "certificates")]
    versions = seen[0].unionAll(seen[1]).unionAll(seen[2]).distinct().count()
    return [Finding("models_mixed", max(0, versions - 1), "scores, certificates and decisions are of one model")]


def _scores(scores: DataFrame) -> list[Finding]:
    failed = F.col("error").isNotNull()
    null_rule = (F.col("risk").isNull() != failed) | (F.col("damage_rate").isNull() != failed)
    outside = F.lit(False)
    for name in ("risk", "damage_rate"):
        outside = outside | F.coalesce(F.isnan(name) | ~F.col(name).between(0, 1), F.lit(False))
    found = scores.agg(F.count_if(null_rule).alias("null_rule"), F.count_if(outside).alias("outside_0_1"))
    meanings = {
        "null_rule": "risk and damage_rate are null exactly where error is set",
        "outside_0_1": "risk and damage_rate lie between 0 and 1",
    }
    return _findings(found, meanings)


def _order(scores: DataFrame, package_types: DataFrame) -> list[Finding]:
    meaning = f"risk does not rise by more than {ORDER_TOLERANCE:g} with protection at equal or less void"
    return [Finding("protection_order", rises(scores, package_types), meaning)]


def _decisions(tables: Mapping[str, DataFrame]) -> list[Finding]:
    certificates = tables["certificates"].select("certificate_id", "threshold")
    scores = tables["pair_scores"].select(*PAIR, "risk", "fits", "error")
    decided = tables["pair_decisions"].join(scores, on=PAIR, how="inner")
    decided = decided.join(F.broadcast(certificates), on="certificate_id", how="left")
    certified, named = F.col("decision") == CERTIFIED, F.col("certificate_id").isNotNull()
    above = named & ~F.coalesce(F.col("risk") <= F.col("threshold"), F.lit(False))
    unnamed = (F.col("reason") == "under_threshold") & ~named
    misplaced = certified & ~F.coalesce(F.col("fits"), F.lit(False))
    unscored = (F.col("decision") == UNSCORED) != F.col("error").isNotNull()
    found = decided.agg(
        F.count_if(above | (named & ~certified)).alias("above_threshold"),
        F.count_if(unnamed).alias("certificate_unnamed"),
        F.count_if(misplaced).alias("certified_unfit"),
        F.count_if(unscored).alias("unscored_rule"),
    )
    meanings = {
        "above_threshold": "a pair certified by a certificate has at most its threshold's risk",
        "certificate_unnamed": "a pair under a threshold names its certificate",
        "certified_unfit": "only pairs that fit are certified",
        "unscored_rule": "a pair is UNSCORED exactly where its score has an error",
    }
    return _findings(found, meanings)


def _recommendations(tables: Mapping[str, DataFrame]) -> list[Finding]:
    defaults = tables["package_types"].where("safe_default").select("marketplace", "package_type", "safe_default")
    chosen = tables["recommendations"].where("package_type IS NOT NULL").select(*PAIR)
    decided = tables["pair_decisions"].select(*PAIR, "decision", "reason")
    fits = tables["pair_scores"].select(*PAIR, "fits")
    joined = chosen.join(decided, on=PAIR, how="left").join(fits, on=PAIR, how="left")
    joined = joined.join(F.broadcast(defaults), on=["marketplace", "package_type"], how="left")
    default = F.col("safe_default").isNotNull() & F.col("fits") & ~F.col("reason").isin("proven_unsafe", NOT_IN_USE)
    sound = F.coalesce((F.col("decision") == CERTIFIED) | default, F.lit(False))
    meaning = "a recommended package is certified, proven safe or a fitting safe default"
    return [Finding("unsound_recommendations", joined.where(~sound).count(), meaning)]


def _occurrences(places: Mapping[str, DataFrame], key: list[str]) -> DataFrame:
    """How often each key occurs in each place: the key, and a count a place."""
    flags = [
        frame.select(*key, *[F.lit(int(other == name)).alias(other) for other in places])
        for name, frame in places.items()
    ]
    every = reduce(lambda above, below: above.unionByName(below), flags)
    return every.groupBy(*key).agg(*[F.sum(name).alias(name) for name in places])


def _findings(found: DataFrame, meanings: Mapping[str, str]) -> list[Finding]:
    counts = found.collect()[0]
    return [Finding(name, int(counts[name]), meaning) for name, meaning in meanings.items()]

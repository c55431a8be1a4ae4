"""What must hold before tables may be released together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from leastpack.decisions.rules import (
    BANNED,
    BY_ORDER,
    CERTIFIED,
    CERTIFIED_MOVE,
    NOT_IN_USE,
    PROVEN_UNSAFE,
    UNSCORED,
)
from leastpack.releases.order import ORDER_TOLERANCE, rises
from leastpack.scoring.lists import INTERNAL
from leastpack.tables.by_pair import pairs
from leastpack.tables.digests import Digest, digest, digest_in, digests, part_of, parts_that_differ, together
from leastpack.tables.keys import PAIR, PRODUCT

# What of a score decides, and stands beside the decision.
DECIDED_ON = ("risk", "fits")
_WHOLE = "scores has every product sold once, with every package type of its marketplace"
KEYS = {
    "pairs_missing": _WHOLE,
    "pairs_extra": _WHOLE,
    "pairs_repeated": _WHOLE,
    "pairs_undecided": "every scored pair has a decision",
    "decisions_without_score": "every decision is about a scored pair",
}
PRODUCTS = {
    "products_without_recommendation": "every scored product has a recommendation row",
    "recommendations_without_score": "every recommendation is about a scored product",
}
SCORES = {
    "null_rule": "risk and damage_rate are null exactly where error is set",
    "outside_0_1": "risk and damage_rate lie between 0 and 1",
}
DECISIONS = {
    "above_level": "a certified move has at most its certificate's level of risk",
    "certificate_unnamed": "a certified move, and what is certified by its order, names a certificate of its model",
    "certified_unfit": "only pairs that fit are certified",
    "unscored_rule": "a pair is UNSCORED exactly where it has no risk",
    "unsound_recommendations": "a package other than today's is certified, proven safe or a fitting safe default",
}


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


def audit(tables: Mapping[str, DataFrame], most_failed: float) -> list[Finding]:
    """Look at the tables of a release.

    Every table is read through once or twice, where it lies. Only parts whose digests differ are brought together, to
    count what is wrong with them.

    Args:
        tables: products, package_types, scores, certificates, pair_decisions, recommendations at their versions.
        most_failed: Share of pairs that the model may have failed on.

    Returns:
        All findings, passed or not.
    """
    sold, scored = _sold(tables), pairs(tables["scores"])
    tables = {**tables, "pairs": scored}
    passes = {"scored": _scores(scored), "decided": _decisions(tables)}
    keys = {"sold": digests(sold, PAIR, "bucket"), **{name: one.digests("pairs") for name, one in passes.items()}}
    return [
        *_keys(tables, sold, keys),
        *_same_scores(tables, passes),
        *_products(tables, keys["sold"] == keys["scored"]),
        *_recommended(tables, passes["decided"]),
        *_models(passes),
        *passes["scored"].findings(SCORES),
        _failed(passes["scored"], most_failed),
        *_order(tables["scores"], tables["package_types"]),
        *passes["decided"].findings(DECISIONS),
    ]


@dataclass(frozen=True)
class _Pass:
    """What one reading of a table of pairs found: a row a bucket and model version."""

    rows: Sequence[Row]

    def digests(self, name: str) -> dict[int, Digest]:
        """By bucket."""
        parts: dict[int, list[Digest]] = {}
        for row in self.rows:
            parts.setdefault(row["part"], []).append(digest_in(row, name))
        return {part: together(own) for part, own in parts.items()}

    def findings(self, meanings: Mapping[str, str]) -> list[Finding]:
        """One finding a counted rule."""
        return [Finding(name, sum(row[name] for row in self.rows), meaning) for name, meaning in meanings.items()]


def _sold(tables: Mapping[str, DataFrame]) -> DataFrame:
    sold = tables["products"].where("deleted_at IS NULL").select(*PRODUCT, "bucket")
    types = tables["package_types"].select("marketplace", "package_type")
    return sold.join(F.broadcast(types), on="marketplace", how="inner")


def _scores(scores: DataFrame) -> _Pass:
    unscored = F.col("error").isNotNull()
    null_rule = (F.col("risk").isNull() != unscored) | (F.col("damage_rate").isNull() != unscored)
    outside = F.lit(False)
    for name in ("risk", "damage_rate"):
        outside = outside | F.coalesce(F.isnan(name) | ~F.col(name).between(0, 1), F.lit(False))
    failed = F.coalesce(F.col("error") == INTERNAL, F.lit(False))
    return _read_through(scores, {"null_rule": null_rule, "outside_0_1": outside, "failed": failed})


def _failed(scored: _Pass, most: float) -> Finding:
    failed, (pairs, _, _) = sum(row["failed"] for row in scored.rows), together(list(scored.digests("pairs").values()))
    meaning = f"the model failed on no more than {most:.3%} of the pairs"
    return Finding("failed_in_the_model", failed if failed > most * pairs else 0, meaning)


def _decisions(tables: Mapping[str, DataFrame]) -> _Pass:
    certificates = tables["certificates"].where("level IS NOT NULL")
    certificates = certificates.select("certificate_id", "level", F.col("model_version").alias("certified_model"))
    defaults = tables["package_types"].where("safe_default").select("marketplace", "package_type", "safe_default")
    decided = (
        tables["pair_decisions"]
        .join(F.broadcast(certificates), on="certificate_id", how="left")
        .join(F.broadcast(defaults), on=["marketplace", "package_type"], how="left")
    )
    certified, by_certificate = F.col("decision") == CERTIFIED, F.col("reason").isin(CERTIFIED_MOVE, BY_ORDER)
    under_level = F.coalesce(F.col("risk") <= F.col("level"), F.lit(False))
    same_model = F.coalesce(F.col("certified_model") == F.col("model_version"), F.lit(False))
    default = (
        F.col("safe_default").isNotNull() & F.col("fits") & ~F.col("reason").isin(PROVEN_UNSAFE, NOT_IN_USE, BANNED)
    )
    rules = {
        "above_level": (F.col("reason") == CERTIFIED_MOVE) & ~under_level,
        "certificate_unnamed": (by_certificate != F.col("certificate_id").isNotNull()) | (by_certificate & ~same_model),
        "certified_unfit": certified & ~F.coalesce("fits", F.lit(False)),
        "unscored_rule": (F.col("decision") == UNSCORED) != F.col("risk").isNull(),
        "unsound_recommendations": F.col("moves") & ~F.coalesce(certified | default, F.lit(False)),
    }
    return _read_through(decided, rules, *digest("recommended", PAIR, F.col("recommended")))


def _read_through(pairs: DataFrame, rules: Mapping[str, Column], *more: Column) -> _Pass:
    counts = [F.count_if(broken).alias(name) for name, broken in rules.items()]
    sums = [*digest("pairs", PAIR), *digest("decided_on", (*PAIR, *DECIDED_ON)), *counts, *more]
    return _Pass(pairs.groupBy(part_of("bucket").alias("part"), "model_version").agg(*sums).collect())


def _keys(tables: Mapping[str, DataFrame], sold: DataFrame, keys: Mapping[str, dict[int, Digest]]) -> list[Finding]:
    differ = parts_that_differ(*keys.values())
    if not differ:
        return [Finding(name, 0, meaning) for name, meaning in KEYS.items()]
    places = {"sold": sold, "scored": tables["pairs"], "decided": tables["pair_decisions"]}
    apart = {name: frame.where(part_of("bucket").isin(differ)) for name, frame in places.items()}
    found = _occurrences(apart, PAIR).agg(
        F.count_if(F.expr("sold > 0 AND scored = 0")).alias("pairs_missing"),
        F.count_if(F.expr("scored > 0 AND sold = 0")).alias("pairs_extra"),
        F.count_if(F.expr("scored > 1")).alias("pairs_repeated"),
        F.count_if(F.expr("scored > 0 AND decided = 0")).alias("pairs_undecided"),
        F.count_if(F.expr("decided > 0 AND scored = 0")).alias("decisions_without_score"),
    )
    return _findings(found, KEYS)


def _same_scores(tables: Mapping[str, DataFrame], passes: Mapping[str, _Pass]) -> list[Finding]:
    meanings = {"decided_on_other_scores": "every decision was made on the risk and fit that are released"}
    differ = parts_that_differ(*[one.digests("decided_on") for one in passes.values()])
    if not differ:
        return [Finding(name, 0, meaning) for name, meaning in meanings.items()]
    apart = part_of("bucket").isin(differ)
    then = tables["pair_decisions"].where(apart).select(*PAIR, F.struct(*DECIDED_ON).alias("then"))
    now = tables["pairs"].where(apart).select(*PAIR, F.struct(*DECIDED_ON).alias("now"))
    other = ~F.col("then").eqNullSafe(F.col("now"))
    return _findings(then.join(now, on=PAIR, how="inner").agg(F.count_if(other).alias(*meanings)), meanings)


def _products(tables: Mapping[str, DataFrame], scored_as_sold: bool) -> list[Finding]:
    markets = tables["package_types"].select("marketplace").distinct()
    sold = tables["products"].where("deleted_at IS NULL").join(F.broadcast(markets), on="marketplace", how="left_semi")
    if scored_as_sold and _digest_of(sold, PRODUCT) == _digest_of(tables["recommendations"], PRODUCT):
        return [Finding(name, 0, meaning) for name, meaning in PRODUCTS.items()]
    places = {"scored": tables["scores"], "recommended": tables["recommendations"]}
    found = _occurrences(places, PRODUCT).agg(
        F.count_if(F.expr("scored > 0 AND recommended = 0")).alias("products_without_recommendation"),
        F.count_if(F.expr("recommended > 0 AND scored = 0")).alias("recommendations_without_score"),
    )
    return _findings(found, PRODUCTS)


def _recommended(tables: Mapping[str, DataFrame], decided: _Pass) -> list[Finding]:
    meanings = {"recommended_otherwise": "the decisions mark exactly the packages that are recommended"}
    chosen = tables["recommendations"].where("package_type IS NOT NULL").select(*PAIR)
    if together(list(decided.digests("recommended").values())) == _digest_of(chosen, PAIR):
        return [Finding(name, 0, meaning) for name, meaning in meanings.items()]
    places = {"marked": tables["pair_decisions"].where("recommended"), "chosen": chosen}
    found = _occurrences(places, PAIR).agg(F.count_if(F.expr("marked != chosen")).alias(*meanings))
    return _findings(found, meanings)


def _models(passes: Mapping[str, _Pass]) -> list[Finding]:
    versions = {row["model_version"] for one in passes.values() for row in one.rows}
    meaning = "scores and decisions are of one model"
    return [Finding("models_mixed", max(0, len(versions) - 1), meaning, "further models")]


def _order(scores: DataFrame, package_types: DataFrame) -> list[Finding]:
    meaning = f"risk does not rise by more than {ORDER_TOLERANCE:g} with protection at equal or less void"
    return [Finding("protection_order", rises(scores, package_types), meaning)]


def _digest_of(rows: DataFrame, columns: list[str]) -> Digest:
    return digest_in(rows.agg(*digest("rows", columns)).collect()[0], "rows")


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

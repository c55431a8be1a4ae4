"""What must hold before tables may be released together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from leastpack.releases.order import ORDER_TOLERANCE, orders
from leastpack.releases.rows import OF_DECISIONS, OF_SCORES, Allowed, count_decisions, count_scores
from leastpack.tables.by_pair import TYPES, zipped
from leastpack.tables.digests import Digest, digest, digest_in, digest_of, digests, part_of, parts_that_differ, together
from leastpack.tables.keys import PAIR, PRODUCT

# What a product is of: itself and its package types.
WHOLE = [*PRODUCT, TYPES]
# What of a score decides, and stands beside the decision.
DECIDED_ON = ("risk", "fits")
_WHOLE = "scores has every product sold once, with every package type of its marketplace"
KEYS = {
    "products_missing": _WHOLE,
    "products_extra": _WHOLE,
    "products_repeated": "scores and decisions have every product once",
    "products_undecided": "every scored product has decisions, one for each of its package types",
    "decisions_without_score": "all decisions are about scored products",
}
PRODUCTS = {
    "products_without_recommendation": "every scored product has a recommendation row",
    "recommendations_without_score": "every recommendation is about a scored product",
}
_EVEN = "every list of a product has one element for each of its package types"
SCORES = {
    "scores_uneven": ("uneven", _EVEN),
    "null_rule": ("null_rule", "risk and damage_rate are null exactly where error is set"),
    "outside_0_1": ("outside_0_1", "risk and damage_rate lie between 0 and 1"),
    "protection_order": (
        "rises",
        f"risk does not rise by more than {ORDER_TOLERANCE:g} with protection at equal or less void",
    ),
}
DECISIONS = {
    "decisions_uneven": ("uneven", _EVEN),
    "above_level": ("above_level", "a certified move has at most its certificate's level of risk"),
    "certificate_unnamed": (
        "certificate_unnamed",
        "a product with a certified move, and with what is certified by its order, names a certificate of its model",
    ),
    "certified_unfit": ("certified_unfit", "only pairs that fit are certified"),
    "unscored_rule": ("unscored_rule", "a pair is UNSCORED exactly where it has no risk"),
    "unsound_recommendations": (
        "unsound_recommendations",
        "a package other than today's is certified, proven safe or a fitting safe default",
    ),
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

    Every table is read through once, where it lies. Only parts whose digests differ are brought together, to count what
    is wrong with them.

    Args:
        tables: products, package_types, scores, certificates, decisions, recommendations at their versions.
        most_failed: Share of pairs that the model may have failed on.

    Returns:
        All findings, passed or not.
    """
    sold = _sold(tables)
    passes = {"scored": _scores(tables), "decided": _decisions(tables)}
    keys = {"sold": digests(sold, WHOLE, "bucket"), **{name: one.digests("whole") for name, one in passes.items()}}
    return [
        *_keys(tables, sold, keys),
        *_same_scores(tables, passes),
        *_products(tables, keys["sold"] == keys["scored"]),
        *_recommended(tables, passes["decided"]),
        *_models(passes),
        *passes["scored"].findings(SCORES),
        _failed(passes["scored"], most_failed),
        *passes["decided"].findings(DECISIONS),
    ]


@dataclass(frozen=True)
class _Pass:
    """What one reading of a table found: a row a bucket and model version."""

    rows: Sequence[Row]

    def digests(self, name: str) -> dict[int, Digest]:
        """By bucket."""
        parts: dict[int, list[Digest]] = {}
        for row in self.rows:
            parts.setdefault(row["part"], []).append(digest_in(row, name))
        return {part: together(own) for part, own in parts.items()}

    def total(self, count: str) -> int:
        """The sum of a count."""
        return sum(int(row[count]) for row in self.rows)

    def findings(self, meanings: Mapping[str, tuple[str, str]]) -> list[Finding]:
        """One finding a counted rule."""
        return [Finding(name, self.total(count), meaning) for name, (count, meaning) in meanings.items()]


def _sold(tables: Mapping[str, DataFrame]) -> DataFrame:
    sold = tables["products"].where("deleted_at IS NULL").select(*PRODUCT, "bucket")
    listed = F.sort_array(F.collect_list("package_type")).alias(TYPES)
    types = tables["package_types"].groupBy("marketplace").agg(listed)
    return sold.join(F.broadcast(types), on="marketplace", how="inner")


def _scores(tables: Mapping[str, DataFrame]) -> _Pass:
    hashes = {"whole": F.xxhash64(*WHOLE), "decided_on": F.xxhash64(*PRODUCT, zipped(*DECIDED_ON))}
    rows = tables["scores"].withColumns({"part": part_of("bucket"), **hashes})
    order = orders(tables["package_types"].collect())
    return _summed(count_scores(rows, order, ["part", "model_version", *hashes]), list(hashes), OF_SCORES)


def _failed(scored: _Pass, most: float) -> Finding:
    failed, pairs = scored.total("failed"), scored.total("pairs")
    meaning = f"the model failed on no more than {most:.3%} of the pairs"
    return Finding("failed_in_the_model", failed if failed > most * pairs else 0, meaning)


def _decisions(tables: Mapping[str, DataFrame]) -> _Pass:
    certificates = tables["certificates"].where("level IS NOT NULL").collect()
    defaults = tables["package_types"].where("safe_default").collect()
    allowed = Allowed(
        levels={row.certificate_id: row.level for row in certificates},
        models={row.certificate_id: row.model_version for row in certificates},
        defaults={(row.marketplace, row.package_type) for row in defaults},
    )
    recommended = F.when(F.col("recommended").isNotNull(), F.xxhash64(*PRODUCT, "recommended"))
    hashes = {
        "whole": F.xxhash64(*WHOLE),
        "decided_on": F.xxhash64(*PRODUCT, zipped(*DECIDED_ON)),
        "recommendation": recommended,
    }
    rows = tables["decisions"].withColumns({"part": part_of("bucket"), **hashes})
    counted = count_decisions(rows, allowed, ["part", "model_version", *hashes])
    return _summed(counted, list(hashes), OF_DECISIONS)


def _summed(rows: DataFrame, hashes: Sequence[str], counts: Sequence[str]) -> _Pass:
    sums = [column for name in hashes for column in digest_of(name, F.col(name))]
    totals = [F.sum(name).alias(name) for name in counts]
    return _Pass(rows.groupBy("part", "model_version").agg(*sums, *totals).collect())


def _keys(tables: Mapping[str, DataFrame], sold: DataFrame, keys: Mapping[str, dict[int, Digest]]) -> list[Finding]:
    differ = parts_that_differ(*keys.values())
    if not differ:
        return [Finding(name, 0, meaning) for name, meaning in KEYS.items()]
    places = {"sold": sold, "scored": tables["scores"], "decided": tables["decisions"]}
    apart = {name: frame.where(part_of("bucket").isin(differ)) for name, frame in places.items()}
    found = _occurrences(apart, WHOLE).agg(
        F.count_if(F.expr("sold > 0 AND scored = 0")).alias("products_missing"),
        F.count_if(F.expr("scored > 0 AND sold = 0")).alias("products_extra"),
        F.count_if(F.expr("scored > 1 OR decided > 1")).alias("products_repeated"),
        F.count_if(F.expr("scored > 0 AND decided = 0")).alias("products_undecided"),
        F.count_if(F.expr("decided > 0 AND scored = 0")).alias("decisions_without_score"),
    )
    return _findings(found, KEYS)


def _same_scores(tables: Mapping[str, DataFrame], passes: Mapping[str, _Pass]) -> list[Finding]:
    meanings = {"decided_on_other_scores": "every product was decided on the risks and fits that are released"}
    differ = parts_that_differ(*[one.digests("decided_on") for one in passes.values()])
    if not differ:
        return [Finding(name, 0, meaning) for name, meaning in meanings.items()]
    apart = part_of("bucket").isin(differ)
    then = tables["decisions"].where(apart).select(*PRODUCT, zipped(*DECIDED_ON).alias("then"))
    now = tables["scores"].where(apart).select(*PRODUCT, zipped(*DECIDED_ON).alias("now"))
    other = ~F.col("then").eqNullSafe(F.col("now"))
    return _findings(then.join(now, on=PRODUCT, how="inner").agg(F.count_if(other).alias(*meanings)), meanings)


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
    meanings = {"recommended_otherwise": "the decisions name exactly the packages that are recommended"}
    chosen = tables["recommendations"].where("package_type IS NOT NULL").select(*PAIR)
    if together(list(decided.digests("recommendation").values())) == _digest_of(chosen, PAIR):
        return [Finding(name, 0, meaning) for name, meaning in meanings.items()]
    named = tables["decisions"].where("recommended IS NOT NULL")
    places = {"named": named.select(*PRODUCT, F.col("recommended").alias("package_type")), "chosen": chosen}
    found = _occurrences(places, PAIR).agg(F.count_if(F.expr("named != chosen")).alias(*meanings))
    return _findings(found, meanings)


def _models(passes: Mapping[str, _Pass]) -> list[Finding]:
    versions = {row["model_version"] for one in passes.values() for row in one.rows}
    meaning = "scores and decisions are of one model"
    return [Finding("models_mixed", max(0, len(versions) - 1), meaning, "further models")]


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

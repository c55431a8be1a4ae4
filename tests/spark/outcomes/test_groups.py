"""Product groups and splits."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from pyspark.sql import functions as F
from tests.spark.outcomes.shop import PACKAGES

from leastpack.config.outcomes import OutcomesConfig, SplitConfig
from leastpack.outcomes.cleaning import PAIR
from leastpack.outcomes.examples import placed_pairs
from leastpack.outcomes.groups import SPLITS, product_groups, split_column

SCHEMA = "marketplace string, product_id string, family_id string, text_key string, universal_id string"


def components(rows):
    """The groups by union of sets, as an independent answer."""
    parent = {}

    def root(x):
        while parent.setdefault(x, x) != x:
            x = parent[x]
        return x

    for marketplace, product, family, text, universal in rows:
        links = [("family", marketplace, family), ("text", text), ("universal", universal)]
        for link in links:
            if link[-1] is not None:
                parent[root(link)] = root((marketplace, product))
    found = {}
    for marketplace, product, *_ in rows:
        found.setdefault(root((marketplace, product)), set()).add((marketplace, product))
    return {frozenset(members) for members in found.values()}


def grouped(spark, rows, parts=3, most_sharing=1000):
    df = spark.createDataFrame(rows, SCHEMA).repartition(parts)
    return {(row[0], row[1]): row[2] for row in product_groups(df, most_sharing).products.collect()}


def as_sets(groups):
    found = {}
    for product, group in groups.items():
        found.setdefault(group, set()).add(product)
    return {frozenset(members) for members in found.values()}


def catalog(seed, products=600):
    """Random families, texts and identifiers, sparse and dense, some missing."""
    draw = random.Random(seed)
    values = [draw.randrange(1, 3 * products) for _ in range(3)]

    def some(name, most):
        return None if draw.random() < 0.3 else f"{name}{draw.randrange(most)}"

    return [
        (draw.choice(["NA", "EU"]), f"p{i}", some("f", values[0]), some("t", values[1]), some("u", values[2]))
        for i in range(products)
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_p7_groups_are_the_connected_components(spark, seed):
    rows = catalog(seed)
    assert as_sets(grouped(spark, rows)) == components(rows)


def test_p7_a_long_chain_is_one_group(spark):
    rows = [("NA", f"p{i}", f"f{i // 2}", f"t{(i + 1) // 2}", None) for i in range(900)]
    assert len(set(grouped(spark, rows).values())) == 1


def test_missing_values_and_families_of_other_marketplaces_link_nothing(spark):
    rows = [
        ("NA", "a", "same", None, None),
        ("EU", "b", "same", None, None),
        ("NA", "c", None, None, None),
        ("NA", "d", None, None, None),
        ("EU", "a", None, "text", "1"),
        ("JP", "e", None, None, "1"),
        ("JP", "f", None, "text", None),
    ]
    assert as_sets(grouped(spark, rows)) == {
        frozenset({("NA", "a")}),
        frozenset({("EU", "b")}),
        frozenset({("NA", "c")}),
        frozenset({("NA", "d")}),
        frozenset({("EU", "a"), ("JP", "e"), ("JP", "f")}),
    }


def test_p14_a_value_that_too_many_share_links_none_and_is_told(spark):
    rows = [("NA", f"p{i}", "family" if i < 4 else None, "text" if i > 6 else None, "filler") for i in range(12)]
    rows += [("EU", "a", None, None, "real"), ("EU", "b", None, None, "real")]
    found = product_groups(spark.createDataFrame(rows, SCHEMA), 4)
    assert [tuple(vars(one).values()) for one in found.wide] == [("universal", "filler", 12), ("text", "text", 5)]
    sizes = Counter(row["group_id"] for row in found.products.collect())
    # The family of four, five alike texts, the two of one true identifier, and three alone.
    assert sorted(sizes.values()) == [1, 1, 1, 2, 4, 5]


def test_p4_groups_have_the_same_names_whatever_the_partitions(spark):
    rows = catalog(3, products=150)
    assert grouped(spark, rows, parts=1) == grouped(spark, rows[::-1], parts=7)


def test_splits_have_their_shares_and_another_salt_deals_anew(spark):
    groups = spark.range(20_000).select(F.hex("id").alias("group_id"))
    shares = SplitConfig()
    dealt = groups.select(
        split_column(F.col("group_id"), shares).alias("one"),
        split_column(F.col("group_id"), SplitConfig(salt="another")).alias("two"),
    ).toPandas()
    for split in SPLITS:
        assert (dealt["one"] == split).mean() == pytest.approx(getattr(shares, split), abs=0.012)
    both = ((dealt["one"] == "test") & (dealt["two"] == "test")).mean()
    assert both == pytest.approx(shares.test**2, abs=0.005)


def test_p7_no_group_is_in_two_splits(spark):
    rows = catalog(4)
    groups = product_groups(spark.createDataFrame(rows, SCHEMA), 1000).products
    pairs = groups.select(
        "marketplace",
        "product_id",
        F.explode(F.array(*map(F.lit, PACKAGES))).alias("package_type"),
        F.lit(1).alias("n_policy"),
    )
    packages = spark.createDataFrame(
        [(m, name, kind, profile, name) for m in ("NA", "EU") for name, (kind, profile) in PACKAGES.items()],
        "marketplace string, package_type string, kind string, profile array<double>, profile_hash string",
    )
    placed = placed_pairs(pairs, groups, packages, OutcomesConfig()).select(*PAIR, "split", "sample_hash").collect()
    split_of = {(row[0], row[1]): row[3] for row in placed}
    assert len(placed) == 3 * len(rows)
    for members in components(rows):
        assert len({split_of[product] for product in members}) == 1
    assert set(Counter(split_of.values())) == set(SPLITS)
    assert len({row["sample_hash"] for row in placed}) == len(placed)

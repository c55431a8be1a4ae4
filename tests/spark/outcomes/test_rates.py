"""From simulated shipments to labels, targets and draws, against the rates they were drawn from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.examples import fit_priors, labelled_pairs, training_examples
from leastpack.outcomes.pairs import human_tests, monthly_outcomes, shipment_tests

TAU, REPORTING, N_MIN, PAIRS = 0.02, 0.5, 250, 6000
RULES = OutcomesConfig(tau=TAU, reporting_rate=REPORTING, n_min=N_MIN)


@pytest.fixture(scope="module")
def simulated(spark):
    """Pairs of two package types with true rates, shipments of all sizes, and reported damages."""
    random = np.random.default_rng(17)
    kind = random.integers(0, 2, PAIRS)
    rate = np.where(kind == 0, random.beta(0.5, 12.0, PAIRS), random.beta(0.4, 60.0, PAIRS))
    n = np.minimum(random.lognormal(np.log(40), 1.2, PAIRS).astype(np.int64) + 1, 3000)
    truth = pd.DataFrame(
        {
            "marketplace": "NA",
            "product_id": [f"p{i}" for i in range(PAIRS)],
            "package_type": np.where(kind == 0, "bag", "box"),
            "n": n,
            "k": random.binomial(n, rate * REPORTING),
            "unsafe": rate > TAU,
        }
    )
    counts = spark.createDataFrame(truth).select(
        "marketplace",
        "product_id",
        "package_type",
        "n",
        "k",
        F.col("k").alias("k_upper"),
        F.lit(0).alias("n_random"),
        F.lit(None).alias("propensity_sum"),
    )
    tests = shipment_tests(counts, RULES).persist()
    placed = tests.select(
        "*",
        F.lit("g").alias("group_id"),
        F.when(F.rand(1) < 0.5, "train").otherwise("test").alias("split"),
        F.lit(False).alias("by_human_test"),
        F.lit(None).cast("bigint").alias("tests"),
        F.lit(None).cast("bigint").alias("unsafe_tests"),
        F.lit(False).alias("less_protective"),
        F.lit(0).alias("sample_hash"),
        F.lit("kind").alias("kind"),
        F.col("package_type").alias("profile_hash"),
    ).persist()
    examples = training_examples(spark, placed, fit_priors(placed, placed, RULES), RULES)
    found = examples.select("product_id", "label", "target", "weight", "eligible", "split").toPandas()
    yield truth.merge(found, on="product_id")
    placed.unpersist()
    tests.unpersist()


def test_hard_labels_are_wrong_no_more_often_than_the_confidence_allows(simulated):
    assert 0 < (simulated[~simulated["unsafe"]]["label"] == "UNSAFE").mean() <= 0.05
    assert (simulated[simulated["unsafe"]]["label"] == "SAFE").mean() <= 0.05


@pytest.mark.parametrize(("rate", "wrong"), [(TAU * 0.999, "UNSAFE"), (TAU * 1.001, "SAFE")])
def test_hard_labels_next_to_tau_are_wrong_at_the_stated_rate(spark, rate, wrong):
    """The hardest pairs there are; nearly all of the allowed 5 % is used up, and no more."""
    k = np.random.default_rng(23).binomial(2000, rate * REPORTING, 8000)
    pairs = spark.createDataFrame(pd.DataFrame({"package_type": "bag", "n": 2000, "k": k}).reset_index())
    counts = pairs.select(
        F.lit("NA").alias("marketplace"),
        F.col("index").cast("string").alias("product_id"),
        "package_type",
        "n",
        "k",
        F.col("k").alias("k_upper"),
        F.lit(0).alias("n_random"),
        F.lit(None).alias("propensity_sum"),
    )
    assert 0.02 < shipment_tests(counts, RULES).where(F.col("label") == wrong).count() / 8000 < 0.055


def test_labels_reached_before_n_min_select_on_the_outcome(simulated):
    """Why eligibility must not look at the label: those that got one early are far more often unsafe."""
    few = simulated[(simulated["n"] >= 20) & (simulated["n"] < 120)]
    labelled = few[few["label"] != "UNKNOWN"]
    assert labelled["unsafe"].mean() > 2 * few["unsafe"].mean()
    assert (simulated["eligible"] == (simulated["n"] >= N_MIN)).all()


@pytest.mark.parametrize("package", ["bag", "box"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_targets_are_calibrated_for_every_package_type(simulated, package, split):
    rows = simulated[(simulated["package_type"] == package) & (simulated["split"] == split)]
    assert rows["target"].mean() == pytest.approx(rows["unsafe"].mean(), abs=0.03)
    tenths = pd.qcut(rows["target"].rank(method="first"), 6, labels=False)
    gaps = rows.groupby(tenths)["target"].mean() - rows.groupby(tenths)["unsafe"].mean()
    assert gaps.abs().max() < 0.09


def test_weight_follows_shipments_and_never_damage(simulated):
    for _, rows in simulated.groupby("package_type"):
        in_order = rows.sort_values("n")
        assert in_order["weight"].is_monotonic_increasing
        assert rows.groupby("n")["weight"].nunique().max() == 1


def test_under_reporting_compares_with_tau_times_the_rate(spark):
    pair = spark.createDataFrame(
        [("NA", "p", "bag", 400, 3, 3, 0, None)],
        "marketplace string, product_id string, package_type string, n long, k long, k_upper long, n_random long,"
        " propensity_sum decimal(20,10)",
    )

    def label(**rules):
        return shipment_tests(pair, OutcomesConfig(tau=0.005, confidence=0.9, **rules)).collect()[0]["label"]

    assert label(reporting_rate=1.0) == "UNKNOWN"
    assert label(reporting_rate=0.4) == "UNSAFE"


def test_the_draw_of_all_months_is_one_shipment_and_does_not_prefer_damage(spark):
    shipped = spark.range(12_000).select(
        F.lit("NA").alias("marketplace"),
        (F.col("id") % 600).cast("string").alias("product_id"),
        F.lit("bag").alias("package_type"),
        F.concat(F.lit("s"), F.col("id")).alias("shipment_id"),
        F.date_add(F.lit("2024-01-01").cast("date"), (F.col("id") % 90).cast("int")).alias("shipped_on"),
        F.when(F.col("id") % 4 == 0, F.lit(0.2)).alias("propensity"),
        (F.col("id") % 7 == 0).alias("damaged"),
        F.lit(False).alias("maybe"),
        F.when(F.col("id") % 8 == 0, 2).otherwise(1).alias("items"),
    )

    def drawn(salt, parts):
        months = monthly_outcomes(shipped.repartition(parts), salt)
        total = months.groupBy("product_id").agg(
            F.min_by("draw_damaged", "draw_hash").alias("draw"),
            F.min("draw_hash").alias("hash"),
            F.min_by("random_draw_damaged", "random_draw_hash").alias("random_draw"),
            F.min_by("random_draw_k_upper", "random_draw_hash").alias("random_draw_k_upper"),
            F.min_by("random_draw_propensity", "random_draw_hash").alias("propensity"),
            F.min("least_propensity").alias("least"),
            F.sum("n_random").alias("random"),
            F.sum("n_random_single").alias("single"),
        )
        return total.orderBy("product_id").toPandas()

    one = drawn("a", 1)
    assert one.equals(drawn("a", 7))
    hashes = shipped.groupBy("product_id").agg(
        F.min(F.xxhash64("marketplace", "shipment_id", "product_id", F.lit("a"))).alias("hash")
    )
    assert one["hash"].tolist() == [row["hash"] for row in hashes.orderBy("product_id").collect()]
    assert one["draw"].mean() == pytest.approx(1 / 7, abs=0.05)
    # A product's shipments are all drawn at random or all chosen here, all single or all not: 600 is a multiple of 8.
    # Shipments of several items are drawn together, and count in no test of the draw.
    assert one["random_draw"].notna().mean() == one["least"].notna().mean() == 0.125
    assert (one["random"].sum(), one["single"].sum()) == (3000, 1500)
    assert set(one["propensity"].dropna()) == {0.2}
    drawn_once = one.dropna(subset="random_draw")
    assert (drawn_once["random_draw_k_upper"] == drawn_once["random_draw"].astype(int)).all()
    assert (one["draw"] != drawn("b", 1)["draw"]).any()


def test_the_first_draw_of_a_human_test_is_kept_and_any_unsafe_counts(spark):
    rows = [
        ("NA", "p", "bag", "t2", "SAFE", 0.5, "queue", "2024-05-02"),
        ("NA", "p", "bag", "t1", "SAFE", 0.25, "audit", "2024-05-01"),
        ("NA", "p", "bag", "t0", "unsafe", None, None, "2024-04-01"),
    ]
    tests = spark.createDataFrame(
        rows,
        "marketplace string, product_id string, package_type string, test_id string, result string,"
        " draw_probability double, draw_round string, tested_at string",
    )
    found = human_tests(tests, RULES).collect()[0]
    assert (found["label"], found["n"], found["k"], found["draw_probability"], found["eligible"]) == (
        "UNSAFE",
        3,
        1,
        0.25,
        True,
    )
    assert found["draw_round"] == "audit"


def test_tests_of_testers_who_err_prove_a_pair_safe_together_and_else_leave_the_shipments_word(spark):
    """Three tests prove a pair safe where testers find at least 0.68 of the unsafe ones (18 of 20)."""
    rules = OutcomesConfig(tau=0.02, n_min=100, human_test_sensitivity={"found": 18, "of": 20})
    pair = "marketplace string, product_id string, package_type string"
    results = [("a", 2, 0), ("b", 3, 0), ("c", 3, 1), ("d", 1, 0)]
    told = [
        ("NA", product, "bag", f"{product}{i}", "UNSAFE" if i < k else "SAFE", None, None, "2024-05-01")
        for product, n, k in results
        for i in range(n)
    ]
    tested = f"{pair}, test_id string, result string, draw_probability double, draw_round string, tested_at string"
    shipped = [("NA", "a", "bag", 500, 60, 60, 0, None), ("NA", "c", "bag", 500, 0, 0, 0, None)]
    counts = f"{pair}, n long, k long, k_upper long, n_random long, propensity_sum decimal(20,10)"
    by_shipments = shipment_tests(spark.createDataFrame(shipped, counts), rules)
    pairs = labelled_pairs(by_shipments, human_tests(spark.createDataFrame(told, tested), rules))
    placed = pairs.selectExpr(
        "*", "'g' group_id", "'train' split", "true less_protective", "0 sample_hash", "'bag' kind"
    )
    placed = placed.withColumn("profile_hash", F.lit("bag"))
    examples = training_examples(spark, placed, fit_priors(placed, placed, rules), rules)
    found = {row["product_id"]: row for row in examples.collect()}
    assert {name: row["label"] for name, row in found.items()} == {
        "a": "UNSAFE",  # by its shipments
        "b": "SAFE",
        "c": "UNSAFE",
        "d": "UNKNOWN",
    }
    assert all(row["by_human_test"] for row in found.values())
    assert found["a"]["target"] > 0.99
    assert 0 < found["b"]["target"] < found["d"]["target"] < 1
    assert found["c"]["target"] == 1.0, "testers who never call a safe pair unsafe"

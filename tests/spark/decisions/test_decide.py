from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from tests.spark.market import config_for, market_rows, write
from tests.spark.rows import table_rows

from leastpack.config.storage import TablesConfig
from leastpack.decisions.decide import decide_packaging
from leastpack.decisions.grid import risk_grid
from leastpack.decisions.rounds import queue_hash
from leastpack.decisions.scored import check_scored, count_scored, scored_pairs
from leastpack.errors import InputError, PromiseError
from leastpack.tables import Tables

WRITTEN = ("certificates", "pair_decisions", "recommendations", "test_queue")


@pytest.fixture(scope="module")
def decided(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    tables = Tables(spark, TablesConfig(root=str(tmp_path_factory.mktemp("decided")), buckets=4))
    write(spark, tables, market_rows())
    decide_packaging(spark, config_for(tables))
    return tables


def only(df: DataFrame) -> Row:
    rows = df.collect()
    assert len(rows) == 1
    return rows[0]


def last_run(tables: Tables) -> Row:
    return tables.read("runs").orderBy(F.desc("started_at")).first()


def test_p1_every_scored_pair_has_a_decision_and_every_row_is_accounted_for(decided: Tables) -> None:
    assert decided.read("pair_decisions").count() == decided.read("pair_scores").count() == 900
    assert decided.read("recommendations").count() == 300
    run = last_run(decided)
    account = json.loads(run.account)
    assert run.status == "done"
    assert set(account["inputs"]) == set(run.inputs) - {"runs"}
    for source, one in account["inputs"].items():
        assert one["rows_in"] == one["used"] + sum(one["set_aside"].values()) == decided.read(source).count()


def test_the_label_free_decisions(decided: Tables) -> None:
    decisions = decided.read("pair_decisions")
    reasons = {
        key: {(row.decision, row.reason) for row in decisions.where(F.col("product_id") == key).collect()}
        for key in ("P0000", "P0001", "P0002")
    }
    assert reasons["P0000"] == {("INFEASIBLE", "size_unknown")}
    assert reasons["P0001"] == {("UNSCORED", "NO_INPUT")}
    assert ("INFEASIBLE", "does_not_fit") in reasons["P0002"]


def test_certificates_are_given_and_pairs_are_certified_exactly_under_them(decided: Tables) -> None:
    certificates = decided.read("certificates")
    assert certificates.count() == 12  # three profiles, two strata, two promises
    bag = only(certificates.where("profile_hash = 'profile-bag' AND stratum = 'photos' AND promise = 'pair'"))
    assert bag.threshold is not None
    assert 0 < bag.share_certified < 1
    assert (bag.slice, bag.gamma, bag.marketplaces, bag.model_version) == ("audit", None, ["EU", "NA"], "model-1")
    scores = decided.read("pair_scores").where("package_type = 'bag' AND views_used > 0 AND fits AND error IS NULL")
    joined = scores.join(
        decided.read("pair_decisions").drop("model_version", "bucket", "risk", "fits"),
        ["marketplace", "product_id", "package_type"],
    )
    under = joined.where(F.col("risk") <= bag.threshold)
    assert under.count() > 50
    assert {row.reason for row in under.select("reason").distinct().collect()} <= {"under_threshold", "proven_unsafe"}
    named = {row.certificate_id for row in under.where("reason = 'under_threshold'").select("certificate_id").collect()}
    assert named == {bag.certificate_id}
    above = joined.where(F.col("risk") > bag.threshold)
    assert above.where("reason = 'under_threshold' OR certificate_id IS NOT NULL").count() == 0


def test_thresholds_rise_with_protection(decided: Tables) -> None:
    rows = decided.read("certificates").where("stratum = 'photos' AND promise = 'pair'").collect()
    found = {row.profile_hash: row.threshold for row in rows}
    assert found["profile-bag"] <= found["profile-mailer"] <= found["profile-box"]


def test_a_stratum_with_few_labels_certifies_nothing_and_says_how_many_are_missing(decided: Tables) -> None:
    one = only(
        decided.read("certificates").where(
            "stratum = 'no_photos' AND promise = 'pair' AND profile_hash = 'profile-bag'"
        )
    )
    assert one.threshold is None
    assert one.labels_needed > 0
    assert "points" in one.why_none
    no_photo = decided.read("pair_scores").where("views_used = 0").select("product_id").distinct()
    pairs = decided.read("pair_decisions").join(no_photo, "product_id")
    assert pairs.where("reason IN ('under_threshold', 'by_order')").count() == 0


def test_the_shipment_promise_rests_on_shipped_pairs_and_says_so(decided: Tables) -> None:
    one = only(
        decided.read("certificates").where(
            "stratum = 'photos' AND promise = 'shipment' AND profile_hash = 'profile-bag'"
        )
    )
    assert (one.slice, one.k) == ("shipped", 0)
    assert one.gamma > 1
    assert one.m0 == pytest.approx(0.2)


def test_human_tests_overrule(decided: Tables) -> None:
    tests = decided.read("pair_tests").select("product_id", "package_type", "label")
    scored = decided.read("pair_scores").where("fits AND error IS NULL").select("product_id", "package_type")
    joined = (
        decided.read("pair_decisions")
        .join(scored, ["product_id", "package_type"])
        .join(tests, ["product_id", "package_type"])
    )
    reasons = {
        (row.label, row.decision, row.reason)
        for row in joined.select("label", "decision", "reason").distinct().collect()
    }
    assert ("UNSAFE", "REJECTED", "proven_unsafe") in reasons
    assert all(decision == "REJECTED" for label, decision, _ in reasons if label == "UNSAFE")
    assert all(reason in ("under_threshold", "proven_safe") for label, _, reason in reasons if label == "SAFE")


def test_recommendations_are_sound(decided: Tables) -> None:
    rows = {row.product_id: row for row in decided.read("recommendations").collect()}
    assert (rows["P0000"].package_type, rows["P0000"].reason) == (None, "nothing_fits")
    assert (rows["P0001"].package_type, rows["P0001"].reason) == ("box", "safe_default")
    assert rows["P0001"].expected_damage_cost is None
    certified = [row for row in rows.values() if row.reason == "certified"]
    assert len(certified) > 50
    assert all(row.package_type == row.alternatives[0] for row in certified)
    # All three types were shipped alike in the last month; of equal counts the name that sorts last is current.
    assert {row.current_package_type for row in rows.values()} == {"mailer"}
    bag = next(row for row in certified if row.package_type == "bag")
    assert bag.weight_saved_g == 40.0


def test_the_queue_mixes_doubt_and_chance(decided: Tables) -> None:
    queue = decided.read("test_queue").orderBy("rank").collect()
    assert [row["rank"] for row in queue] == list(range(1, len(queue) + 1))
    assert len({row.test_id for row in queue}) == len(queue)
    random = [row for row in queue if row.why == "random"]
    candidates = decided.read("pair_scores").where("fits AND error IS NULL")
    untested = candidates.join(decided.read("pair_tests"), ["marketplace", "product_id", "package_type"], "left_anti")
    assert len(random) == 40
    assert {row.draw_round for row in random} == {"queue-3"}
    (reached,) = {row.draw_probability for row in random}
    assert untested.where(queue_hash(3) <= reached).count() == 40
    expected = 40 / untested.count()
    assert reached == pytest.approx(expected, abs=4 * (expected / untested.count()) ** 0.5)
    assert untested.count() < candidates.count()
    doubtful = [row for row in queue if row.why == "doubtful"]
    assert doubtful
    assert all(row.weight_saved_g > 0 and row.draw_probability is None for row in doubtful)
    worth = [row.weight_saved_g * (1 - row.risk) for row in doubtful]
    assert worth == sorted(worth, reverse=True)
    tested = {(row.product_id, row.package_type) for row in decided.read("pair_tests").collect()}
    assert not tested & {(row.product_id, row.package_type) for row in queue}


def test_p2_deciding_again_changes_nothing(spark: SparkSession, decided: Tables) -> None:
    before = {name: decided.version(name) for name in WRITTEN}
    decide_packaging(spark, config_for(decided))
    assert {name: decided.version(name) for name in WRITTEN} == before


def test_only_buckets_whose_decisions_differ_are_written_and_one_without_scores_is_emptied(
    spark: SparkSession, decided: Tables, tmp_path: Path
) -> None:
    shutil.copytree(str(decided.config.root), tmp_path / "tables")
    tables = Tables(spark, TablesConfig(root=str(tmp_path / "tables"), buckets=4))
    held = tables.read("pair_decisions")
    rows = spark.createDataFrame(held.where("bucket = 1").collect(), held.schema)
    tables.replace_where("pair_decisions", rows.withColumn("recommended", ~F.col("recommended")), "bucket = 1")
    tables.replace_where("pair_decisions", rows.withColumn("bucket", F.lit(9)), "bucket = 9")
    before = {bucket: files_of(tables, bucket) for bucket in (0, 1, 2, 3, 9)}
    decide_packaging(spark, config_for(tables))
    after = {bucket: files_of(tables, bucket) for bucket in before}
    assert {bucket for bucket in before if after[bucket] != before[bucket]} == {1, 9}
    assert after[9] == set()
    mended, expected = (place.read("pair_decisions").drop("run_id") for place in (tables, decided))
    assert mended.exceptAll(expected).count() == expected.exceptAll(mended).count() == 0


def files_of(tables: Tables, bucket: int) -> set[str]:
    rows = tables.read("pair_decisions").where(F.col("bucket") == bucket)
    return {row[0] for row in rows.select(F.substring_index(F.input_file_name(), "/", -1)).distinct().collect()}


@pytest.mark.proof
def test_p4_neither_partitions_nor_parts_matter(spark: SparkSession, decided: Tables, tmp_path: Path) -> None:
    # Two buckets at a time; the other way is all at once.
    other = Tables(spark, TablesConfig(root=str(tmp_path), buckets=4, pairs_per_commit=400))
    rows = market_rows()
    for name, content in rows.items():
        other.append(name, table_rows(spark, name, content[::-1]).repartition(7))
    partitions = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "3")
    try:
        decide_packaging(spark, config_for(other))
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", partitions)
    for name in WRITTEN:
        told = [column for column in decided.read(name).columns if column not in ("run_id", "issued_at", "changed_at")]
        mine, theirs = decided.read(name).select(told), other.read(name).select(told)
        assert mine.exceptAll(theirs).count() == theirs.exceptAll(mine).count() == 0


def test_without_scores_nothing_is_written_and_without_labels_nothing_is_certified(
    spark: SparkSession, tables: Tables
) -> None:
    rows = market_rows(6)
    none: dict[str, list[dict[str, Any]]] = {"pair_tests": [], "pair_outcomes": [], "training_examples": []}
    write(spark, tables, {**rows, **none, "pair_scores": []})
    with pytest.raises(InputError, match="pair_scores is empty"):
        decide_packaging(spark, config_for(tables))
    assert last_run(tables).status == "failed"
    assert not tables.exists("certificates")

    write(spark, tables, {"pair_scores": rows["pair_scores"]})
    decide_packaging(spark, config_for(tables))
    assert tables.read("pair_decisions").where("decision = 'CERTIFIED'").count() == 0
    assert tables.read("certificates").where("threshold IS NULL AND why_none IS NOT NULL").count() == 12
    recommended = tables.read("recommendations").collect()
    assert {row.reason for row in recommended} == {"safe_default", "nothing_fits"}
    assert {row.current_package_type for row in recommended} == {None}


def test_a_product_without_all_its_scores_is_refused(spark: SparkSession, tables: Tables) -> None:
    rows = market_rows(6)
    write(spark, tables, {**rows, "pair_scores": rows["pair_scores"][:-1]})
    with pytest.raises(PromiseError, match="1 products have others"):
        decide_packaging(spark, config_for(tables))


def test_mixed_models_are_refused(spark: SparkSession) -> None:
    scores = market_rows(6)["pair_scores"]
    with pytest.raises(PromiseError, match="mixes models"):
        check(spark, pair_scores=[*scores[:-1], {**scores[-1], "model_version": "model-2"}])


def test_scores_of_an_undeclared_type_are_refused(spark: SparkSession) -> None:
    packages = [row for row in market_rows(6)["package_types"] if row["package_type"] != "bag"]
    with pytest.raises(PromiseError, match="6 pairs"):
        check(spark, package_types=packages)


def check(spark: SparkSession, **change: list[dict[str, Any]]) -> None:
    rows = {**market_rows(6), **change}
    scores, packages = (table_rows(spark, name, rows[name]) for name in ("pair_scores", "package_types"))
    check_scored(count_scored(scored_pairs(scores, packages, risk_grid(10), True, date(2024, 6, 1))))

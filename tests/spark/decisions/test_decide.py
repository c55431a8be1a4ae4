from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from tests.quick import as_in_production
from tests.spark.market import TODAY, config_for, market_rows, own_shipments, write
from tests.spark.rows import add_rows

from leastpack.certificates.terms import make_terms
from leastpack.config.storage import TablesConfig
from leastpack.decisions.decide import decide_packaging
from leastpack.errors import InputError, PromiseError
from leastpack.tables import Tables
from leastpack.tables.by_pair import pairs
from leastpack.tables.schemas import CERTIFICATES

WRITTEN = ("decisions", "recommendations", "test_queue")
LEVEL = 0.2
REJECTED = {"marketplace": "NA", "product_id": "P0022", "package_type": "mailer"}


def certify(tables: Tables, **decisions: Any) -> None:
    """Put a certificate of today's policy in force, for products with photos."""
    config = config_for(tables, **decisions)
    terms = make_terms(config, tables.read("package_types").collect(), "model-1")
    row = {
        "certificate_id": "c", "round_id": "r", "cell": "*/photos", "status": "certified", "level": LEVEL,
        "model_version": "model-1", "policy_digest": terms.digest, "choice_digest": terms.choice_digest, "alpha": 0.2,
    }  # fmt: skip
    blank = dict.fromkeys(CERTIFICATES.names)
    nothing: dict[str, list[dict[str, Any]]] = {
        "round_exclusions": [],
        "certificate_types": [],
        "certificate_events": [],
    }
    # Its round knew that this mailer must not go on.
    nothing["round_exclusions"] = [{"round_id": "r", **REJECTED}]
    spent = {"attempt_id": "a", "round_id": "r"}
    write(tables.spark, tables, {"certificates": [{**blank, **row}], "certificate_attempts": [spent], **nothing})


@pytest.fixture(scope="module")
def decided(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    tables = Tables(spark, TablesConfig(root=str(tmp_path_factory.mktemp("decided")), buckets=4))
    rows = market_rows()
    # Own shipments prove a bag unsafe, at few shipments; and that a mailer must not go on.
    own = [
        own_shipments({**REJECTED, "package_type": "bag", "product_id": "P0011"}, 6, 4, "UNSAFE"),
        own_shipments(REJECTED, 400, 40, "UNSAFE"),
    ]
    write(spark, tables, {**rows, "pair_tests": [*rows["pair_tests"], *own]})
    certify(tables)
    decide_packaging(spark, config_for(tables))
    return tables


def last_run(tables: Tables) -> Row:
    return tables.read("runs").orderBy(F.desc("started_at")).first()


def by_product(tables: Tables) -> dict[str, Row]:
    return {row.product_id: row for row in tables.read("recommendations").collect()}


def test_p1_every_scored_pair_has_a_decision_and_every_row_is_accounted_for(decided: Tables) -> None:
    assert pairs(decided.read("decisions")).count() == pairs(decided.read("scores")).count() == 900
    assert decided.read("recommendations").count() == 300
    run = last_run(decided)
    account = json.loads(run.account)
    assert run.status == "done"
    assert set(account["inputs"]) == set(run.inputs)
    for source, one in account["inputs"].items():
        assert one["rows_in"] == one["used"] + sum(one["set_aside"].values()) == decided.read(source).count()


def test_moves_lie_under_the_level_and_in_cells_with_a_certificate(decided: Tables) -> None:
    moves = pairs(decided.read("decisions")).where("reason = 'certified_move'")
    assert moves.count() > 100
    sound = "certificate_id = 'c' AND moves AND recommended = package_type"
    assert moves.where(sound).where(F.col("risk") <= LEVEL).count() == moves.count()
    dark = decided.read("scores").where("views_used = 0").select("product_id").distinct()
    assert moves.join(dark, "product_id", "left_semi").count() == 0
    why = {row.why_not_moved for row in decided.read("recommendations").join(dark, "product_id", "left_semi").collect()}
    assert {"unsupported", None} >= why - {"unscored", "nothing_lighter_fits", "proven_unsafe"}


def test_recommendations_and_their_reasons(decided: Tables) -> None:
    rows = by_product(decided)
    # No size: what it ships in stays.
    assert (rows["P0000"].package_type, rows["P0000"].reason, rows["P0000"].why_not_moved) == (
        "mailer", "kept", "unscored",
    )  # fmt: skip
    assert (rows["P0001"].package_type, rows["P0001"].reason) == ("mailer", "kept")
    assert rows["P0001"].expected_damage_cost is None
    assert rows["P0002"].reason == "size_conflict"
    assert (rows["P0003"].package_type, rows["P0003"].reason) == ("bag", "first")
    assert (rows["P0011"].package_type, rows["P0011"].reason) == ("mailer", "suspended")
    assert rows["P0022"].reason == "away_from_rejected"
    moved = [row for row in rows.values() if row.reason == "moved"]
    assert {row.current_package_type for row in moved} == {"mailer"}
    assert all(row.package_type in row.alternatives for row in moved)
    kept = [row for row in rows.values() if row.reason == "kept"]
    assert "above_level" in {row.why_not_moved for row in kept}


def test_the_queue_asks_for_doubt_where_a_pass_saves_most(decided: Tables) -> None:
    queue = decided.read("test_queue").orderBy("rank").collect()
    assert [row["rank"] for row in queue] == list(range(1, len(queue) + 1))
    assert len({row.test_id for row in queue}) == len(queue)
    # The round is read: it asks for nothing any more.
    assert {row.why for row in queue} == {"doubtful"}
    assert all(row.weight_saved_g > 0 and row.draw_probability is None for row in queue)
    shipments = {row.product_id: row.n for row in decided.read("pair_outcomes").collect()}
    worth = [row.weight_saved_g * shipments.get(row.product_id, 1) * (1 - row.risk) for row in queue]
    assert worth == sorted(worth, reverse=True)
    tested = {
        (r.product_id, r.package_type) for r in decided.read("pair_tests").where("source = 'human_test'").collect()
    }
    assert not tested & {(row.product_id, row.package_type) for row in queue}


def test_p2_deciding_again_changes_nothing(spark: SparkSession, decided: Tables) -> None:
    before, first = {name: decided.version(name) for name in WRITTEN}, last_run(decided)
    decide_packaging(spark, config_for(decided))
    assert {name: decided.version(name) for name in WRITTEN} == before
    again = last_run(decided)
    assert (again.account, again.figures) == (first.account, {**first.figures, "unchanged": 1.0})
    # Another day may have other rules and package types: all is decided anew, and nothing is another.
    decide_packaging(spark, config_for(decided, as_of=TODAY + timedelta(days=1)))
    assert "unchanged" not in last_run(decided).figures
    # Nor is anything taken for right that an audit has failed on.
    decide_packaging(spark, config_for(decided))
    add_rows(decided, "runs", [{"step": "publish", "status": "failed", "started_at": datetime.now(UTC)}])
    decide_packaging(spark, config_for(decided))
    assert "unchanged" not in last_run(decided).figures
    assert {name: decided.version(name) for name in WRITTEN} == before


@pytest.mark.slow
def test_no_marketplace_of_a_pool_has_more_new_moves_than_it_may(
    spark: SparkSession, decided: Tables, tmp_path: Path
) -> None:
    shutil.copytree(str(decided.config.root), tmp_path / "tables")
    tables = Tables(spark, TablesConfig(root=str(tmp_path / "tables"), buckets=4))
    all_moves = {row.product_id for row in by_product(tables).values() if row.certificate_id}
    decide_packaging(spark, config_for(tables, most_moves=20))
    some = [row for row in by_product(tables).values() if row.certificate_id]
    assert {row.product_id for row in some} < all_moves
    counts = {market: sum(row.marketplace == market for row in some) for market in ("NA", "EU")}
    # Twice as many products are sold in NA: the same share of EU's goes out.
    assert counts["NA"] == 20
    assert 4 <= counts["EU"] <= 16
    held = [row for row in by_product(tables).values() if row.why_not_moved == "held_back"]
    assert len(held) > 50


@pytest.mark.slow
def test_only_buckets_whose_decisions_differ_are_written_and_one_without_scores_is_emptied(
    spark: SparkSession, decided: Tables, tmp_path: Path
) -> None:
    shutil.copytree(str(decided.config.root), tmp_path / "tables")
    tables = Tables(spark, TablesConfig(root=str(tmp_path / "tables"), buckets=4))
    held = tables.read("decisions")
    rows = spark.createDataFrame(held.where("bucket = 1").collect(), held.schema)
    tables.replace_where("decisions", rows.withColumn("moves", ~F.col("moves")), "bucket = 1")
    tables.replace_where("decisions", rows.withColumn("bucket", F.lit(9)), "bucket = 9")
    before = {bucket: files_of(tables, bucket) for bucket in (0, 1, 2, 3, 9)}
    decide_packaging(spark, config_for(tables))
    after = {bucket: files_of(tables, bucket) for bucket in before}
    assert {bucket for bucket in before if after[bucket] != before[bucket]} == {1, 9}
    assert after[9] == set()
    mended, expected = (place.read("decisions").drop("run_id") for place in (tables, decided))
    assert mended.exceptAll(expected).count() == expected.exceptAll(mended).count() == 0


@pytest.mark.slow
def test_p2_few_decisions_that_differ_are_written_alone(spark: SparkSession, decided: Tables, tmp_path: Path) -> None:
    shutil.copytree(str(decided.config.root), tmp_path / "tables")
    tables = Tables(spark, TablesConfig(root=str(tmp_path / "tables"), buckets=4, merged_share=0.05))
    held, where = tables.read("decisions").first(), tables.location("decisions")
    with as_in_production(spark):
        spark.sql(f"UPDATE delta.`{where}` SET moves = NOT moves, run_id = 'x' WHERE product_id = 'P0010'")
        spark.sql(f"DELETE FROM delta.`{where}` WHERE product_id = 'P0013'")
        add_rows(tables, "decisions", [{**held.asDict(), "product_id": "gone", "run_id": "x"}])
        changed = {bucket: files_of(tables, bucket) for bucket in range(4)}
        decide_packaging(spark, config_for(tables))
        written = last_run(tables).run_id
        after = {bucket: files_of(tables, bucket) for bucket in range(4)}
        rows = tables.read("decisions")
        assert {row.product_id for row in rows.where(F.col("run_id") == written).collect()} == {"P0010", "P0013"}
        expected = decided.read("decisions").drop("run_id")
        assert rows.drop("run_id").exceptAll(expected).count() == expected.exceptAll(rows.drop("run_id")).count() == 0
    # No file is written anew for the sake of a row or two in it; the one whose only row is gone is gone.
    assert sum(len(changed[bucket] - after[bucket]) for bucket in after) == 1


def files_of(tables: Tables, bucket: int) -> set[str]:
    rows = tables.read("decisions").where(F.col("bucket") == bucket)
    return {row[0] for row in rows.select(F.substring_index(F.input_file_name(), "/", -1)).distinct().collect()}


@pytest.mark.proof
def test_p4_neither_partitions_nor_parts_matter(spark: SparkSession, decided: Tables, tmp_path: Path) -> None:
    # Two buckets at a time; the other way is all at once.
    other = Tables(spark, TablesConfig(root=str(tmp_path), buckets=4, pairs_per_commit=400))
    rows = {name: decided.read(name).collect() for name in market_rows(1)}
    for name, content in rows.items():
        # In another order, and in seven files.
        backwards = [row.asDict(recursive=True) for row in content][::-1]
        for part in range(7):
            add_rows(other, name, backwards[part::7])
    certify(other)
    partitions = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "3")
    try:
        decide_packaging(spark, config_for(other))
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", partitions)
    for name in WRITTEN:
        told = [column for column in decided.read(name).columns if column not in ("run_id", "changed_at")]
        mine, theirs = decided.read(name).select(told), other.read(name).select(told)
        assert mine.exceptAll(theirs).count() == theirs.exceptAll(mine).count() == 0


def test_without_scores_nothing_is_written_and_without_certificates_products_stay(
    spark: SparkSession, tables: Tables
) -> None:
    rows = market_rows(6)
    none: dict[str, list[dict[str, Any]]] = {"pair_tests": [], "pair_outcomes": [], "training_examples": []}
    write(spark, tables, {**rows, **none, "scores": []})
    with pytest.raises(InputError, match="scores is empty"):
        decide_packaging(spark, config_for(tables))
    assert last_run(tables).status == "failed"

    write(spark, tables, {"scores": rows["scores"]})
    decide_packaging(spark, config_for(tables))
    assert tables.read("decisions").where("array_contains(decision, 'CERTIFIED')").count() == 0
    # Nothing was ever shipped.
    assert {row.reason for row in by_product(tables).values()} == {"safe_default", "nothing_fits"}


def test_a_product_without_all_its_scores_is_refused(spark: SparkSession, tables: Tables) -> None:
    rows = market_rows(6)
    write(spark, tables, {**rows, "scores": rows["scores"][:-1]})
    with pytest.raises(PromiseError, match="1 products have others"):
        decide_packaging(spark, config_for(tables))


def two_models(rows: dict[str, Any]) -> dict[str, Any]:
    first = rows["scores"][0]["product_id"]
    return {"scores": [{**r, "model_version": "model-2"} if r["product_id"] == first else r for r in rows["scores"]]}


def no_bags(rows: dict[str, Any]) -> dict[str, Any]:
    return {"package_types": [row for row in rows["package_types"] if row["package_type"] != "bag"]}


@pytest.mark.parametrize(("spoil", "message"), [(two_models, "mixes models"), (no_bags, "6 products have others")])
def test_scores_that_are_not_whole_are_refused(spark: SparkSession, tables: Tables, spoil: Any, message: str) -> None:
    rows = market_rows(6)
    write(spark, tables, {**rows, **spoil(rows)})
    with pytest.raises(PromiseError, match=message):
        decide_packaging(spark, config_for(tables))

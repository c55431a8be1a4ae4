"""Rounds of tests from their draw to what ships by them."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from structlog.testing import capture_logs
from tests.spark.market import TODAY, config_for, market_rows, results, write
from tests.spark.rows import add_rows

from leastpack.certificates.certify import certify_policy
from leastpack.certificates.pause import note_event
from leastpack.config.storage import TablesConfig
from leastpack.decisions.decide import decide_packaging
from leastpack.panel import in_range
from leastpack.releases.publish import publish_release
from leastpack.tables import Tables
from leastpack.tables.by_pair import pairs
from leastpack.tables.keys import PRODUCT

OF_CERTIFY = (
    "policy_rounds", "round_choices", "round_exclusions", "certificates", "certificate_attempts", "certificate_types",
)  # fmt: skip


def at(spark: SparkSession, folder: Path) -> Tables:
    return Tables(spark, TablesConfig(root=str(folder), buckets=4))


def copy_of(tables: Tables, folder: Path) -> Tables:
    shutil.copytree(str(tables.config.root), folder / "tables")
    return at(tables.spark, folder / "tables")


def certificate(tables: Tables, cell: str = "*/either") -> Row:
    (row,) = tables.read("certificates").where(F.col("cell") == cell).orderBy(F.desc("issued_on")).limit(1).collect()
    return row


def recommended(tables: Tables) -> dict[str, Row]:
    return {row.product_id: row for row in tables.read("recommendations").collect()}


@pytest.fixture(scope="module")
def drawn(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """A round is drawn, and its tests are queued."""
    tables = at(spark, tmp_path_factory.mktemp("drawn"))
    write(spark, tables, market_rows())
    certify_policy(spark, config_for(tables))
    decide_packaging(spark, config_for(tables))
    return tables


@pytest.fixture(scope="module")
def certified(spark: SparkSession, drawn: Tables, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Results are in, the policy is certified, and products move."""
    tables = copy_of(drawn, tmp_path_factory.mktemp("certified"))
    add_rows(tables, "pair_tests", results(tables))
    certify_policy(spark, config_for(tables))
    decide_packaging(spark, config_for(tables))
    return tables


def test_a_round_is_drawn_of_half_the_products_and_asks_for_every_distinct_move(drawn: Tables) -> None:
    (round_,) = drawn.read("policy_rounds").collect()
    # Too few have no photos for a cell of their own.
    assert round_.cell == "*/either"
    assert round_.hash_to - round_.hash_from == pytest.approx(0.5, abs=0.01)
    assert round_.test_until == TODAY + timedelta(days=60)
    inside = drawn.read("products").where(in_range(round_.seed, round_.hash_from, round_.hash_to))
    assert round_.drawn == inside.count()
    chosen = drawn.read("round_choices")
    assert chosen.join(inside, PRODUCT, "left_anti").count() == 0
    distinct = {(row.product_id, name) for row in chosen.collect() for name in row.choices if name is not None}
    queue = drawn.read("test_queue").where("why = 'audit'").collect()
    known = {(row.product_id, row.package_type) for row in drawn.read("pair_tests").collect()}
    assert known & distinct
    assert {(row.product_id, row.package_type) for row in queue} == distinct - known
    assert round_.tests == len(distinct)
    assert {(row.draw_round, row.draw_probability) for row in queue} == {
        (round_.round_id, round_.hash_to - round_.hash_from)
    }
    # Looser levels move more products.
    moving = [sum(row.choices[level] is not None for row in chosen.collect()) for level in range(len(round_.levels))]
    assert moving == sorted(moving)
    assert moving[0] >= 2 * 14


def test_nothing_moves_before_the_results_are_in(drawn: Tables) -> None:
    assert certificate(drawn).status == "waiting"
    assert "have no result" in certificate(drawn).why_none
    rows = recommended(drawn)
    assert {row.package_type for row in rows.values() if row.reason == "kept"} == {"mailer"}
    why = {row.why_not_moved for row in rows.values()}
    assert {"no_certificate", "unscored"} <= why
    assert rows["P0003"].reason == "safe_default"
    assert rows["P0002"].reason == "size_conflict"


def test_p2_waiting_again_changes_nothing(spark: SparkSession, drawn: Tables) -> None:
    before = {name: drawn.version(name) for name in OF_CERTIFY if drawn.exists(name)}
    certify_policy(spark, config_for(drawn))
    assert {name: drawn.version(name) for name in before} == before
    assert not drawn.exists("certificate_attempts")


def test_what_passes_moves_products_and_keeps_its_promise(certified: Tables) -> None:
    one = certificate(certified)
    assert one.status == "certified"
    assert one.upper_bound <= 0.2
    assert one.missing == 0
    (spent,) = certified.read("certificate_attempts").collect()
    assert (spent.delta, spent.passed) == (pytest.approx(0.1), True)
    moved = [row for row in recommended(certified).values() if row.reason in ("moved", "first")]
    assert len(moved) > 100
    assert {row.certificate_id for row in moved} == {one.certificate_id}
    assert recommended(certified)["P0003"].reason == "first"
    risks = {(row.product_id, row.package_type): row for row in pairs(certified.read("decisions")).collect()}
    assert all(risks[row.product_id, row.package_type].risk <= one.level for row in moved)
    trials = {(row.package_type, row.moved_from, *row.on_trial) for row in moved if row.reason == "moved"}
    # Where damage costs much a box may cost less than a mailer.
    assert ("bag", "mailer", "bag") in trials <= {("bag", "mailer", "bag"), ("box", "mailer", "box")}
    saved = {(row.package_type, row.weight_saved_g) for row in moved if row.reason == "moved"}
    assert saved <= {("bag", 40.0), ("box", -140.0)}
    kept = [row for row in recommended(certified).values() if row.reason == "kept"]
    assert {row.package_type for row in kept} == {"mailer"}


def test_what_is_tested_is_what_ships(certified: Tables) -> None:
    one = certificate(certified)
    (round_,) = certified.read("policy_rounds").collect()
    level = round_.levels.index(one.level)
    tests = {(row.product_id, row.package_type): row.k for row in certified.read("pair_tests").collect()}
    rows = recommended(certified)
    asked = {row.product_id: row.choices[level] for row in certified.read("round_choices").collect()}
    moves = {product: name for product, name in asked.items() if name is not None}
    assert (one.n, one.k) == (len(moves), sum(tests[move] for move in moves.items()))
    for product, name in moves.items():
        proven_unsafe = tests[product, name] == 1
        assert (rows[product].package_type == name) != proven_unsafe
        if proven_unsafe:
            assert rows[product].package_type == "mailer"


def test_a_round_is_read_once(spark: SparkSession, certified: Tables) -> None:
    before = {name: certified.version(name) for name in OF_CERTIFY}
    certify_policy(spark, config_for(certified))
    assert {name: certified.version(name) for name in OF_CERTIFY} == before


@pytest.mark.slow
def test_missing_results_count_as_unsafe_once_time_is_up(spark: SparkSession, drawn: Tables, tmp_path: Path) -> None:
    tables = copy_of(drawn, tmp_path)
    late = config_for(tables, as_of=TODAY + timedelta(days=60))
    certify_policy(spark, late)
    one = certificate(tables)
    assert one.status == "failed"
    assert one.k >= one.missing > 0.9 * one.n  # a few had been tested before
    decide_packaging(spark, late)
    assert {row.certificate_id for row in recommended(tables).values()} == {None}
    # The year's delta is spent: another policy draws nothing, and what is in force stays.
    other = config_for(tables, as_of=TODAY + timedelta(days=61), weight_cost=1.0)
    certify_policy(spark, other)
    told = tables.read("certificates").where("status = 'not_drawn'").collect()
    assert any("delta" in row.why_none for row in told)


@pytest.mark.slow
def test_another_policy_moves_nothing_by_this_certificate(
    spark: SparkSession, certified: Tables, tmp_path: Path
) -> None:
    tables = copy_of(certified, tmp_path)
    decide_packaging(spark, config_for(tables, damage_cost=3.0))
    rows = [row for row in recommended(tables).values() if row.reason != "proven_safe" and row.current_package_type]
    assert {row.package_type for row in rows} == {"mailer"}
    assert not tables.read("decisions").where("certificate_id IS NOT NULL").collect()


@pytest.mark.slow
def test_after_a_failure_of_the_same_model_others_are_drawn_and_a_new_model_meets_the_panel(
    spark: SparkSession, drawn: Tables, tmp_path: Path
) -> None:
    tables = copy_of(drawn, tmp_path)
    year = {"issues_a_year": 4, "draw_share": 0.4}
    config = config_for(tables, year, as_of=TODAY + timedelta(days=60))
    certify_policy(spark, config)
    again = config_for(tables, {**year, "draw": 2}, as_of=TODAY + timedelta(days=61))
    certify_policy(spark, again)
    rounds = tables.read("policy_rounds").orderBy("drawn_on").collect()
    assert len(rounds) == 2
    assert rounds[1].hash_from == rounds[0].hash_to
    first, second = (
        {row.product_id for row in tables.read("round_choices").where(F.col("round_id") == one.round_id).collect()}
        for one in rounds
    )
    assert not first & second
    # A model that has seen none of the results meets the newest panel.
    scores = tables.read("scores").withColumn("model_version", F.lit("model-2"))
    rows = spark.createDataFrame(scores.collect(), scores.schema)
    tables.replace("scores", rows)
    certify_policy(spark, config_for(tables, year, as_of=TODAY + timedelta(days=62)))
    newest = tables.read("policy_rounds").where("model_version = 'model-2'").collect()
    assert [row.hash_from for row in newest] == [rounds[1].hash_from]


@pytest.mark.slow
def test_a_person_can_send_all_moves_back(spark: SparkSession, certified: Tables, tmp_path: Path) -> None:
    tables = copy_of(certified, tmp_path)
    config = config_for(tables)
    publish_release(spark, config)
    moved = {row.product_id for row in recommended(tables).values() if row.reason == "moved"}
    # Packages follow: the next month ships in them.
    followed = [
        {"marketplace": row.marketplace, "product_id": row.product_id, "package_type": row.package_type}
        | {"period": "2024-06", "n": 5, "k": 0, "k_upper": 0, "n_random": 0}
        for row in recommended(tables).values()
        if row.reason == "moved"
    ]
    add_rows(tables, "pair_outcomes", followed)
    decide_packaging(spark, config)
    rows = recommended(tables)
    tests = tables.read("pair_tests").where("label = 'SAFE' AND package_type <> 'mailer'").collect()
    proven = {row.product_id for row in tests} & moved
    assert proven < moved
    assert {rows[product].reason for product in moved} <= {"moved", "kept"}
    assert {rows[product].current_package_type for product in moved} <= {"bag", "box"}

    assert "paused" in note_event(spark, config, "paused", "damages in the north")
    assert "already" in note_event(spark, config, "paused", "again")
    with capture_logs() as logs:
        decide_packaging(spark, config)
    assert any(one.get("why") == "damages in the north" for one in logs)
    back = recommended(tables)
    assert {(back[product].package_type, back[product].reason) for product in moved - proven} == {("mailer", "kept")}
    # What a test has proven safe stays.
    assert {back[product].package_type for product in proven} <= {"bag", "box"}
    assert "resumed" in note_event(spark, config, "resumed", "over")
    decide_packaging(spark, config)
    assert {recommended(tables)[product].package_type for product in moved - proven} <= {"bag", "box"}


@pytest.mark.slow
def test_where_no_level_is_likely_to_pass_nothing_is_drawn_and_the_price_is_told(
    spark: SparkSession, drawn: Tables, tmp_path: Path
) -> None:
    tables = copy_of(drawn, tmp_path)
    strict = config_for(tables, {"alpha": 0.06, "pool_marketplaces": False})
    certify_policy(spark, strict)
    decide_packaging(spark, strict)
    told = tables.read("certificates").where("status = 'not_drawn'").collect()
    assert {row.cell for row in told} == {"EU/either", "NA/either"}
    for row in told:
        assert "would do" in row.why_none
        assert row.tests_needed == min(row.price_tests)
        assert len(row.price_tests) == len(row.price_moving) > 3
    assert tables.read("policy_rounds").count() == 1
    kept = [row for row in recommended(tables).values() if row.reason == "kept"]
    assert "unsupported" in {row.why_not_moved for row in kept}

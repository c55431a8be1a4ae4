"""A pilot from its proposal to the moves that it certifies."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from tests.spark.market import NOW, TODAY, config_for, market_rows, risk_of, write
from tests.spark.rows import table_rows

from leastpack.certificates.certify import certify_policy
from leastpack.certificates.terms import PILOT, Terms, make_terms
from leastpack.config.decisions import PilotConfig
from leastpack.config.root import Config
from leastpack.config.storage import TablesConfig
from leastpack.decisions.decide import decide_packaging
from leastpack.errors import InputError
from leastpack.pilot_arms import ARM, count_arms, shipment_number, with_arms
from leastpack.pilots.propose import propose_pilot
from leastpack.pilots.reading import read_pilot
from leastpack.pilots.status import compare, pilot_lines, stop_pilots
from leastpack.pilots.watch import watch_pilots
from leastpack.policy.pilot import arm_of, make_arms, number_of
from leastpack.runs import Run
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR
from leastpack.tables.schemas import PILOTS

PRODUCTS, ALPHA, LATER = 300, 0.05, date(2024, 10, 1)


def config(tables: Tables, day: date = TODAY, **pilot: Any) -> Config:
    settings = {"alpha": ALPHA, "draw_share": 0.9, "draw_products": 1000, "most_damage": 5000, "levels": 3}
    made = config_for(tables, {"audit": False}, as_of=day)
    return made.model_copy(update={"pilot": PilotConfig(**{**settings, **pilot})})


def arm_rows(product: str, pilot_id: str, **changes: Any) -> list[dict[str, Any]]:
    arms = make_arms(["bag", "mailer"], "box", 0.4, 0.2)
    row = {"pilot_id": pilot_id, "marketplace": "NA", "product_id": product}
    dates = {"starts_on": date(2024, 6, 1), "ends_on": date(2024, 7, 1), "stopped_on": None, **changes}
    named = [{"package_type": a.package_type, "control": a.control, "begins": a.begins, "ends": a.ends} for a in arms]
    return [{**row, **one, **dates} for one in named]


def test_a_shipment_s_arm_follows_from_identifiers_whatever_went_out(spark: SparkSession) -> None:
    arms = [*arm_rows("P1", "päckchen"), *arm_rows("P2", "päckchen", stopped_on=date(2024, 6, 10))]
    ids = [f"S-{i}" for i in range(200)]
    other = {"P3": ("2024-06-05", 1), "P1": ("2024-06-05", 1)}
    shipped = [("NA", name, s, items, day) for name, (day, items) in other.items() for s in ids]
    shipped += [("NA", "P2", s, 1, day) for s, day in zip(ids, ["2024-06-09", "2024-06-10"] * 100, strict=True)]
    shipped += [
        ("NA", "P1", s + "x", n, day)
        for s in ids
        for n, day in ((2, "2024-06-05"), (None, "2024-06-05"), (1, "2024-07-01"))
    ]
    schema = "marketplace string, product_id string, shipment_id string, items int, shipped_on string"
    frame = spark.createDataFrame(shipped, schema).withColumn("shipped_on", F.to_date("shipped_on"))
    number = shipment_number(F.lit("päckchen"), F.col("shipment_id")).alias("number")
    rows = with_arms(frame, table_rows(spark, "pilots", arms)).select("*", number).collect()
    assert len(rows) == len(shipped)
    planned = make_arms(["bag", "mailer"], "box", 0.4, 0.2)
    for row in rows:
        assert row.number == number_of("päckchen", row.shipment_id)
        inside = row.product_id != "P3" and row.items == 1 and row.shipped_on < date(2024, 7, 1)
        inside &= row.product_id != "P2" or row.shipped_on < date(2024, 6, 10)
        arm = arm_of(planned, "päckchen", row.shipment_id) if inside else None
        expected = ("päckchen", arm.package_type) if arm else (None, None)
        assert tuple(row[name] for name in ARM) == expected


def test_arms_are_counted_by_what_was_assigned(spark: SparkSession) -> None:
    schema = (
        "pilot_id string, marketplace string, product_id string, arm_type string, package_type string, "
        "shipment_id string, shipped_at timestamp, shipped_on date, damaged boolean, maybe boolean"
    )
    first, later = datetime(2024, 6, 1), datetime(2024, 6, 2)
    rows = [
        ("p", "NA", "A", "bag", "bag", "2", later, later.date(), True, False),
        ("p", "NA", "A", "bag", "box", "1", first, first.date(), False, True),
        ("p", "NA", "A", "bag", "bag", "3", later, later.date(), False, False),
        ("p", "NA", "A", "bag", "box", "5", later, later.date(), False, False),
        (None, "NA", "A", None, "bag", "4", first, first.date(), True, False),
    ]
    (found,) = count_arms(spark.createDataFrame(rows, schema)).collect()
    assert (found.package_type, found.period, found.n, found.k_upper, found.overruled) == ("bag", "2024-06", 4, 2, 2)
    # What went out otherwise may be what would have broken.
    assert found.k_test == 3
    assert (found.first_at, found.first_bad) == (first, True)


@pytest.fixture(scope="module")
def proposed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Products that sell 20 a day, with a pilot of their policy."""
    tables = Tables(spark, TablesConfig(root=str(tmp_path_factory.mktemp("proposed")), buckets=4))
    rows = market_rows(PRODUCTS)
    rows["pair_outcomes"] = [{**row, "n": 600} for row in rows["pair_outcomes"]]
    write(spark, tables, rows)
    with pytest.raises(InputError, match="most_damage"):
        propose_pilot(spark, config(tables, most_damage=1))
    assert not tables.exists("policy_rounds")
    lines = propose_pilot(spark, config(tables))
    assert "products" in lines[0]
    return tables


@pytest.fixture
def running(spark: SparkSession, proposed: Tables, tmp_path: Path) -> Tables:
    shutil.copytree(str(proposed.config.root), tmp_path / "tables")
    return Tables(spark, TablesConfig(root=str(tmp_path / "tables"), buckets=4))


def test_a_pilot_says_what_packing_stations_ship(spark: SparkSession, proposed: Tables) -> None:
    arms = proposed.read("pilots").collect()
    by_product: dict[tuple[str, str], list[Row]] = {}
    for row in arms:
        by_product.setdefault((row.marketplace, row.product_id), []).append(row)
    assert len(by_product) > 100
    for own in by_product.values():
        moves = sorted((row for row in own if not row.control), key=lambda row: row.begins)
        control = [row for row in own if row.control]
        assert moves
        assert (moves[0].begins, moves[-1].ends) == (0.0, pytest.approx(0.2))
        assert {row.package_type for row in control} <= {"mailer"}  # what all of them ship in
        assert not {row.package_type for row in control} & {row.package_type for row in moves}
    assert {(row.starts_on, row.ends_on) for row in arms} == {(date(2024, 6, 2), date(2024, 8, 1))}
    (cell,) = proposed.read("policy_rounds").where("cell = '*/either'").collect()
    assert (cell.labels, cell.method, cell.alpha) == ("pilot", "betting", ALPHA)
    versions = {name: proposed.version(name) for name in ("pilots", "policy_rounds", "round_choices")}
    propose_pilot(spark, config(proposed))
    assert {name: proposed.version(name) for name in versions} == versions
    # A product is in one pilot at a time.
    with pytest.raises(InputError, match="a pilot is going on"):
        propose_pilot(spark, config(proposed, alpha=0.06))
    assert "no shipment whose return window is over" in pilot_lines(spark, config(proposed))[1]


def outcomes(tables: Tables, seed: int, breaks: dict[str, float] | None = None, overruled: float = 0.0) -> Any:
    """Forty shipments of each arm, damaged as often as the damage rate says."""
    rng = np.random.default_rng(seed)
    rows = []
    for arm in tables.read("pilots").orderBy(*PAIR).collect():
        rate = (breaks or {}).get(arm.product_id, damage_rate(arm))
        damaged = rng.random(40) < rate
        key = {name: arm[name] for name in ("pilot_id", *PAIR)}
        k = int(damaged.sum())
        counts = {"n": 40, "k_upper": k, "overruled": int(40 * overruled), "k_test": k}
        rows.append({**key, "period": "2024-06", **counts, "first_at": NOW, "first_bad": bool(damaged[0])})
    return rows


def damage_rate(row: Row) -> float:
    return risk_of(int(row.product_id[1:]), PRODUCTS, row.package_type) / 10


def delivered(until: date) -> dict[str, list[dict[str, Any]]]:
    """Tables that tell up to when shipments and returns have been delivered."""
    buckets = [{"bucket": bucket, "rules": "r", "watermarks": {"NA": until, "EU": until}} for bucket in range(4)]
    at = datetime(until.year, until.month, until.day, 12)
    row = {"shipment_id": "last", "product_id": "P", "shipped_at": at, "period": f"{until:%Y-%m}"}
    last = [{"marketplace": name, **row} for name in ("NA", "EU")]
    return {"outcome_buckets": buckets, "shipment_items": last}


def certificates(tables: Tables) -> dict[str, Row]:
    return {row.cell: row for row in tables.read("certificates").where("labels = 'pilot'").collect()}


@pytest.mark.slow
def test_what_passes_moves_products_and_keeps_its_promise(spark: SparkSession, running: Tables) -> None:
    ended = date(2024, 8, 1) + timedelta(days=28)  # the last window closes a day later
    write(
        spark,
        running,
        {"pilot_outcomes": outcomes(running, 1), **delivered(ended)},
    )
    certify_policy(spark, config(running, LATER))
    waiting = certificates(running)["*/either"]
    assert waiting.status == "waiting"
    assert "in EU have time until 2024-08-30; returns are delivered until 2024-08-29" in waiting.why_none
    assert not running.exists("certificate_attempts")

    write(spark, running, {**delivered(ended + timedelta(days=1))})
    certify_policy(spark, config(running, LATER))
    given = certificates(running)["*/either"]
    assert given.status == "certified", given.why_none
    assert "on average" in given.promise
    assert given.shipments == 40 * given.n
    assert given.k / given.shipments < given.upper_bound <= ALPHA
    assert running.read("certificate_attempts").count() == 1
    decide_packaging(spark, config(running, LATER))
    moved = running.read("recommendations").where(F.col("certificate_id") == given.certificate_id).collect()
    assert len(moved) > 50
    assert np.mean([damage_rate(row) for row in moved]) <= ALPHA
    arms, gap = compare(running, given.round_id)
    assert [arm.control for arm in arms] == [False, True]
    assert gap.low <= gap.mean <= gap.high
    assert "moves less control" in pilot_lines(spark, config(running, LATER))[-1]
    # Read once: again nothing is spent.
    before = {name: running.version(name) for name in ("certificates", "certificate_attempts")}
    certify_policy(spark, config(running, LATER))
    assert {name: running.version(name) for name in before} == before


def terms_of(tables: Tables, day: date = LATER) -> Terms:
    return make_terms(config(tables, day), tables.read("package_types").collect(), "model-1", PILOT)


def no_rules(tables: Tables) -> DataFrame:
    return table_rows(tables.spark, "round_exclusions", [])


@pytest.mark.slow
def test_products_that_break_are_stopped_and_count_all_the_same(spark: SparkSession, running: Tables) -> None:
    worst = running.read("pilots").where("NOT control AND product_id > 'P0010'").orderBy("product_id").first()
    rows = outcomes(running, 2, {worst.product_id: 0.9})
    write(spark, running, {"pilot_outcomes": rows, **delivered(LATER)})
    run = Run("certify", "run")
    watch_pilots(running, run, terms_of(running), no_rules(running))
    stopped = running.read("pilots").where("stopped_on IS NOT NULL").collect()
    assert {row.product_id for row in stopped} == {worst.product_id}
    assert {row.control for row in stopped if not row.stopped_by_damage} == {True}
    assert "shipments of the product were damaged" in stopped[0].why_stopped
    again = running.version("pilots")
    watch_pilots(running, run, terms_of(running), no_rules(running))
    assert running.version("pilots") == again
    read_pilot(running, run, terms_of(running))
    assert certificates(running)["*/either"].k >= 30


def test_a_pilot_that_breaks_as_a_whole_ends(spark: SparkSession, running: Tables) -> None:
    every = dict.fromkeys([row.product_id for row in running.read("pilots").collect()], 0.2)
    write(spark, running, {"pilot_outcomes": outcomes(running, 4, every)})
    watch_pilots(running, Run("certify", "run"), terms_of(running, TODAY), no_rules(running))
    rows = running.read("pilots").collect()
    assert {row.stopped_on for row in rows} == {date(2024, 6, 2)}
    # Single products say so themselves, where enough of their own broke.
    assert all("were damaged" in row.why_stopped for row in rows)


@pytest.mark.slow
def test_a_pilot_that_went_out_otherwise_certifies_nothing(spark: SparkSession, running: Tables) -> None:
    rows = outcomes(running, 3, overruled=0.1)
    write(spark, running, {"pilot_outcomes": rows, **delivered(LATER)})
    read_pilot(running, Run("certify", "run"), terms_of(running))
    failed = certificates(running)["*/either"]
    assert failed.status == "failed"
    assert "went out in another package" in failed.why_none
    assert failed.n > 50
    assert failed.level is None


def test_what_a_rule_forbids_goes_out_no_more(spark: SparkSession, running: Tables) -> None:
    one = running.read("pilots").where("NOT control").orderBy(*PAIR).first()
    rules = table_rows(spark, "round_exclusions", [{name: one[name] for name in PAIR}])
    watch_pilots(running, Run("certify", "run"), terms_of(running, TODAY), rules)
    stopped = running.read("pilots").where("stopped_on IS NOT NULL").collect()
    assert {row.product_id for row in stopped} == {one.product_id}
    assert {row.why_stopped for row in stopped} == {f"a rule forbids {one.package_type}"}


def test_a_person_ends_a_pilot(spark: SparkSession, running: Tables) -> None:
    assert stop_pilots(spark, config(running), "peak season") > 100
    rows = running.read("pilots").collect()
    assert {(row.stopped_on, row.why_stopped) for row in rows} == {(date(2024, 6, 2), "peak season")}
    with pytest.raises(InputError, match="no pilot is going on"):
        stop_pilots(spark, config(running), "again")
    assert len(PILOTS.names) == len(rows[0])

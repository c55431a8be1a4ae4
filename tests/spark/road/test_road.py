"""The whole road on a small sample: raw exports in, recommendations, a report and a notebook out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.config import Config
from leastpack.encoders.engines import encoder_identities, read_choice, representation, resolve_engines
from leastpack.releases.release import current_release, read_release, released_pairs
from leastpack.reporting.summary import summary_lines
from leastpack.road import STEPS
from leastpack.tables import Tables
from leastpack.tables.by_pair import pairs

CHECKOUT = Path(__file__).parents[3]
PAIR = ["marketplace", "product_id", "package_type"]


@pytest.fixture
def tables(spark: SparkSession, demo: Config) -> Tables:
    return Tables(spark, demo.tables)


def test_p1_every_step_is_done_and_its_account_balances(tables: Tables) -> None:
    runs = {row["step"]: row for row in tables.read("runs").collect()}
    assert set(runs) == {"queue", *(step.name for step in STEPS[1:])}
    for row in runs.values():
        assert row["status"] == "done"
        assert row["run_id"] == "road"
        for source, account in json.loads(row["account"])["inputs"].items():
            total = account["used"] + sum(account["set_aside"].values()) + account["quarantined"]
            assert account["rows_in"] == total, source


def test_the_engines_were_measured_and_everything_follows_the_choice(tables: Tables, demo: Config) -> None:
    chosen = read_choice(demo.model.directory)
    assert chosen is not None
    encoders = resolve_engines(demo)
    assert encoder_identities(encoders) == (chosen["text"].encoder, chosen["image"].encoder)
    for modality, one in chosen.items():
        reference, fast = one.figures["torch-fp32"], one.figures["openvino-fp32"]
        assert reference["change_p99"] == reference["crossing"] == 0
        assert fast["change_p99"] < 1e-3
        assert one.engine in ("torch-fp32", "openvino-fp32")
        network = representation(demo, encoders, modality)
        assert (network is not None) == one.engine.startswith("openvino") == bool(one.digests)
    # Products without a photo tell nothing of the image encoder's engines.
    assert chosen["image"].figures["torch-fp32"]["pairs"] < chosen["text"].figures["torch-fp32"]["pairs"]
    used = {row["encoder"] for row in tables.read("embeddings").select("encoder").distinct().collect()}
    assert used == set(encoder_identities(encoders))


def test_every_raw_export_is_accounted_for(tables: Tables, demo: Config) -> None:
    accounts = [json.loads(row["account"])["inputs"] for row in tables.read("runs").collect()]
    told = {source for account in accounts for source in account}
    assert {source.name for source in demo.sources} <= told


def test_every_true_product_is_scored_in_every_package_of_its_marketplace(spark: SparkSession, demo: Config) -> None:
    truth = pd.read_parquet(demo.report.truth)
    tables = Tables(spark, demo.tables)
    scores = released_pairs(tables, current_release(tables).versions).toPandas()
    both = truth.merge(scores, on=PAIR, how="outer", indicator=True, suffixes=("_true", ""))
    assert (both["_merge"] == "right_only").sum() == 0
    delisted = both.loc[both["_merge"] == "left_only", PAIR[:2]].drop_duplicates()
    products = tables.read("products").where("deleted_at IS NOT NULL").count()
    assert len(delisted) == products


def test_p6_risk_is_null_exactly_where_there_is_an_error(tables: Tables) -> None:
    broken = F.col("risk").isNull() != F.col("error").isNotNull()
    assert released_pairs(tables, current_release(tables).versions).where(broken).count() == 0


def test_p7_no_group_is_in_two_splits(tables: Tables) -> None:
    splits = tables.read("training_examples").groupBy("group_id").agg(F.countDistinct("split").alias("splits"))
    assert splits.where("splits > 1").count() == 0


def test_p8_broken_photos_are_codes_on_their_rows_and_their_products_are_scored(tables: Tables) -> None:
    failed = tables.read("embeddings").where("modality = 'image' AND error IS NOT NULL")
    assert failed.count() > 0
    scored = released_pairs(tables, current_release(tables).versions)
    warned = scored.where(F.array_contains("warnings", "IMAGE_FAILED"))
    assert warned.where("risk IS NULL").count() == 0
    assert warned.count() > 0


def test_the_release_pins_one_model_and_its_summary_can_be_printed(tables: Tables, demo: Config) -> None:
    release = current_release(tables)
    assert [row[0] for row in read_release(tables, "scores").select("model_version").distinct().collect()] == [
        release["model_version"]
    ]
    lines = summary_lines(tables.spark, demo)
    assert any("products" in line for line in lines)
    assert any(str(demo.report.path) in line for line in lines)


def test_products_move_by_a_certificate_that_tests_of_the_round_gave(tables: Tables, demo: Config) -> None:
    certificates = read_release(tables, "certificates").collect()
    given = {row.certificate_id: row for row in certificates if row.status == "certified"}
    assert given
    assert all(row.n > 20 for row in given.values())
    rows = read_release(tables, "recommendations").collect()
    moved = [row for row in rows if row.certificate_id is not None]
    assert moved
    assert {row.certificate_id for row in moved} <= set(given)
    kept = [row for row in rows if row.reason == "kept"]
    assert all(row.package_type == row.current_package_type for row in kept)
    # Every pair that the round asked for came back through the sheet.
    asked = {(r.product_id, name) for r in tables.read("round_choices").collect() for name in r.choices if name}
    tested = tables.read("pair_tests").where("source = 'human_test'").collect()
    assert asked <= {(row.product_id, row.package_type) for row in tested}
    page = Path(demo.report.path).read_text(encoding="utf-8")
    assert "truly unsafe of" in page
    assert "expected reported damages of shipments, before → after" in page


def test_rules_of_people_stand_above_all(tables: Tables) -> None:
    rules = tables.read("packaging_rules").collect()
    assert {rule.action for rule in rules} == {"ban", "pin"}
    assert {rule.marketplace for rule in rules} == {"NA", "EU", "JP"}
    shipped = {(row.marketplace, row.product_id): row for row in tables.read("recommendations").collect()}
    for rule in rules:
        if rule.action == "pin":
            row = shipped[rule.marketplace, rule.product_id]
            assert (row.package_type, row.reason) == (rule.package_type, "pinned")
    banned = pairs(tables.read("decisions")).where("reason = 'banned'")
    assert banned.count() > 0
    assert banned.where("moves AND recommended = package_type").count() == 0


def test_the_report_opens_without_a_network(demo: Config) -> None:
    page = Path(demo.report.path).read_text(encoding="utf-8")
    addresses = [part.split('"')[0] for part in page.split('src="')[1:] + page.split('href="')[1:]]
    assert addresses
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in addresses)
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "https://matplotlib.org", ""
    ).replace("http://creativecommons.org", "")
    for heading in (
        "What came in",
        "Damage by package type",
        "Calibration",
        "What is promised of what moves",
        "A dozen products",
    ):
        assert heading in page
    # The last run of outcomes read the testers' answers alone.
    assert all(f"<td>{source}</td>" in page for source in ("na_reviews", "test_results", "product_images"))
    work = (
        "texts: padding waste",
        "images: decode, seconds of all workers",
        "images failed: IMAGE",
        "texts: duplicates",
    )
    work += ("fuse: fuse, seconds of all workers", "cross: write, seconds of all workers", "pairs per second")
    assert [figure for figure in work if figure not in page] == []
    # So small a test split, of so few tests, may have no pair that is known to be safe or unsafe.
    assert page.count('class="product"') <= demo.report.products


def test_the_notebook_runs_on_the_tables(demo: Config) -> None:
    notebook = nbformat.read(CHECKOUT / "notebooks" / "tour.ipynb", as_version=4)
    os.environ["LEASTPACK_TABLES"] = str(demo.tables.root)
    try:
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    finally:
        del os.environ["LEASTPACK_TABLES"]
    pictures = [o for c in notebook.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(pictures) >= 3

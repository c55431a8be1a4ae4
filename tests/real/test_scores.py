"""Real catalogs scored with a model of the demo, in the demo's package types, with the example configs of conf/."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.config import Config, load_config
from leastpack.config.sources import SourceConfig
from leastpack.road import STEPS
from leastpack.tables import Tables
from leastpack.tables.by_pair import pairs

REPOSITORY = Path(__file__).parents[2]
DATA = REPOSITORY.parent / "shared" / "data"
PRODUCT = ["marketplace", "product_id"]
FIRST_ROWS = 200

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not beside the repository")


def scored(spark: SparkSession, config: Config) -> Tables:
    # The example's paths start at the repository, as they do for who runs it there.
    with contextlib.chdir(REPOSITORY):
        for step in STEPS:
            if step.name in ("catalog", "encode", "score"):
                step.load()(spark, config)
    return Tables(spark, config.tables)


def assert_every_pair_is_scored(tables: Tables, products: int) -> None:
    scores, types = pairs(tables.read("scores")), tables.read("package_types")
    expected = tables.read("products").join(types, on="marketplace", how="inner").select(*PRODUCT, "package_type")
    assert expected.select(*PRODUCT).distinct().count() == products
    assert scores.count() == expected.count()
    assert expected.join(scores, on=[*PRODUCT, "package_type"], how="left_anti").count() == 0
    assert scores.where(F.col("risk").isNull() != F.col("error").isNotNull()).count() == 0
    for row in tables.read("runs").collect():
        for source, account in json.loads(row["account"])["inputs"].items():
            parted = account["used"] + sum(account["set_aside"].values()) + account["quarantined"]
            assert account["rows_in"] == parted, (row["step"], source)


def first_rows(source: SourceConfig, folder: Path) -> SourceConfig:
    """The source cut short: the encoder would take minutes for all of it. No field of its file holds a newline."""
    lines = (REPOSITORY / source.path).read_text(encoding="utf-8").splitlines(keepends=True)
    path = folder / Path(source.path).name
    path.write_text("".join(lines[: FIRST_ROWS + 1]), encoding="utf-8")
    return source.model_copy(update={"path": str(path)})


def test_groceries_are_scored_from_their_photos(spark: SparkSession, demo: Config, tmp_path: Path) -> None:
    with contextlib.chdir(REPOSITORY):
        config = load_config(
            ["conf/grocery.yaml"], [f"tables.root={tmp_path / 'tables'}", f"model.directory={demo.model.directory}"]
        )
    tables = scored(spark, config)
    assert_every_pair_is_scored(tables, 81)
    scores = pairs(tables.read("scores"))
    assert scores.where("views_used != 5 OR risk IS NULL").count() == 0
    assert scores.select("risk").distinct().count() > 81


def test_the_two_shops_are_scored_from_their_text(spark: SparkSession, demo: Config, tmp_path: Path) -> None:
    with contextlib.chdir(REPOSITORY):
        config = load_config(
            ["conf/d8.yaml"], [f"tables.root={tmp_path / 'tables'}", f"model.directory={demo.model.directory}"]
        )
    config = config.model_copy(update={"sources": [first_rows(source, tmp_path) for source in config.sources]})
    tables = scored(spark, config)
    assert_every_pair_is_scored(tables, 2 * FIRST_ROWS)
    scores = pairs(tables.read("scores"))
    fits = {row["fits"] for row in scores.select("fits").distinct().collect()}
    assert fits == {True, False, None}
    sized = tables.read("products").where("size_source != 'none'").select(*PRODUCT)
    boxed = scores.where("fits AND package_type != 'own_container'").select(*PRODUCT).distinct()
    assert boxed.join(sized, on=PRODUCT, how="left_anti").count() == 0

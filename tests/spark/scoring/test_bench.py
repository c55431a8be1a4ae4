"""The bench's contenders do the same work: rows of scores for every pair, and the stage's risks are the step's."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.perf import cached, encoded
from tests.perf.timing import Timed, take_turns

from leastpack.tables.by_pair import pairs
from leastpack.tables.schemas import PAIR_SCORES, SCORES

PRODUCTS = 60
COMPARED = ("product_id", "package_type", "risk", "damage_rate", "views_used")


@pytest.mark.slow
def test_all_contenders_write_every_pair_and_stage_and_step_agree(spark: SparkSession, tmp_path: Path) -> None:
    config = cached.prepare(spark, tmp_path / "work", PRODUCTS)

    def written(name: str) -> DataFrame:
        return spark.read.format("delta").load(str(tmp_path / "work" / name))

    for run in cached.contenders(spark, config).values():
        run()
    for name in ("random", "stage", "tables/scores"):
        rows = written(name)
        assert rows.columns == (PAIR_SCORES if name == "random" else SCORES).names
        rows = rows if name == "random" else pairs(rows)
        assert rows.select("product_id", "package_type").distinct().count() == rows.count() == PRODUCTS * cached.TYPES
        assert rows.where("risk IS NULL OR error IS NOT NULL").count() == 0
    deciding = ("product_id", "package_type", "fits", "void_share", "risk", "damage_rate", "views_used", "warnings")
    stage, step = (pairs(written(name)).select(*deciding) for name in ("stage", "tables/scores"))
    assert stage.exceptAll(step).count() == 0
    assert stage.select("risk").distinct().count() > PRODUCTS


@pytest.mark.proof
def test_contenders_with_encoders_write_every_pair_and_stages_and_steps_agree(
    spark: SparkSession, tmp_path: Path
) -> None:
    products, naive = 3, 1
    root = tmp_path / "work"
    config = encoded.prepare(spark, root, products, 1)
    made = encoded.contenders(spark, config, naive)
    for name in ("naive", "predict_batch_udf", "stages", "steps", "limit, 1 process"):
        made[name]()
    rows = {
        name: spark.read.format("delta").load(str(root / name))
        for name in ("naive", "predict_batch_udf", "stages", "limit", "tables/scores")
    }
    rows |= {name: pairs(rows[name]) for name in ("stages", "tables/scores")}
    for name, found in rows.items():
        count = (naive if name == "naive" else products) * encoded.TYPES
        assert found.select("product_id", "package_type").distinct().count() == found.count() == count
        assert found.where("risk IS NULL OR risk < 0 OR risk > 1").count() == 0
    steps = {row[:2]: row for row in rows["tables/scores"].select(*COMPARED).collect()}
    for row in rows["stages"].select(*COMPARED).collect():
        assert row[2:] == pytest.approx(steps[row[:2]][2:], abs=1e-5)


def test_contenders_take_turns_and_the_first_pass_is_not_in_the_median() -> None:
    ran, said = list[str](), list[str]()
    timed = take_turns({name: lambda name=name: ran.append(name) for name in "ab"}, 2, said.append)  # type: ignore[misc]
    assert "".join(ran) == "ababab"
    assert [len(one.runs) for one in timed.values()] == [2, 2]
    assert len(said) == 4
    assert Timed(cold=99.0, runs=[3.0, 1.0, 2.0]).median == 2.0

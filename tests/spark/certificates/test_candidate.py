"""A candidate model is tested beside the one in use, and takes its place once it is certified."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.spark.market import config_for, market_rows, results, write
from tests.spark.rows import add_rows, put_rows
from tests.unit.model.samples import saved_model

from leastpack.certificates.certify import certify_policy
from leastpack.certificates.promote import promote
from leastpack.config.root import Config
from leastpack.config.storage import TablesConfig
from leastpack.config.training import ModelConfig
from leastpack.decisions.decide import decide_packaging
from leastpack.errors import InputError
from leastpack.model.directory import load_model
from leastpack.tables import Tables

IN_USE = "model-1"


@pytest.mark.slow
def test_what_ships_stays_until_the_candidate_is_certified_and_promoted(spark: SparkSession, tmp_path: Path) -> None:
    tables = Tables(spark, TablesConfig(root=str(tmp_path / "tables"), buckets=4))
    directory = saved_model(tmp_path / "candidate", seed=2)
    candidate = load_model(directory).model_version
    config = of_candidate(tables, tmp_path)
    rows = market_rows()
    write(spark, tables, rows)
    certify_policy(spark, config)
    with pytest.raises(InputError, match="scores_of_candidate does not exist"):
        promote(spark, config)
    # As score --candidate leaves them.
    scores = [{**row, "model_version": candidate} for row in rows["scores"]]
    put_rows(Tables(spark, config.of_candidate().tables), "scores", scores)
    certify_policy(spark, config.of_candidate())
    decide_packaging(spark, config)

    # The panel is the same: what the model in use asks for, the candidate asks for too, once.
    of_models = {row.model_version: row for row in tables.read("policy_rounds").collect()}
    assert set(of_models) == {IN_USE, candidate}
    assert of_models[IN_USE].hash_to == of_models[candidate].hash_to
    asked = tables.read("test_queue").where("why = 'audit'")
    assert asked.count() == asked.select("test_id").distinct().count() == of_models[IN_USE].to_test
    with pytest.raises(InputError, match="has no certificate in force") as refused:
        promote(spark, config)
    assert "waiting" in str(refused.value)

    add_rows(tables, "pair_tests", results(tables))
    certify_policy(spark, config.of_candidate())
    decide_packaging(spark, config)
    given = tables.read("certificates").where("status = 'certified'").collect()
    assert [row.model_version for row in given] == [candidate]
    # It is not in use: nothing moves by its certificate.
    assert tables.read("recommendations").where("certificate_id IS NOT NULL").isEmpty()
    assert {row.model_version for row in tables.read("scores").collect()} == {IN_USE}

    write(spark, tables, {"products": [*rows["products"], {**rows["products"][5], "product_id": "P9999"}]})
    with pytest.raises(InputError, match="not those of the catalog of today"):
        promote(spark, config)
    write(spark, tables, {"products": rows["products"]})
    told = promote(spark, config)
    assert candidate in told[0]
    assert load_model(config.model.directory).model_version == candidate
    saved_model(directory, seed=3)
    with pytest.raises(InputError, match="of another model"):
        promote(spark, config)
    steps = {row.step for row in tables.read("runs").where(F.col("status") == "done").collect()}
    assert {"certify", "certify --candidate", "decide", "promote"} <= steps


def of_candidate(tables: Tables, folder: Path) -> Config:
    model = ModelConfig(directory=str(folder / "model"), candidate=str(folder / "candidate"))
    # Two attempts: that of the model in use, and the candidate's.
    return config_for(tables, {"issues_a_year": 2, "alpha": 0.25}).model_copy(update={"model": model})

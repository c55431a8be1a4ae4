"""The score step on hand-made tables and a model with random weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from structlog.testing import capture_logs
from tests.quick import as_in_production
from tests.spark.rows import add_rows, put_rows, table_rows
from tests.spark.scoring.world import (
    ATTRIBUTES,
    PACKAGES,
    N,
    build_world,
    make_config,
    package,
    product,
    save_random_model,
)

from leastpack.catalog.geometry import fits, void_share
from leastpack.config import Config
from leastpack.encoders.inputs import product_inputs, product_keys
from leastpack.errors import ModelError, PromiseError
from leastpack.model.features import build_features
from leastpack.model.scorer import Scorer
from leastpack.scoring.packages import package_sets
from leastpack.scoring.score import score_pairs
from leastpack.tables import Tables
from leastpack.tables.by_pair import pairs

# Tests share their tables: a product may have been scored in batches of another size, which rounds otherwise.
ROUNDING = 1e-5


@pytest.fixture(scope="module")
def built(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("built")
    build_world(spark, root)
    return root


@pytest.fixture(scope="module")
def world(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Config:
    return copied(built, tmp_path_factory.mktemp("score") / "world")


def copied(built: Path, root: Path) -> Config:
    shutil.copytree(built, root)
    return make_config(root, root / "tables")


@pytest.fixture(scope="module")
def expected(spark: SparkSession, world: Config) -> dict[tuple[str, str], tuple[float, float]]:
    return reference(spark, world)


def scores(spark: SparkSession, config: Config) -> dict[tuple[str, str], dict[str, Any]]:
    rows = pairs(Tables(spark, config.tables).read("scores")).collect()
    return {(row["product_id"], row["package_type"]): row.asDict() for row in rows}


def vectors_of(spark: SparkSession, config: Config) -> dict[str, list[float]]:
    rows = Tables(spark, config.tables).read("product_vectors").collect()
    return {row["content_key"]: row["vector"] for row in rows}


def reference(spark: SparkSession, config: Config) -> dict[tuple[str, str], tuple[float, float]]:
    """Risk and damage rate of every pair by the plain path: one product, one package at a time, no Spark stage."""
    tables = Tables(spark, config.tables)
    scorer = Scorer.load(config.model.directory)
    packages = package_sets(PACKAGES, tuple(ATTRIBUTES))
    answer = {}
    for row in product_inputs(spark, tables, config).toPandas().to_dict("records"):
        one = scorer.product_vectors(build_features({name: [value] for name, value in row.items()}, scorer.spec))
        size = np.array([[row["length_cm"], row["width_cm"], row["height_cm"]]], dtype=float)
        for p in packages[row["marketplace"]].packages:
            void = void_share(size, p).reshape(1, 1)
            risk, rate = scorer.risks(one, np.array([p.profile]), void)
            answer[row["product_id"], p.name] = (risk[0, 0], rate[0, 0])
    return answer


def test_p6_every_pair_is_there_once_with_a_risk_exactly_where_there_is_no_error_and_its_fit_void_and_warnings(
    spark: SparkSession, world: Config
) -> None:
    score_pairs(spark, world)
    found = scores(spark, world)
    live = [product(i) for i in range(N)] + [{"marketplace": "EU", "product_id": "nothing"}]
    wanted = {
        (p["product_id"], t["package_type"]) for p in live for t in PACKAGES if t["marketplace"] == p["marketplace"]
    }
    assert set(found) == wanted
    for (product_id, package_type), row in found.items():
        expected = "NO_INPUT" if product_id == "nothing" else "PACKAGE_INVALID" if package_type == "broken" else None
        assert row["error"] == expected
        assert (row["risk"] is None) == (row["damage_rate"] is None) == (expected is not None)
    packages = package_sets(PACKAGES, tuple(ATTRIBUTES))
    for i in range(N):
        p = product(i)
        size, weight = (
            np.array([[p["length_cm"], p["width_cm"], p["height_cm"]]], dtype=float),
            np.array([p["weight_g"]], float),
        )
        for t in packages[p["marketplace"]].packages:
            row = found[p["product_id"], t.name]
            fit = fits(size, weight, t, 0.5)[0]
            assert row["fits"] == (None if np.isnan(fit) else bool(fit))
            assert row["void_share"] == pytest.approx(void_share(size, t)[0])
    assert found["p2", "box"]["views_used"] > 40
    assert "IMAGE_FAILED" in found["p2", "box"]["warnings"]
    assert "NO_TEXT" in found["p0", "box"]["warnings"]
    assert {"NO_SIZE", "NO_WEIGHT"} <= set(found["p14", "box"]["warnings"])
    assert "NO_PHOTO" in found["p3", "box"]["warnings"]


@pytest.mark.parametrize(
    ("partitions", "batch"), [(2, 1), *(pytest.param(*one, marks=pytest.mark.proof) for one in ((1, 1000), (7, 3)))]
)
def test_p4_risks_are_those_of_the_plain_path_for_any_partitions_and_batches(
    spark: SparkSession,
    world: Config,
    expected: dict[tuple[str, str], tuple[float, float]],
    settings: Callable[[str, int], None],
    partitions: int,
    batch: int,
) -> None:
    settings("spark.sql.execution.arrow.maxRecordsPerBatch", batch)
    settings("spark.sql.shuffle.partitions", partitions)
    config = world.model_copy(update={"scoring": world.scoring.model_copy(update={"partitions": partitions})})
    tables = Tables(spark, world.tables)
    for name in ("scores", "product_vectors"):
        tables.ensure(name)
        spark.sql(f"DELETE FROM delta.`{tables.location(name)}`")
    score_pairs(spark, config)
    assert last_figures(tables, "score")["vectors_fused"] > 0
    found = scores(spark, config)
    assert set(found) == set(expected)
    for key, row in found.items():
        if key[0] == "nothing" or key[1] == "broken":
            assert row["risk"] is row["damage_rate"] is None
        else:
            assert row["risk"] == pytest.approx(expected[key][0], abs=1e-5)
            assert row["damage_rate"] == pytest.approx(expected[key][1], abs=1e-5)


@pytest.fixture
def settings(spark: SparkSession) -> Iterator[Callable[[str, int], None]]:
    """Sets something of the session, for one test."""
    before: dict[str, str] = {}

    def set_(key: str, value: int) -> None:
        before[key] = str(spark.conf.get(key))
        spark.conf.set(key, str(value))

    yield set_
    for key, value in before.items():
        spark.conf.set(key, value)


def test_p2_a_second_run_writes_nothing_and_inputs_written_anew_without_a_difference_are_looked_at_once(
    spark: SparkSession, world: Config
) -> None:
    score_pairs(spark, world)
    tables = Tables(spark, world.tables)
    before = {name: tables.version(name) for name in ("scores", "product_vectors")}
    score_pairs(spark, world)
    assert {name: tables.version(name) for name in before} == before
    last = tables.read("runs").orderBy(F.desc("started_at")).first()
    assert '"unchanged": 24' in last["account"]

    spark.sql(f"UPDATE delta.`{tables.location('products')}` SET brand = 'other' WHERE product_id = 'p4'")
    score_pairs(spark, world)
    looked = last_figures(tables, "score")
    assert (looked["pairs_written"], "vectors_cached" in looked) == (0, True)
    score_pairs(spark, world)
    assert "vectors_cached" not in last_figures(tables, "score")


def rewritten(before: dict[tuple[str, str], dict[str, Any]], after: dict[tuple[str, str], dict[str, Any]]) -> set[int]:
    """Buckets all of whose products were written again, and no other was."""
    written = {key[0] for key in after if after[key]["run_id"] != before[key]["run_id"]} - {"nothing"}
    buckets = {int(name[1:]) % 4 for name in written}
    assert written == {f"p{i}" for i in range(N) if i % 4 in buckets}
    return buckets


@pytest.mark.slow
def test_only_buckets_with_a_changed_product_a_failed_row_or_a_lost_one_are_written_again_also_after_a_restore(
    spark: SparkSession, world: Config
) -> None:
    score_pairs(spark, world)
    tables = Tables(spark, world.tables)
    where, version = tables.location("scores"), tables.version("scores")
    before, vectors = scores(spark, world), tables.read("product_vectors").count()
    tables.merge("products", table_rows(spark, "products", [{**product(4), "weight_g": 1e6}]))
    error = "transform(package_types, (name, i) -> if(name = 'own', 'INTERNAL', error[i]))"
    risk = "transform(package_types, (name, i) -> if(name = 'own', null, risk[i]))"
    spark.sql(f"UPDATE delta.`{where}` SET error = {error}, risk = {risk} WHERE product_id = 'p5'")
    spark.sql(f"DELETE FROM delta.`{where}` WHERE product_id = 'p10'")
    score_pairs(spark, world)
    after = scores(spark, world)
    assert set(after) == set(before)
    assert rewritten(before, after) == {0, 1, 2}
    assert tables.read("product_vectors").count() == vectors + 1
    risks = {key: row["risk"] for key, row in after.items()}
    moved = {key[0] for key, row in before.items() if row["risk"] != pytest.approx(risks[key], abs=ROUNDING)}
    assert moved == {"p4"}

    spark.sql(f"RESTORE TABLE delta.`{where}` TO VERSION AS OF {version}")
    assert {key: row["risk"] for key, row in scores(spark, world).items()} != risks
    score_pairs(spark, world)
    assert {key: row["risk"] for key, row in scores(spark, world).items()} == pytest.approx(risks, abs=ROUNDING)
    tables.merge("products", table_rows(spark, "products", [product(4)]))


@pytest.mark.slow
def test_p2_few_changed_products_are_written_alone_and_end_as_scored_from_nothing(
    spark: SparkSession, built: Path, tmp_path: Path
) -> None:
    config = copied(built, tmp_path / "world")
    config = config.model_copy(update={"tables": config.tables.model_copy(update={"merged_share": 0.6})})
    tables = Tables(spark, config.tables)
    # Deletion vectors as a session of a user writes and reads them.
    with as_in_production(spark):
        score_pairs(spark, config)
        where, before = tables.location("scores"), scores(spark, config)
        products = {i: product(i) for i in (4, 7)}
        photos = tables.location("product_images")
        spark.sql(f"DELETE FROM delta.`{photos}` WHERE product_id = 'p2' AND view LIKE '%1'")
        gone = {**products[7], "deleted_at": datetime(2024, 5, 1, tzinfo=UTC)}
        new = {**products[4], "product_id": "p104", "price": 77.0}
        tables.merge("products", table_rows(spark, "products", [{**products[4], "weight_g": 1e6}, gone, new]))
        error = "transform(package_types, (name, i) -> if(name = 'own', 'INTERNAL', error[i]))"
        risk = "transform(package_types, (name, i) -> if(name = 'own', null, risk[i]))"
        spark.sql(f"UPDATE delta.`{where}` SET error = {error}, risk = {risk} WHERE product_id = 'p5'")
        spark.sql(f"DELETE FROM delta.`{where}` WHERE product_id = 'p10'")
        files = set(Path(where).rglob("*.parquet"))
        score_pairs(spark, config)
        after = scores(spark, config)
        run_id = tables.read("runs").orderBy(F.desc("started_at")).first()["run_id"]
        written = {key[0] for key, row in after.items() if row["run_id"] == run_id}
        assert written == {"p2", "p4", "p5", "p10", "p104"}
        assert {key[0] for key in before} - {key[0] for key in after} == {"p7"}
        figures = last_figures(tables, "score")
        assert (figures["products_written"], figures["pairs"]) == (5, len(after))
        assert sum(path.stat().st_size for path in set(Path(where).rglob("*.parquet")) - files) < 40_000

        # A run that was killed before it could say that all is done finds that all is.
        tables.mark("scores", "killed")
        score_pairs(spark, config)
        assert last_figures(tables, "score")["products_written"] == 0
        # Rows that are there twice are no rows to be replaced one by one.
        one = tables.read("scores").where("product_id = 'p1'")
        one.write.format("delta").mode("append").save(where)
        score_pairs(spark, config)
        assert tables.read("scores").count() == len({product_id for product_id, _ in after})
        # So is what is short of a package type, whatever its fingerprint says.
        spark.sql(f"UPDATE delta.`{where}` SET risk = slice(risk, 1, 1), package_types = slice(package_types, 1, 1)")
        score_pairs(spark, config)
        whole = copied(built, tmp_path / "whole")
        for name in ("products", "product_images"):
            shutil.rmtree(Tables(spark, whole.tables).location(name))
            shutil.copytree(tables.location(name), Tables(spark, whole.tables).location(name))
        score_pairs(spark, whole)
        kept, made = vectors_of(spark, config), vectors_of(spark, whole)
        assert made.keys() <= kept.keys()
        assert all(kept[key] == pytest.approx(vector, abs=ROUNDING) for key, vector in made.items())
        found, wanted = scores(spark, config), scores(spark, whole)
        assert {key: row["risk"] for key, row in found.items()} == pytest.approx(
            {key: row["risk"] for key, row in wanted.items()}, abs=ROUNDING
        )
        assert {key: found[key]["fingerprint"] for key in found} == {key: wanted[key]["fingerprint"] for key in wanted}


@pytest.mark.slow
def test_a_bucket_without_products_is_emptied(spark: SparkSession, world: Config) -> None:
    score_pairs(spark, world)
    tables = Tables(spark, world.tables)
    before = scores(spark, world)
    products = tables.location("products")
    spark.sql(f"UPDATE delta.`{products}` SET deleted_at = current_timestamp() WHERE bucket = 3")
    score_pairs(spark, world)
    assert {int(key[0][1:]) % 4 for key in scores(spark, world) if key[0] != "nothing"} == {0, 1, 2}
    spark.sql(f"UPDATE delta.`{products}` SET deleted_at = NULL WHERE bucket = 3")
    score_pairs(spark, world)
    assert set(scores(spark, world)) == set(before)


@pytest.mark.slow
def test_p1_a_key_that_two_runs_wrote_stops_the_step_every_time_before_anything_is_written(
    spark: SparkSession, world: Config
) -> None:
    score_pairs(spark, world)
    tables = Tables(spark, world.tables)
    version, embeddings = tables.version("scores"), tables.version("embeddings")
    for modality, shows in (("text", "products beside their texts"), ("image", "photos repeated beside")):
        held = tables.read("embeddings", embeddings)
        one = held.where((F.col("modality") == modality) & F.col("vector").isNotNull()).limit(1)
        one.write.format("delta").mode("append").save(tables.location("embeddings"))
        for _ in range(2):
            with pytest.raises(PromiseError, match=rf"(?s){shows}.*leastpack repair"):
                score_pairs(spark, world)
        assert tables.version("scores") == version
        spark.sql(f"RESTORE TABLE delta.`{tables.location('embeddings')}` TO VERSION AS OF {embeddings}")
    score_pairs(spark, world)


def test_keys_alone_say_the_same_as_whole_inputs(spark: SparkSession, world: Config) -> None:
    tables = Tables(spark, world.tables)
    keys = product_keys(tables, world)
    whole = product_inputs(spark, tables, world).select(keys.columns)
    assert keys.exceptAll(whole).count() == whole.exceptAll(keys).count() == 0
    assert "text_vector" not in keys.columns


@pytest.mark.slow
def test_a_new_package_type_needs_no_fusion(spark: SparkSession, world: Config) -> None:
    score_pairs(spark, world)
    tables = Tables(spark, world.tables)
    version = tables.version("product_vectors")
    tables.merge(
        "package_types", table_rows(spark, "package_types", [package("NA", "new", [1.0, 1.0], (9.0, 9.0, 9.0))])
    )
    score_pairs(spark, world)
    assert ("p1", "new") in scores(spark, world)
    assert tables.version("product_vectors") == version
    tables.merge("package_types", table_rows(spark, "package_types", PACKAGES), delete_missing=True)
    score_pairs(spark, world)
    assert ("p1", "new") not in scores(spark, world)


@pytest.mark.slow
def test_model_a_then_b_then_a_again_ends_with_the_scores_of_a(spark: SparkSession, world: Config) -> None:
    first = save_random_model(world, seed=1)
    score_pairs(spark, world)
    risks = {key: row["risk"] for key, row in scores(spark, world).items()}
    save_random_model(world, seed=2)
    score_pairs(spark, world)
    other = {key: row["risk"] for key, row in scores(spark, world).items()}
    assert other != risks
    assert save_random_model(world, seed=1) == first
    score_pairs(spark, world)
    assert {key: row["risk"] for key, row in scores(spark, world).items()} == pytest.approx(risks, abs=ROUNDING)


def test_vectors_stay_as_long_as_their_model_is_in_use_the_candidate_or_released(
    spark: SparkSession, world: Config
) -> None:
    tables = Tables(spark, world.tables)
    names = ("released", "candidate", "nobody's", "long ago's")
    add_rows(
        tables, "product_vectors", [{"model_version": name, "content_key": "k", "vector": [1.0]} for name in names]
    )
    put_rows(tables, "scores_of_candidate", [{"product_id": "p1", "bucket": 1, "model_version": "candidate"}])
    times = {"long ago's": datetime(2020, 1, 1, tzinfo=UTC), "released": datetime(2020, 1, 2, tzinfo=UTC)}
    releases = [
        {"release_id": f"{i}", "model_version": m, "published_at": at} for i, (m, at) in enumerate(times.items())
    ]
    put_rows(tables, "releases", releases)
    in_use = save_random_model(world, seed=3)
    before = tables.version("product_vectors")
    candidate = world.model.model_copy(update={"candidate": f"{world.model.directory}-candidate"})
    score_pairs(spark, world.model_copy(update={"model": candidate}))

    def models() -> set[str]:
        return {row[0] for row in tables.read("product_vectors").select("model_version").distinct().collect()}

    assert models() == {in_use, "released", "candidate"}
    assert last_figures(tables, "score")["vectors_dropped"] >= 2
    # One commit of the new ones, one that read nothing.
    assert tables.version("product_vectors") == before + 2
    history = spark.sql(f"DESCRIBE HISTORY delta.`{tables.location('product_vectors')}` LIMIT 1").collect()[0]
    assert int(history["operationMetrics"].get("numOutputRows", 0)) == 0
    assert "epoch" in history["userMetadata"]
    tables.replace_where("scores", tables.read("scores").limit(0), "bucket = 1")
    score_pairs(spark, world)
    assert models() == {in_use, "released"}


def last_figures(tables: Tables, step: str) -> dict[str, float]:
    rows = tables.read("runs").where(F.col("step") == step).orderBy(F.desc("started_at"))
    return dict(rows.first()["figures"])


@pytest.mark.slow
def test_a_run_tells_of_its_work(spark: SparkSession, world: Config) -> None:
    tables = Tables(spark, world.tables)
    spark.sql(f"DELETE FROM delta.`{tables.location('scores')}`")
    spark.sql(f"DELETE FROM delta.`{tables.location('product_vectors')}`")
    with capture_logs() as told:
        score_pairs(spark, world)
    figures = last_figures(tables, "score")
    logged = next(one for one in told if one["event"] == "step done")
    assert figures.items() <= logged.items()
    assert {"cross.most_loads_of_a_worker", "cross.write_s"} <= set(figures)  # a catalog this small is written at once
    rows = pairs(tables.read("scores"))
    assert figures["pairs"] == figures["pairs_written"] == rows.count()
    assert figures["pairs_with_error"] == rows.where("error IS NOT NULL").count() > 0
    assert figures["vectors_fused"] == tables.read("product_vectors").count() > 0
    assert figures["vectors_cached"] == 0
    assert min(figures[name] for name in ("fuse.features_s", "fuse.fuse_s", "cross.cross_s", "pairs_per_second")) > 0
    score_pairs(spark, world)
    again = last_figures(tables, "score")
    assert again["pairs"] == figures["pairs"]
    assert again["pairs_written"] == again["vectors_fused"] == 0
    assert "cross.cross_s" not in again


@pytest.mark.slow
def test_an_unchanged_catalog_is_not_even_read_and_a_table_made_anew_is(
    spark: SparkSession, built: Path, tmp_path: Path
) -> None:
    config = copied(built, tmp_path / "world")
    tables = Tables(spark, config.tables)
    score_pairs(spark, config)
    version, held = tables.version("products"), tables.read("products")
    rows = spark.createDataFrame(held.collect(), held.schema)
    score_pairs(spark, config)
    assert "vectors_cached" not in last_figures(tables, "score")

    shutil.rmtree(tables.location("products"))
    heavier = F.when(F.col("product_id") == "p4", 1e6).otherwise(F.col("weight_g"))
    anew = Tables(spark, config.tables)
    anew.merge("products", rows.withColumn("weight_g", heavier))
    assert anew.version("products") == version
    score_pairs(spark, config)
    assert last_figures(tables, "score")["products_written"] == 6  # of its bucket


def test_a_missing_model_is_named_and_nothing_is_written(spark: SparkSession, world: Config, tmp_path: Path) -> None:
    version = Tables(spark, world.tables).version("scores")
    config = world.model_copy(update={"model": world.model.model_copy(update={"directory": str(tmp_path / "none")})})
    with pytest.raises(ModelError, match="none"):
        score_pairs(spark, config)
    assert Tables(spark, world.tables).version("scores") == version


def test_vectors_of_other_encoders_are_refused(spark: SparkSession, world: Config) -> None:
    text = world.encoders.text.model_copy(update={"max_tokens": 16})
    other = world.model_copy(update={"encoders": world.encoders.model_copy(update={"text": text})})
    with pytest.raises(ModelError, match=r"another text encoder(?s:.*)encoders\.text"):
        score_pairs(spark, other)

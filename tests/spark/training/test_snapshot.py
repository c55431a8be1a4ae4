"""Which examples are used, and the snapshot they become."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.spark.training import world

from leastpack.encoders.inputs import product_inputs
from leastpack.errors import InputError
from leastpack.files import child, open_folder
from leastpack.model.spec import ModelSpec
from leastpack.tables import Tables
from leastpack.training.arms import Phase, in_phase, phases_of
from leastpack.training.examples import Counts, count, require_learnable, used_examples
from leastpack.training.manifest import Manifest
from leastpack.training.packages import package_rows
from leastpack.training.reader import PartReader
from leastpack.training.snapshot import Recipe, make_snapshot, with_audit_weight

KNOWN = [(market, name) for market in ("EU", "NA") for name in world.PACKAGES]
BALANCED, FULL = Phase("balanced", 1, sampled=True), Phase("full", 1, sampled=False)


@pytest.fixture(scope="module")
def prepared(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, DataFrame, DataFrame]:
    config = world.make_config(tmp_path_factory.mktemp("snapshot"))
    tables = world.make_tables(spark, config)
    packages, attributes = package_rows(row.asDict() for row in tables.read("package_types").collect())
    examples = used_examples(tables.read("training_examples"), tables.read("products"), KNOWN)
    spec = ModelSpec.from_config(
        config.model, text_dim=world.TEXT_DIM, image_dim=world.IMAGE_DIM, marketplaces=["EU", "NA"],
        attributes=attributes, text_encoder="t", image_encoder="i", tau=0.01,
    )  # fmt: skip
    return Recipe(config.training, spec, packages, count(examples)), examples, product_inputs(spark, tables, config)


def make(root: Path, prepared: tuple[Recipe, DataFrame, DataFrame], partitions: int) -> Manifest:
    recipe, examples, products = prepared
    return make_snapshot(
        str(root), "0" * 16, {"products": 1}, recipe, examples.repartition(partitions), products.repartition(partitions)
    )


@pytest.fixture(scope="module")
def folder(prepared: tuple[Recipe, DataFrame, DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the snapshot from two partitions, made beside an older one and something else."""
    root = tmp_path_factory.mktemp("made")
    for name in ("f" * 16, "notes"):
        (root / name).mkdir()
    make(root, prepared, 2)
    return root


def test_a_round_of_human_tests_weighs_by_its_rows_whatever_its_probability(spark: SparkSession) -> None:
    rows = [("calibrate", True, 0.5, "audit"), ("calibrate", True, 0.25, "audit"), ("calibrate", True, 0.002, "queue")]
    rows += [("calibrate", False, None, None), ("test", True, 0.1, None)]
    schema = "place string, by_human_test boolean, draw_probability double, draw_round string"
    found = with_audit_weight(spark.createDataFrame(rows, schema)).collect()
    weights = {(row.place, row.draw_probability): row.audit_weight for row in found}
    assert weights == {
        ("calibrate", 0.5): pytest.approx(2 / 3), ("calibrate", 0.25): pytest.approx(4 / 3),
        ("calibrate", 0.002): 1.0, ("calibrate", None): 0.0, ("test", 0.1): 1.0,
    }  # fmt: skip


@pytest.mark.slow
def test_p4_the_snapshot_is_the_same_on_any_number_of_partitions(
    tmp_path: Path, prepared: tuple[Recipe, DataFrame, DataFrame], folder: Path
) -> None:
    made = {2: make(folder, prepared, 2)} | {n: make(tmp_path / str(n), prepared, n) for n in (1, 7)}
    assert len({manifest.digest for manifest in made.values()}) == 1
    counts = prepared[0].counts
    one = made[1]
    assert {part: (one.products(part), one.pairs(part)) for part in ("full", "validation", "calibrate", "test")} == {
        "full": (40, 120), "validation": (8, 24), "calibrate": (8, 24), "test": (16, 48),
    }  # fmt: skip
    positive = counts.positive.rows
    assert positive < one.pairs("balanced") < 3 * positive
    assert one.products("balanced") < 40


def test_rows_carry_their_product_and_its_pairs(folder: Path, prepared: tuple[Recipe, DataFrame, DataFrame]) -> None:
    manifest = make(folder, prepared, 2)
    files = open_folder(child(str(folder), "0" * 16))
    rows = prepared[1].where("place = 'test'").withColumn("key", F.xxhash64("marketplace", "product_id")).collect()
    expected = {(row["key"], f"{row['marketplace']}/{row['package_type']}"): row for row in rows}
    for batch in PartReader(files, manifest, "test").in_order():
        for i, place in enumerate(batch.product):
            name = manifest.packages[batch.pairs["package"][i]]
            row = expected.pop((int(batch.keys[place]), name))
            number = int(row["product_id"][1:])
            market, package = name.split("/")
            assert batch.profile[i].tolist() == pytest.approx(world.PACKAGES[package][1])
            assert batch.pairs["void"][i] == pytest.approx(1 - 12 * 8 * 4 / 6000 if package == "box" else 0)
            assert batch.pairs["unsafe"][i] == (world.fragile(number) and package != "box")
            assert batch.pairs["audit_weight"][i] == (1.0 if number % 2 == 0 else 0.0)
            assert [batch.pairs[told][i] for told in ("n", "k")] == [row["n"], row["k"]]
            assert batch.features.image_mask[place].sum() == world.views(number)
            assert batch.features.text[place].tolist() == pytest.approx(world.vector(number, world.TEXT_DIM))
            assert batch.features.marketplace[place] == {"EU": 1, "NA": 2}[market]
    assert expected == {}


def test_a_pair_is_drawn_by_its_own_key_whatever_becomes_of_its_product(
    folder: Path, prepared: tuple[Recipe, DataFrame, DataFrame]
) -> None:
    recipe, examples, _ = prepared
    manifest = make(folder, prepared, 2)
    files = open_folder(child(str(folder), "0" * 16))
    train = examples.where("place = 'train'").withColumn("key", F.xxhash64("marketplace", "product_id")).toPandas()
    probability = recipe.counts.keep_probability
    inside = in_phase(
        phases_of(recipe.config)[0], train["sample_hash"].to_numpy(), train["target"].to_numpy(), probability,
        recipe.config.seed,
    )  # fmt: skip
    wanted = train[inside]
    drawn = {
        (int(batch.keys[place]), manifest.packages[package])
        for batch in PartReader(files, manifest, "balanced").in_order()
        for place, package in zip(batch.product, batch.pairs["package"], strict=True)
    }
    assert drawn == set(zip(wanted["key"], wanted["marketplace"] + "/" + wanted["package_type"], strict=True))
    assert len(drawn) == manifest.pairs("balanced")


def test_a_snapshot_that_was_not_finished_is_written_anew_old_ones_go_and_other_folders_are_left_alone(
    tmp_path: Path, prepared: tuple[Recipe, DataFrame, DataFrame], folder: Path
) -> None:
    first = make(folder, prepared, 2)
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    again = make(tmp_path, prepared, 2)
    assert [file.path for file in again.files] == [file.path for file in first.files]
    (tmp_path / ("0" * 16) / "manifest.json").unlink()
    anew = make(tmp_path, prepared, 2)
    assert anew.digest == first.digest
    assert [file.path for file in anew.files] != [file.path for file in first.files]
    on_disk = {str(path.relative_to(tmp_path / ("0" * 16))) for path in tmp_path.rglob("*.parquet")}
    assert on_disk == {file.path for file in anew.files}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0" * 16, "notes"]


def test_a_sampled_phase_starts_from_its_own_base_rates(prepared: tuple[Recipe, DataFrame, DataFrame]) -> None:
    counts = prepared[0].counts
    assert counts.base_rates(FULL)[0] == pytest.approx((24 * 1.0 + 96 * 0.1) / 120)
    assert counts.base_rates(BALANCED)[0] == pytest.approx((1.0 + 0.1) / 2)
    assert 0 < counts.base_rates(FULL)[1] < counts.base_rates(BALANCED)[1]


def counted(spark: SparkSession, rows: Sequence[dict[str, Any]]) -> Counts:
    return count(used_examples(world.examples(spark, list(rows)), world.products(spark), KNOWN))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (None, "training_examples is empty"),
        ({"target": 0.0}, "every train example is safe"),
        ({"target": 1.0}, "every train example is unsafe"),
        ({"weight": 0.0}, "every train example is unsafe"),
        ({"split": "train"}, "no usable row in split calibrate"),
        ({"product_id": "gone"}, "no usable row in split train"),
        ({"target": 2.0}, "80 rows of table training_examples cannot"),
        ({"k": 1000}, "80 rows of table training_examples cannot"),
        ({"weight": None}, "80 rows of table training_examples cannot"),
    ],
)
def test_examples_nothing_can_be_learnt_from_are_named(
    spark: SparkSession, changes: dict[str, Any] | None, message: str
) -> None:
    rows = [] if changes is None else [world.example(i, "mailer", **changes) for i in range(world.PRODUCTS)]
    with pytest.raises(InputError, match=message):
        require_learnable(counted(spark, rows))


def test_package_types_must_agree_on_their_attributes(spark: SparkSession, tables: Tables) -> None:
    world.make_packages(tables)
    rows = [row.asDict() for row in tables.read("package_types").collect()]
    assert len(package_rows(rows)[0]) == 6
    for wrong in ([], [*rows[:1], {**rows[1], "attributes": ["seal"]}]):
        with pytest.raises(InputError, match="package_types cannot be trained on"):
            package_rows(wrong)

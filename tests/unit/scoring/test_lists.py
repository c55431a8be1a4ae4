"""The Arrow stage on batches as Spark may cut them: mixed marketplaces, no vectors, slices, no rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from tests.unit.scoring.test_cross import ATTRIBUTES, Model, row

from leastpack.scoring.lists import cross_batch
from leastpack.scoring.packages import PackageSet, package_sets
from leastpack.tables.by_pair import LISTED, TYPES


@pytest.fixture
def packages() -> dict[str, PackageSet]:
    rows = [row("box", "box", [0.5, 0.5], (20, 20, 20)), row("bag", "bag", [0.0, 0.5], (50, 50, 20))]
    return package_sets([*rows, {**rows[1], "marketplace": "EU"}], ATTRIBUTES)


LISTS = (TYPES, *LISTED)


def products(content: list[tuple[str, float | None, float | None]]) -> pa.RecordBatch:
    """Cubes: marketplace, the vector's only number, side; without either there is no input."""
    sides = pa.array([side for _, _, side in content], pa.float64())
    vectors = pa.array([None if v is None else [v] for _, v, _ in content], pa.list_(pa.float32()))
    named = {"marketplace": pa.array([m for m, _, _ in content], pa.string()), "vector": vectors}
    nothing = pa.array([vector is None and side is None for _, vector, side in content], pa.bool_())
    sizes = dict.fromkeys(("length_cm", "width_cm", "height_cm", "weight_g"), sides)
    return pa.RecordBatch.from_pydict({**named, **sizes, "no_input": nothing})


def scored(columns: pa.RecordBatch, packages: dict[str, PackageSet]) -> dict[str, list[Any]]:
    return {name: column.to_pylist() for name, column in cross_batch(columns, Model(), packages, 0.5).items()}


def test_each_product_gets_a_list_as_long_as_its_marketplace_has_types(packages: dict[str, PackageSet]) -> None:
    found = scored(products([("EU", 0.6, 10), ("NA", 0.6, 10), ("EU", 0.7, 30)]), packages)
    assert found["package_types"] == [["bag"], ["bag", "box"], ["bag"]]
    assert [len(one) for one in found["risk"]] == [1, 2, 1]
    assert found["risk"][1] == pytest.approx([0.6, 0.6 - 0.5 + 1 - 1000 / 8000])
    assert found["fits"] == [[True], [True, True], [False]]
    assert found["error"] == [[None], [None, None], [None]]


def test_p6_without_vector_or_size_the_values_are_null(packages: dict[str, PackageSet]) -> None:
    found = scored(products([("NA", None, 10), ("NA", 0.6, None)]), packages)
    assert found["risk"][0] == found["damage_rate"][0] == [None, None]
    assert found["void_share"][0][1] == pytest.approx(1 - 1000 / 8000)
    assert found["fits"][1] == [None, None]
    assert found["risk"][1] == pytest.approx([0.6, 0.1])
    assert found["error"] == [["INTERNAL", "INTERNAL"], [None, None]]
    assert scored(products([("NA", None, None)]), packages)["error"] == [["NO_INPUT", "NO_INPUT"]]


def test_p4_slices_and_blocks_do_not_matter(packages: dict[str, PackageSet]) -> None:
    dice = np.random.default_rng(3)
    content = [(("NA", "EU")[dice.integers(2)], float(dice.random()), 9.0) for _ in range(1200)]
    whole = scored(products(content), packages)
    for size in (1, 7, 513):
        parts: dict[str, list[Any]] = {name: [] for name in LISTS}
        columns = products(content)
        for start in range(0, len(content), size):
            part = scored(columns.slice(start, size), packages)
            for name in LISTS:
                parts[name] += part[name]
        assert parts == whole
    assert scored(products([]), packages) == {name: [] for name in LISTS}


def test_vectors_are_taken_row_by_row(packages: dict[str, PackageSet]) -> None:
    seen: list[npt.NDArray[np.float32]] = []

    class Watch(Model):
        def risks(self, vectors: Any, profiles: Any, void: Any) -> Any:
            seen.append(vectors)
            return super().risks(vectors, profiles, void)

    vectors = pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float32()))
    batch = products([("EU", 0.0, 9.0)] * 3)
    columns = {name: batch.column(name) for name in batch.schema.names} | {"vector": vectors}
    cross_batch(pa.RecordBatch.from_pydict(columns), Watch(), packages, 0.5)
    assert np.concatenate(seen).tolist() == [[1.0, 2.0], [3.0, 4.0]]

"""Two overlapping runs of a step, stopped and let go on at named points: one error, and no key twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.spark.catalog.exports import Shop
from tests.spark.outcomes import shop
from tests.spark.rows import table_rows

from leastpack.config import Config
from leastpack.errors import WriterError
from leastpack.road import BY_NAME
from leastpack.tables import Tables
from leastpack.tables.places import place_of
from leastpack.tables.repeated import all_repeated
from leastpack.tables.schemas import BY_NAME as TABLES
from leastpack.tables.writer import Writer, unlock

# When a run has the lease and has read nothing; between its look at the lease and its first commit; and when that
# commit is made and the next one begins.
POINTS = ("before its read", "before its commit", "after its commit")
PATIENCE_S = 300


class Stop:
    """Stops the writer of run `slow` at one point, once.

    Args:
        point: One of `POINTS`.
        monkeypatch: Undoes it.
    """

    def __init__(self, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.on = threading.Event(), threading.Event()
        start, stamp, look = Writer.start_renewing, Writer.stamp, Writer.require_lease
        stamped: set[int] = set()

        def wait(writer: Writer, here: str) -> None:
            if here == point and writer.lease.run_id == "slow" and not self.reached.is_set():
                self.reached.set()
                assert self.on.wait(PATIENCE_S)

        def starting(self: Writer) -> None:
            start(self)
            wait(self, "before its read")

        def stamping(self: Writer, note: str | None = None):  # type: ignore[no-untyped-def]
            wait(self, "before its commit")
            stamped.add(id(self))
            return stamp(self, note)

        def looking(self: Writer) -> None:
            if id(self) in stamped:
                wait(self, "after its commit")
            look(self)

        monkeypatch.setattr(Writer, "start_renewing", starting)
        monkeypatch.setattr(Writer, "stamp", stamping)
        monkeypatch.setattr(Writer, "require_lease", looking)


def catalog(spark: SparkSession, folder: Path) -> Config:
    """Three products and a photo."""
    exports = Shop(spark, folder)
    exports.products([{"id": f"P{i}", "title": f"Mug {i}", "changed": "2024-05-01"} for i in range(3)])
    exports.pictured({"product_id": "P1", "view": "tunnel_0", "uri": "a.jpg"})
    return exports.config()


def encode(spark: SparkSession, folder: Path) -> Config:
    """Texts alone."""
    config = Config.model_validate({"tables": {"root": str(folder / "tables"), "buckets": 4}})
    tables = Tables(spark, config.tables)
    products = [
        {"marketplace": "NA", "product_id": f"P{i}", "title": f"Mug {i}", "text_key": f"k{i}"} for i in range(3)
    ]
    tables.append("products", table_rows(spark, "products", products))
    tables.ensure("product_images")
    return config


def outcomes(spark: SparkSession, folder: Path) -> Config:
    """A few shipments."""
    config = shop.config(
        folder,
        {
            "shipments": [shop.shipment(i, "mug", "bag", day=f"2024-0{1 + i % 4}-01") for i in range(8)],
            "returns": [shop.returned(0, "mug", day="2024-01-09")],
        },
    )
    shop.write_catalog(spark, config, ["mug"])
    return config


STEPS: dict[str, Callable[[SparkSession, Path], Config]] = {"catalog": catalog, "encode": encode, "outcomes": outcomes}


def run(spark: SparkSession, config: Config, step: str, run_id: str) -> None:
    BY_NAME[step].load()(spark, config.model_copy(update={"run_id": run_id}))


def keys_of(spark: SparkSession, config: Config, step: str) -> dict[str, list[tuple[object, ...]]]:
    """Every key that the step's tables hold."""
    tables = Tables(spark, config.tables)
    return {
        name: sorted(tuple(row) for row in tables.read(name).select(*TABLES[name].key).collect())
        for name in BY_NAME[step].writes
        if name != "quarantine" and tables.exists(name)
    }


def ended(spark: SparkSession, config: Config) -> list[tuple[str, str]]:
    rows = Tables(spark, config.tables).read("runs").select("run_id", "status").collect()
    return sorted((row["run_id"], row["status"]) for row in rows)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("step", STEPS)
def test_two_overlapping_runs_end_with_one_error_and_no_key_twice(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, point: str
) -> None:
    config = STEPS[step](spark, tmp_path)
    stop = Stop(point, monkeypatch)
    place = place_of(Tables(spark, config.tables))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(run, spark, config, step, "slow")
        assert stop.reached.wait(PATIENCE_S), slow.result()
        with pytest.raises(WriterError, match=f"written by step {step} of run slow"):
            run(spark, config, step, "refused")
        assert unlock(place)  # as if the lease had become stale
        run(spark, config, step, "quick")
        expected = keys_of(spark, config, step)
        stop.on.set()
        with pytest.raises(WriterError, match=rf"run slow has lost .* taken over by step {step} of run quick"):
            slow.result()
    assert all(expected.values())
    assert keys_of(spark, config, step) == expected
    assert all_repeated(Tables(spark, config.tables)) == []
    assert ended(spark, config) == [("quick", "done")]


def test_the_first_of_two_goes_on_while_the_second_is_refused(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = catalog(spark, tmp_path)
    stop = Stop("before its commit", monkeypatch)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(run, spark, config, "catalog", "slow")
        assert stop.reached.wait(PATIENCE_S), slow.result()
        for step in ("catalog", "encode", "score", "decide", "publish"):
            with pytest.raises(WriterError, match="written by step catalog of run slow"):
                run(spark, config, step, "refused")
        stop.on.set()
        slow.result()
    assert ended(spark, config) == [("slow", "done")]
    assert all_repeated(Tables(spark, config.tables)) == []

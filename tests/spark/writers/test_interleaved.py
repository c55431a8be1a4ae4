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
from leastpack.tables.commits import Stamp
from leastpack.tables.places import place_of
from leastpack.tables.schemas import BY_NAME as TABLES
from leastpack.tables.writer import Writer, unlock

# Where a run is stopped: when it has the lease and has read nothing; between its look at the lease and its first
# commit; when that commit is made and the next one begins.
POINTS = {
    "one": "before its read",
    "two": "before its commit",
    "three": "after its commit",
    "four": "before its commit",
}
PATIENCE_S = 300


class Stops:
    """Stops the writer of each run at its point, once, until it is let go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached = {run: threading.Event() for run in POINTS}
        self.on = {run: threading.Event() for run in POINTS}
        start, stamp, look = Writer.start_renewing, Writer.stamp, Writer.require_lease
        stamped: set[str] = set()

        def wait(writer: Writer, here: str) -> None:
            run = writer.lease.run_id
            if here == POINTS.get(run) and not self.reached[run].is_set():
                self.reached[run].set()
                assert self.on[run].wait(PATIENCE_S)

        def starting(self: Writer) -> None:
            start(self)
            wait(self, "before its read")

        def stamping(self: Writer, note: str | None = None) -> Stamp:
            wait(self, "before its commit")
            stamped.add(self.lease.run_id)
            return stamp(self, note)

        def looking(self: Writer) -> None:
            if self.lease.run_id in stamped:
                wait(self, "after its commit")
            look(self)

        monkeypatch.setattr(Writer, "start_renewing", starting)
        monkeypatch.setattr(Writer, "stamp", stamping)
        monkeypatch.setattr(Writer, "require_lease", looking)

    def __enter__(self) -> Stops:
        return self

    def __exit__(self, *error: object) -> None:
        """Let everything go on, so that nobody waits for a test that failed."""
        for event in self.on.values():
            event.set()


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
            "shipments": [shop.shipment(i, "mug", "bag", day=f"2024-0{1 + i % 3}-01") for i in range(6)],
            "returns": [shop.returned(0, "mug", day="2024-01-09"), shop.returned(1, "mug", day="2024-06-09")],
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


# Encode appends to one table, as catalog does among others.
@pytest.mark.parametrize(
    "step",
    [
        pytest.param("catalog", marks=pytest.mark.slow),
        pytest.param("outcomes", marks=pytest.mark.slow),
        pytest.param("encode", marks=pytest.mark.proof),
    ],
)
def test_overlapping_runs_end_with_one_done_the_others_with_one_error_each_and_no_key_twice(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Each run is stopped, keeps another one out, loses its lease to the next; the last one ends before the others."""
    config = STEPS[step](spark, tmp_path)
    tables, stops = Tables(spark, config.tables), Stops(monkeypatch)
    with ThreadPoolExecutor(len(POINTS)) as pool, stops:
        runs = {}
        for name in POINTS:
            runs[name] = pool.submit(run, spark, config, step, name)
            while not stops.reached[name].wait(0.1):
                assert not runs[name].done(), runs[name].result()
            with pytest.raises(WriterError, match=f"written by step {step} of run {name} "):
                run(spark, config, step, "refused")
            if name != "four":
                assert unlock(place_of(tables))  # as if the lease had become stale
        stops.on["four"].set()
        runs.pop("four").result()
        expected = keys_of(spark, config, step)
        for name, lost in runs.items():
            stops.on[name].set()
            with pytest.raises(WriterError, match=rf"run {name} has lost .* taken over by step {step} of run four"):
                lost.result()
    assert any(expected.values())
    assert keys_of(spark, config, step) == expected
    assert all(len(set(keys)) == len(keys) for keys in expected.values())
    ended = tables.read("runs").select("run_id", "status").collect()
    assert ended == [("four", "done")]

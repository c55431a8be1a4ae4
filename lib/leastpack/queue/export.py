"""Writes the test queue as a sheet for testers, and remembers what each test was asked for."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from leastpack.config.encoders import FetchConfig
from leastpack.config.root import Config
from leastpack.encoders.allow import AllowList
from leastpack.encoders.fetch import Fetcher, read_ahead
from leastpack.encoders.thumbnail import thumbnail
from leastpack.errors import ConfigError, InputError
from leastpack.files import has_file, put_file
from leastpack.log import log
from leastpack.queue.ista import procedure
from leastpack.queue.sheet import PICTURE, write_csv, write_xlsx
from leastpack.runs import step_run
from leastpack.tables import Tables
from leastpack.tables.keys import PRODUCT
from leastpack.tables.schemas import TEST_REQUESTS

WRITERS = {".xlsx": write_xlsx, ".csv": write_csv}
PHOTOS = 3
# Products with a picture at most, so that the sheet stays one that can be sent; and pixels of its longer side.
PICTURED, SIDE = 2000, 128
OF_PRODUCT = ("title", "length_cm", "width_cm", "height_cm", "weight_g")
# Of a request, what an earlier one may know.
KEPT = ("draw_probability", "draw_round", "asked_on")
INNER = ("inner_length_cm", "inner_width_cm", "inner_height_cm")


def export_queue(
    spark: SparkSession,
    config: Config,
    place: str,
    most: int | None = None,
    *,
    force: bool = False,
    photos: bool = True,
) -> int:
    """Write the pairs of the test queue, the most urgent first.

    Args:
        spark: The session.
        config: The configuration.
        place: A file that ends in .xlsx or .csv: a path, or a URI of S3 or of another store that pyarrow.fs knows.
        most: Pairs at most; None for the whole queue.
        force: Write over a file that is there.
        photos: Show a small photo of the product, in XLSX.

    Returns:
        Number of pairs.

    Raises:
        ConfigError: The file is neither XLSX nor CSV, or is there already: it may hold results.
        InputError: There is no queue, or it is empty.
    """
    ending = next((name for name in WRITERS if place.lower().partition("?")[0].endswith(name)), None)
    if ending is None:
        raise ConfigError(f"a sheet cannot be written to {place}", expected="a file that ends in .xlsx or .csv")
    if not force and has_file(place, "the sheet"):
        raise ConfigError(
            f"{place} is there already, and may hold results",
            todo="import it first, or name another file; --force writes over it",
        )
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "queue") as run:
        names = ("test_queue", "products", "product_images", "package_types")
        inputs = {name: tables.read(name, run.reads(name, tables.version(name))) for name in names}
        queue = inputs["test_queue"].orderBy("rank")
        rows = _described(queue if most is None else queue.limit(most), inputs).orderBy("rank").collect()
        if not rows:
            raise InputError("the test queue is empty", todo="nothing is left to test; else run leastpack decide")
        _remember(tables, rows, config.decisions.day)
        run.figure("exported", len(rows))
    # Others may write to the tables while photos are read.
    lines = [_line(row) for row in rows]
    if photos and ending == ".xlsx":
        _add_pictures(lines, config.encoders.fetch)
    put_file(place, WRITERS[ending](lines), "the sheet")
    return len(rows)


def _described(queue: DataFrame, inputs: dict[str, DataFrame]) -> DataFrame:
    """The queued pairs with what a tester needs to know of product and package."""
    photos = F.sort_array(F.collect_list(F.struct("view", "uri")))
    seen = inputs["product_images"].join(F.broadcast(queue.select(*PRODUCT)), on=PRODUCT, how="left_semi")
    pictured = seen.groupBy(*PRODUCT).agg(F.slice(photos, 1, PHOTOS)["uri"].alias("photos"))
    products = inputs["products"].select(*PRODUCT, "category", *OF_PRODUCT)
    types = inputs["package_types"].select("marketplace", "package_type", "kind", *INNER)
    return (
        queue.join(products, on=PRODUCT, how="left")
        .join(pictured, on=PRODUCT, how="left")
        .join(F.broadcast(types), on=["marketplace", "package_type"], how="left")
    )


def _line(row: Row) -> dict[str, Any]:
    inner = [row[name] for name in INNER]
    sides = [row[name] for name in ("length_cm", "width_cm", "height_cm")]
    return {
        **{
            name: row[name]
            for name in ("rank", "test_id", "marketplace", "product_id", "package_type", "why", *OF_PRODUCT)
        },
        "package_inner_cm": " x ".join(f"{side:g}" for side in inner) if None not in inner else None,
        "procedure": procedure(row["kind"] or "", sides, row["weight_g"], row["category"]),
        "photos": "\n".join(row["photos"] or []) or None,
    }


def _add_pictures(lines: Sequence[dict[str, Any]], config: FetchConfig) -> None:
    """Add the first photo of the product to the lines of the products tested first."""
    read = Fetcher(config, AllowList.here(config)).read
    wanted = {line["photos"].partition("\n")[0]: None for line in lines if line["photos"]}
    uris = list(wanted)[:PICTURED]
    small = read_ahead(
        uris,
        lambda uri: (uri, thumbnail(uri, read, SIDE, config)),
        threads=config.threads,
        window=config.threads,
    )
    pictures = {uri: jpeg for uri, jpeg in small if jpeg is not None}
    for line in lines:
        line[PICTURE] = pictures.get((line["photos"] or "").partition("\n")[0])
    if failed := len(uris) - len(pictures):
        log.warning("photos that cannot be read are missing from the sheet", photos=failed)


def _remember(tables: Tables, rows: list[Row], day: datetime.date) -> None:
    """Note what each test is asked for; the day is that of the first sheet, the draw the last one that is known."""
    key = ["marketplace", "test_id"]
    named = (*key, "product_id", "package_type", "draw_probability", "draw_round")
    lines = [(*(row[name] for name in named), day) for row in rows]
    asked = tables.spark.createDataFrame(lines, TEST_REQUESTS.schema)
    if tables.exists("test_requests"):
        before = tables.read("test_requests").select(*key, *(F.col(name).alias(f"old_{name}") for name in KEPT))
        kept = {
            name: F.coalesce(*(f"old_{name}", name) if name == "asked_on" else (name, f"old_{name}")) for name in KEPT
        }
        asked = asked.join(before, on=key, how="left").withColumns(kept).select(asked.columns)
    tables.merge("test_requests", asked)

"""`make bench-history`: a day's outcomes on months of history, against the first load of that history."""

from __future__ import annotations

import datetime
import json
import shutil
import statistics
import time
from pathlib import Path
from typing import Annotated

import typer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rich.console import Console
from tests.perf.__main__ import SPARK
from tests.perf.catalog import append
from tests.perf.machine import machine

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.root import Config
from leastpack.config.sources import SourceConfig
from leastpack.config.storage import LogConfig, SparkConfig, TablesConfig
from leastpack.log import configure_log
from leastpack.outcomes.label import label_outcomes
from leastpack.session import make_session
from leastpack.tables import Tables

FIRST = datetime.date(2024, 1, 1)
DAYS_A_MONTH = 30
TYPES = ("bag", "mailer", "box")
COLUMNS = {
    "shipments": ("shipment_id", "product_id", "package_type", "shipped_at"),
    "returns": ("return_id", "shipment_id", "product_id", "reason_code", "returned_at"),
}


def main(
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("out/bench"),
    months: Annotated[int, typer.Option(help="Months of history.")] = 24,
    daily: Annotated[int, typer.Option(help="Shipments a day.")] = 5_000,
    products: Annotated[int, typer.Option(help="Products.")] = 20_000,
    days: Annotated[int, typer.Option(help="Days delivered one by one after the first load.", min=1)] = 3,
) -> None:
    """Time the first load and each day after it; the phases tell what follows the day and what the history."""
    configure_log(LogConfig(level="warning"))
    console = Console()
    spark = make_session(SparkConfig(master="local[2]", app_name="leastpack-bench", delta_packages=True, conf=SPARK))
    spark.sparkContext.setLogLevel("ERROR")
    root = out.absolute() / "work" / "history"
    shutil.rmtree(root, ignore_errors=True)
    config = _config(root)
    _catalog(spark, config, products)
    length = months * DAYS_A_MONTH
    runs = []
    for name, start, stop in [
        ("first", 0, length),
        *[(f"day {n + 1}", length + n, length + n + 1) for n in range(days)],
    ]:
        _deliver(spark, root, daily, products, start, stop)
        begun = time.perf_counter()
        label_outcomes(spark, config)
        seconds = time.perf_counter() - begun
        last = Tables(spark, config.tables).read("runs").orderBy(F.desc("started_at")).first()
        phases = {phase: round(spent, 1) for phase, spent in last["seconds"].items()}
        runs.append({"run": name, "seconds": seconds, "phases": phases})
        console.print(f"{name}: {seconds:.1f} s {phases}")
    day = statistics.median(run["seconds"] for run in runs[1:])
    own = ("clean", "history")  # what follows the delivery; the rest labels all pairs anew

    def taken(run: dict[str, object]) -> float:
        return sum(run["phases"][phase] for phase in own)

    result = {
        "command": "python -m tests.perf.history", **machine(), "months": months, "shipments_a_day": daily,
        "runs": runs, "day_of_first": day / runs[0]["seconds"],
        "history_of_first": statistics.median(map(taken, runs[1:])) / taken(runs[0]),
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    (out / "history.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    console.print(
        f"a day takes {result['day_of_first']:.2%} of the first load; taking in and counting, "
        f"{result['history_of_first']:.2%}"
    )
    spark.stop()


def _config(root: Path) -> Config:
    sources = [
        SourceConfig(
            name=kind, kind=kind, format="parquet", path=str(root / kind), marketplace="NA",
            columns={name: name for name in names},
        )
        for kind, names in COLUMNS.items()
    ]  # fmt: skip
    return Config(
        tables=TablesConfig(root=str(root / "tables"), buckets=8), sources=sources, outcomes=OutcomesConfig(n_min=20)
    )


def _catalog(spark: SparkSession, config: Config, products: int) -> None:
    tables = Tables(spark, config.tables)
    listed = spark.range(products).select(
        F.lit("NA").alias("marketplace"), F.format_string("N%06d", "id").alias("product_id"),
        F.sha2(F.col("id").cast("string"), 256).alias("text_key"),
    )  # fmt: skip
    append(tables, "products", listed)
    types = [
        {"marketplace": "NA", "package_type": name, "kind": name, "profile": [place / 3.0], "profile_hash": name}
        for place, name in enumerate(TYPES)
    ]
    append(tables, "package_types", spark.createDataFrame(types))


def _deliver(spark: SparkSession, root: Path, daily: int, products: int, start: int, stop: int) -> None:
    """Shipments of these days, and the returns that came in them; a tenth of the returns names no shipment."""
    shipped = _shipments(spark, daily, products, 0 if start == 0 else start - 20, stop)
    new = shipped.where(F.col("day") >= start).select(*COLUMNS["shipments"])
    dice = F.pmod(F.xxhash64("number", F.lit("returns")), F.lit(1000))
    back = shipped.where(dice < 50).withColumn("back", F.col("day") + 2 + F.pmod(F.col("number"), F.lit(14)))
    returns = back.where((F.col("back") >= start) & (F.col("back") < stop)).select(
        F.format_string("B%010d", "number").alias("return_id"),
        F.when(dice >= 5, F.col("shipment_id")).alias("shipment_id"),
        "product_id",
        F.when(dice < 10, F.lit("BROKEN")).otherwise(F.lit("UNWANTED")).alias("reason_code"),
        F.date_add(F.lit(FIRST), F.col("back").cast("int")).cast("timestamp").alias("returned_at"),
    )
    new.write.mode("overwrite").parquet(str(root / "shipments"))
    returns.write.mode("overwrite").parquet(str(root / "returns"))


def _shipments(spark: SparkSession, daily: int, products: int, start: int, stop: int) -> DataFrame:
    numbered = spark.range(start * daily, stop * daily).withColumnRenamed("id", "number")
    product = F.pmod(F.xxhash64("number"), F.lit(products))
    day = F.floor(F.col("number") / daily).cast("int")
    kind = F.pmod(F.xxhash64(product, F.pmod(F.col("number"), F.lit(2))), F.lit(len(TYPES))).cast("int")
    return numbered.select(
        "number",
        day.alias("day"),
        F.format_string("S%010d", "number").alias("shipment_id"),
        F.format_string("N%06d", product).alias("product_id"),
        F.element_at(F.array(*map(F.lit, TYPES)), kind + 1).alias("package_type"),
        F.date_add(F.lit(FIRST), day).cast("timestamp").alias("shipped_at"),
    )


if __name__ == "__main__":
    typer.run(main)

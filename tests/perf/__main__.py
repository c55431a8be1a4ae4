"""`make bench`: contenders side by side, into out/bench."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pyspark.sql import SparkSession
from rich.console import Console
from rich.table import Table
from tests.perf import cached, encoded, training
from tests.perf.machine import machine
from tests.perf.timing import Contender, Timed, take_turns

from leastpack.config.storage import LogConfig, SparkConfig
from leastpack.log import configure_log
from leastpack.session import make_session

SPARK = {
    "spark.driver.memory": "6g",
    "spark.sql.shuffle.partitions": "8",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.ui.enabled": "false",
}
TYPES = 20


@dataclass(frozen=True)
class Workload:
    """What is timed.

    Attributes:
        title: For people.
        products: In the catalog.
        against: The contender that others are compared with.
        contenders: Name to what is timed.
        sampled: Contenders that do only some of the products, and how many.
        types: Pairs a product.
    """

    title: str
    products: int
    against: str
    contenders: Mapping[str, Contender]
    sampled: Mapping[str, int]
    types: int = TYPES

    def pairs_per_second(self, name: str, timed: Timed) -> float:
        """Pairs a second, of those it did."""
        return self.sampled.get(name, self.products) * self.types / timed.median


def main(
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("out/bench"),
    workloads: Annotated[
        str, typer.Option(help="Of a (texts), b (photos), c (cached vectors), d (training).")
    ] = "abcd",
    titles: Annotated[int, typer.Option(help="Products of workload a.")] = 5_000,
    photographed: Annotated[int, typer.Option(help="Products of workload b, three photos each.")] = 600,
    products: Annotated[int, typer.Option(help="Products of workload c.")] = 1_000_000,
    trained: Annotated[int, typer.Option(help="Products of workload d, with 6 pairs each.")] = 8_192,
    naive: Annotated[int, typer.Option(help="Products that the naive contender scores.")] = 32,
    runs: Annotated[int, typer.Option(help="Timed passes of each contender.", min=1)] = 3,
) -> None:
    """Time contenders in turns, each warmed by one untimed pass, and write tables of the medians."""
    configure_log(LogConfig(level="warning"))
    console = Console()
    spark = make_session(SparkConfig(master="local[2]", app_name="leastpack-bench", delta_packages=True, conf=SPARK))
    spark.sparkContext.setLogLevel("ERROR")
    out.mkdir(parents=True, exist_ok=True)
    sizes = {"a": titles, "b": photographed, "c": products, "d": trained}
    content: dict[str, object] = {"command": " ".join(["python -m tests.perf", *sys.argv[1:]]), **machine()}
    text = ""
    for key in workloads:
        work = _workload(spark, key, out.absolute() / "work", sizes[key], naive)
        console.print(f"workload {key}: {work.title}")
        timed = take_turns(work.contenders, runs, console.print)
        content[key] = _content(work, timed)
        text += f"## {work.title}\n\n{_markdown(work, timed)}\n"
        console.print(_table(work, timed))
        # One by one: each takes minutes.
        (out / "scoring.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        (out / "scoring.md").write_text(text, encoding="utf-8")
    spark.stop()
    console.print(f"{out / 'scoring.json'}, and for docs/benchmarks.md {out / 'scoring.md'}")


def _workload(spark: SparkSession, key: str, root: Path, products: int, naive: int) -> Workload:
    if key == "c":
        config = cached.prepare(spark, root, products)
        title = f"Cached vectors: {products:,} products x {TYPES} package types"
        return Workload(title, products, "random", cached.contenders(spark, config), {})
    if key == "d":
        title = f"Training: an epoch over {products:,} products with {training.TYPES} pairs each"
        return Workload(title, products, "row_a_pair", training.contenders(root, products), {}, training.TYPES)
    views = {"a": 0, "b": encoded.VIEWS}[key]
    config = encoded.prepare(spark, root, products, views)
    shown = f" and {views} photos of 1280 x 960 each" if views else ""
    title = f"Encoding: {products:,} products with titles{shown} x {TYPES} package types"
    made = encoded.contenders(spark, config, naive)
    return Workload(title, products, "predict_batch_udf", made, {"naive": min(naive, products)})


def _content(work: Workload, timed: Mapping[str, Timed]) -> dict[str, object]:
    contenders = {
        name: {
            "cold": one.cold,
            "runs": one.runs,
            "median": one.median,
            "pairs_per_second": work.pairs_per_second(name, one),
        }
        for name, one in timed.items()
    }
    return {"title": work.title, "products": work.products, "sampled": dict(work.sampled), "contenders": contenders}


def _rows(work: Workload, timed: Mapping[str, Timed]) -> list[tuple[str, ...]]:
    base = work.pairs_per_second(work.against, timed[work.against])
    rows = []
    for name, one in timed.items():
        speed = work.pairs_per_second(name, one)
        shown = f"{name} ({work.sampled[name]} products)" if name in work.sampled else name
        rows.append((shown, f"{one.cold:.1f}", f"{one.median:.1f}", f"{speed:,.0f}", f"{speed / base:.3g}"))
    return rows


def _header(work: Workload) -> tuple[str, ...]:
    return ("contender", "cold s", "median s", "pairs/s", f"times {work.against}")


def _table(work: Workload, timed: Mapping[str, Timed]) -> Table:
    table = Table(*_header(work))
    for row in _rows(work, timed):
        table.add_row(*row)
    return table


def _markdown(work: Workload, timed: Mapping[str, Timed]) -> str:
    header = _header(work)
    lines = [header, ("---",) * len(header), *_rows(work, timed)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    typer.run(main)

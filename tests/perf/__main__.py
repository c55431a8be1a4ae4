"""`make bench`: times side by side, into out/bench."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from tests.perf import cached
from tests.perf.timing import Timed, take_turns

from leastpack.config.storage import LogConfig, SparkConfig
from leastpack.log import configure_log
from leastpack.session import make_session

PACKAGES = ("pyspark", "delta-spark", "pyarrow", "numpy", "torch")
SPARK = {
    "spark.driver.memory": "6g",
    "spark.sql.shuffle.partitions": "8",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.ui.enabled": "false",
}


def main(
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("out/bench"),
    products: Annotated[int, typer.Option(help="Products with cached vectors.")] = 1_000_000,
    runs: Annotated[int, typer.Option(help="Timed passes of each contender.", min=1)] = 3,
) -> None:
    """Time the scoring stage on cached vectors against Spark alone."""
    configure_log(LogConfig(level="warning"))
    console = Console()
    spark = make_session(SparkConfig(master="local[2]", app_name="leastpack-bench", delta_packages=True, conf=SPARK))
    spark.sparkContext.setLogLevel("ERROR")
    console.print(f"making a catalog of {products:,} products")
    config = cached.prepare(spark, out.absolute() / "work", products)
    timed = take_turns(cached.contenders(spark, config), runs, console.print)
    pairs = products * cached.TYPES
    spark.stop()
    out.mkdir(parents=True, exist_ok=True)
    (out / "scoring.json").write_text(json.dumps(_content(timed, products, pairs), indent=2) + "\n", encoding="utf-8")
    text = _markdown(timed, pairs)
    (out / "scoring.md").write_text(text, encoding="utf-8")
    console.print(_table(timed, pairs))
    console.print(f"{out / 'scoring.json'}, and for docs/benchmarks.md {out / 'scoring.md'}")


def _content(timed: dict[str, Timed], products: int, pairs: int) -> dict[str, object]:
    return {
        "command": " ".join(["python -m tests.perf", *sys.argv[1:]]),
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "python": platform.python_version()},
        "versions": {name: version(name) for name in PACKAGES},
        "workload": {"name": "cached vectors", "products": products, "pairs": pairs},
        "seconds": {name: {"cold": one.cold, "runs": one.runs, "median": one.median} for name, one in timed.items()},
    }


def _rows(timed: dict[str, Timed], pairs: int) -> list[tuple[str, ...]]:
    limit = timed["random"].median
    return [
        (name, f"{one.cold:.1f}", f"{one.median:.1f}", f"{pairs / one.median:,.0f}", f"{one.median / limit:.2f}")
        for name, one in timed.items()
    ]


HEADER = ("contender", "cold s", "median s", "pairs/s", "times random")


def _table(timed: dict[str, Timed], pairs: int) -> Table:
    table = Table(*HEADER)
    for row in _rows(timed, pairs):
        table.add_row(*row)
    return table


def _markdown(timed: dict[str, Timed], pairs: int) -> str:
    lines = [HEADER, ("---",) * len(HEADER), *_rows(timed, pairs)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    typer.run(main)

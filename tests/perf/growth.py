"""`make bench-growth` and `make bench-billion`: the road after encoding over catalogs of growing size.

Every product has its vector already and no pair is scored. Each size is a catalog of its own; each step is a process of
its own, as a scheduler starts it, on a cluster of one executor with two cores, so that the memory of the driver, of the
executor and of the Python workers can be told apart.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from tests.perf.machine import machine
from tests.perf.memory import DRIVER, DRIVER_JVM, EXECUTOR, WORKER

TYPES = 20
PREPARED = ("make", "test", "change", "change_many")
MIB = 2**20


def main(
    sizes: Annotated[str, typer.Option(help="Products, one catalog each.")] = "10000,100000,1000000,10000000",
    steps: Annotated[
        str,
        typer.Option(
            help="Steps to run, in order: score, again (score unchanged), test (invents human tests), decide, publish; "
            "change or change_many (a thousand products, or one of a hundred), then day_score, day_decide, day_publish."
        ),
    ] = "score,again",
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("out/bench"),
    name: Annotated[str, typer.Option(help="Name of the results.")] = "growth",
) -> None:
    """Run steps over catalogs of several sizes; write seconds, peak memory and bytes."""
    console = Console()
    out.mkdir(parents=True, exist_ok=True)
    content: dict[str, object] = {"command": " ".join(["python -m tests.perf.growth", *sys.argv[1:]]), **machine()}
    rows: list[dict[str, Any]] = []
    for products in map(int, sizes.split(",")):
        root = out.absolute() / "work" / f"{products}"
        shutil.rmtree(root, ignore_errors=True)
        for step in ("make", *steps.split(",")):
            told = _run(root, products, step)
            console.print(f"{products:,} products, {step}: {told['seconds']:,.1f} s")
            if step not in PREPARED:
                rows.append({"products": products, "step": step, **told})
            # Step by step: some take an hour.
            (out / f"{name}.json").write_text(json.dumps({**content, "rows": rows}, indent=2) + "\n", encoding="utf-8")
            (out / f"{name}.md").write_text(_markdown(rows), encoding="utf-8")
        shutil.rmtree(root)
    console.print(f"{out / name}.json, and for docs/benchmarks.md {out / name}.md")


def _run(root: Path, products: int, step: str) -> dict[str, Any]:
    root.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.perf.one_step", str(root), str(products), str(TYPES), step]
    with (root / f"{step}.log").open("w", encoding="utf-8") as log:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, check=False)
    if done.returncode:
        kept = root / f"{step}.log"
        raise SystemExit(f"step {step} of {products} products failed; its log is {kept}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _markdown(rows: list[dict[str, Any]]) -> str:
    kinds = (DRIVER, DRIVER_JVM, EXECUTOR, WORKER)
    header = ("products", "step", "s", "s a million pairs", "GB written", *(f"{kind} MiB" for kind in kinds))
    lines = [header, ("---",) * len(header)]
    for row in rows:
        products, seconds, peaks = row["products"], row["seconds"], row["peaks"]
        speed = seconds / (products * TYPES / 1e6)
        memory = [f"{peaks.get(kind, 0) / MIB:,.0f}" for kind in kinds]
        bytes_written = f"{row['bytes'] / 1e9:.3f}"
        lines.append((f"{products:,}", str(row["step"]), f"{seconds:,.1f}", f"{speed:.2f}", bytes_written, *memory))
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    phases = "".join(f"- {row['products']:,} products, {row['step']}: {_phases(row)}\n" for row in rows)
    return f"{table}\n{phases}"


def _phases(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {seconds:,.1f} s" for name, seconds in row["phases"].items())


if __name__ == "__main__":
    typer.run(main)

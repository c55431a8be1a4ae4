"""Runs the demo on several invented marketplaces, and holds what moves against their truth: python -m tests.demo_check.

Fails where the promise is broken in more samples than chance explains: at delta .1 two of three.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
from deltalake import DeltaTable
from rich.console import Console
from rich.table import Table
from tests.conftest import AGAIN, FIRST, THEN

MOST_BROKEN = 1
CHECKOUT = Path(__file__).parents[1]
PAIR = ["marketplace", "product_id", "package_type"]


def main() -> None:
    """Run, print a table, and exit 1 where too many promises are broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9])
    parser.add_argument("--out", type=Path, default=Path("out/demo-check"))
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE")
    asked = parser.parse_args()
    found = [check(seed, asked.out / str(seed), asked.overrides) for seed in asked.seeds]
    table = Table(*found[0], title="what moves by certificate, against the sample's truth")
    for row in found:
        table.add_row(*[f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()])
    Console().print(table)
    broken = sum(row["broken"] for row in found)
    if broken > MOST_BROKEN:
        sys.exit(f"{broken} of {len(found)} samples break their promise; at most {MOST_BROKEN} may")


def check(seed: int, folder: Path, overrides: list[str]) -> dict[str, float]:
    """Run the demo of one seed.

    Args:
        seed: Of the sample.
        folder: Where all of it goes.
        overrides: KEY=VALUE for every command.

    Returns:
        The seed, `figures`, and how long it took.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config, sheet = folder / "demo.yaml", folder / "tests.csv"
    moved = (CHECKOUT / "conf" / "demo.yaml").read_text(encoding="utf-8").replace("out/demo", str(folder))
    config.write_text(moved, encoding="utf-8")
    began = time.monotonic()
    settings = ["--config", str(config)]
    for setting in (f"sample.seed={seed}", *overrides):
        settings += ["--set", setting]

    def leastpack(*words: str) -> None:
        subprocess.run(["leastpack", *words, *settings], check=True, cwd=CHECKOUT)

    leastpack("sample")
    leastpack("run", *[word for step in FIRST for word in ("--step", step)])
    leastpack("queue", "export", str(sheet), "--force")
    leastpack("sample", "answer", str(sheet))
    leastpack("queue", "import", str(sheet))
    answered = [word for step in (*AGAIN, *THEN) for word in ("--step", step)]
    leastpack("run", "--source", "test_results", *answered)
    return {"seed": seed, **figures(folder), "minutes": (time.monotonic() - began) / 60}


def figures(folder: Path) -> dict[str, float]:
    """What the recommendations in a folder come to, against its truth."""
    tables = {name: read(folder, name) for name in ("recommendations", "certificates")}
    recommended = tables["recommendations"]
    moves = recommended[recommended.certificate_id.notna()].merge(
        pd.read_parquet(folder / "sample" / "truth.parquet"), on=PAIR
    )
    alphas = moves.merge(tables["certificates"][["certificate_id", "alpha"]], on="certificate_id")
    cells = alphas.groupby("certificate_id").agg(unsafe=("unsafe", "mean"), alpha=("alpha", "first"))
    return {
        "products": len(recommended),
        "moved": len(moves),
        "promised": float(cells.alpha.max()) if len(cells) else float("nan"),
        "unsafe": float(moves.unsafe.mean()) if len(moves) else 0.0,
        "broken": int((cells.unsafe > cells.alpha).any()),
    }


def read(folder: Path, name: str) -> pd.DataFrame:
    """A table as it is."""
    return DeltaTable(str(folder / "tables" / name)).to_pandas()


if __name__ == "__main__":
    main()

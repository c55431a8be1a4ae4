"""Simulates rounds of tests and pilots over worlds whose truth is known: python -m tests.simulate."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from tests.simulate.past import lotteries, past_rounds
from tests.simulate.rounds import Outcome, audit_rounds, pilot_rounds
from tests.simulate.worlds import Traits, all_worlds, make_world

DELTA = 0.1
# alpha and products drawn.
AUDITS = ((0.01, 3000), (0.02, 1000))
PILOTS = ((0.005, 3000), (0.01, 1000))
SHIPMENTS = (5.0, 50.0, 500.0)
# Of past shipments: alpha, products, and repetitions at most.
PAST_ALPHA, PAST_PRODUCTS, PAST_REPETITIONS = 0.005, 40_000, 400
PAST_WORLDS = {"shipper knows more": Traits(insight=0.8), "families": Traits(family=15, insight=0.8)}


def main() -> None:
    """Run every world, print a table, and write out/simulate/simulate.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--products", type=int, default=20000)
    parser.add_argument("--worlds", nargs="*", help="Names; all where none is given.")
    parser.add_argument("--out", type=Path, default=Path("out/simulate"))
    asked = parser.parse_args()
    rng = np.random.default_rng(17)
    rows = []
    for world in all_worlds(asked.products, rng):
        if asked.worlds and world.name not in asked.worlds:
            continue
        if world.reporting == 1 and not world.put_aside:
            for alpha, products in AUDITS:
                outcome = audit_rounds(world, products, alpha, DELTA, asked.repetitions, rng)
                rows += _rows(f"audit of {products:,}", world.name, alpha, outcome)
        if world.name in ("unequal fits", "under-reporting", "fragile ones put aside"):
            for alpha, products in PILOTS:
                for shipments in SHIPMENTS:
                    outcome = pilot_rounds(world, products, shipments, alpha, DELTA, asked.repetitions, rng)
                    rows += _rows(f"pilot of {products:,}, median {shipments:g}", world.name, alpha, outcome)
    for name, traits in PAST_WORLDS.items():
        if asked.worlds and name not in asked.worlds:
            continue
        world = make_world(name, PAST_PRODUCTS, rng, traits)
        for lottery in lotteries(world):
            outcome = past_rounds(world, lottery, PAST_ALPHA, DELTA, min(asked.repetitions, PAST_REPETITIONS), rng)
            rows += _rows(f"past shipments, {lottery.name}", name, PAST_ALPHA, outcome)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "simulate.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _rows(labels: str, world: str, alpha: float, outcome: Outcome) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    moved, saved = outcome.oracle
    print(
        f"{world}; {labels}; alpha {alpha:g}: {outcome.levels} levels, {outcome.tests:,.0f} tests or shipments;",
        end=" ",
    )
    print(f"an oracle moves {moved:.2f} of products", flush=True)
    for method, tally in outcome.tallies.items():
        repetitions = len(tally.moved)
        rate = tally.violations / repetitions
        row = {
            "world": world,
            "labels": labels,
            "alpha": alpha,
            "delta": DELTA,
            "method": method,
            "repetitions": repetitions,
            "violation": rate,
            "standard_error": (DELTA * (1 - DELTA) / repetitions) ** 0.5,
            "moved": float(np.mean(tally.moved)),
            "moved_of_oracle": float(np.mean(tally.moved)) / moved if moved else None,
            "saved_of_oracle": float(np.mean(tally.saved)) / saved if saved else None,
            "worst": float(np.max(tally.worst)),
            "tests": outcome.tests,
        }
        rows.append(row)
        parts = [f"{name} {row[name]:.2f}" for name in ("moved_of_oracle", "saved_of_oracle") if row[name] is not None]
        print(f"  {method:18} broken {rate:.3f}  {'  '.join(parts)}  worst {row['worst']:.1f} x alpha", flush=True)
    return rows


if __name__ == "__main__":
    main()

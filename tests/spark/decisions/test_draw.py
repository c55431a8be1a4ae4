"""P11 through the columns that run in production: the draw of one group, one pair, by hash."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from leastpack.decisions.draw import count_points, draw_points, thin
from leastpack.decisions.sequence import run_sequence

WORLDS, GROUPS = 300, 400
SIZES, SHARES = np.array([1, 2, 4, 8]), np.array([0.5, 0.25, 0.15, 0.1])
DELTA = 0.1
MOST = DELTA + 3 * np.sqrt(DELTA * (1 - DELTA) / WORLDS)


def worlds(seed: int, audited: bool) -> pd.DataFrame:
    """Labelled pairs of many worlds, one a stratum: a group's pairs are mostly alike and larger groups are worse.

    With `audited`, pairs of the first half of a group are drawn with probability 0.6 and the others with 0.2 and are
    worse.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.choice(SIZES, p=SHARES, size=WORLDS * GROUPS)
    group = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    second = place >= sizes[group] / 2
    shared = rng.random(len(sizes))
    rate = 0.05 + 0.02 * sizes[group] + (0.1 * second if audited else 0.0)
    probability = np.where(second, 0.2, 0.6) if audited else np.ones(len(group))
    kept = rng.random(len(group)) < probability
    frame = pd.DataFrame(
        {
            "promise": "pair",
            "slice": "audit",
            "pool": "*",
            "profile_hash": "p",
            "stratum": (group // GROUPS).astype(str),
            "group_id": group.astype(str),
            "marketplace": "NA",
            "product_id": np.arange(len(group)).astype(str),
            "package_type": "bag",
            "grid_index": 0,
            "bad": shared[group] < rate,
            "probability": probability,
            "group_pairs": sizes[group],
            "size": sizes[group],
            "rate": rate,
        }
    )
    return frame[kept]


def truth(cap: int, audited: bool) -> float:
    rates = 0.05 + 0.02 * SIZES + (0.1 * (SIZES // 2) / SIZES if audited else 0.0)
    weights = np.minimum(SIZES, cap) * SHARES
    return float((weights * rates).sum() / weights.sum())


def violations(counts: pd.DataFrame, alpha: float) -> float:
    found = counts.groupby("stratum").sum(numeric_only=True)
    return float(
        np.mean([run_sequence([n], [k], alpha, DELTA).last is not None for n, k in zip(found.n, found.k, strict=True)])
    )


@pytest.fixture(scope="module")
def framed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, DataFrame]:
    """The worlds as frames, by whether they are audited."""
    folder = tmp_path_factory.mktemp("worlds")
    for audited in (False, True):
        worlds(1, audited).to_parquet(folder / f"{audited}.parquet")
    return {audited: spark.read.parquet(str(folder / f"{audited}.parquet")) for audited in (False, True)}


@pytest.mark.parametrize(("cap", "audited"), [(8, False), (4, False), (8, True)])
def test_p11_points_are_worth_the_promise(framed: dict[bool, DataFrame], cap: int, audited: bool) -> None:
    counts = count_points(draw_points(framed[audited], seed=3, group_cap=cap)).toPandas()
    share = counts.k.sum() / counts.n.sum()
    assert share == pytest.approx(truth(cap, audited), abs=4 * np.sqrt(0.25 / counts.n.sum()))
    assert 0.02 <= violations(counts, truth(cap, audited) - 0.002) <= MOST


def test_p11_every_labelled_pair_a_point_would_break_it() -> None:
    every = worlds(1, audited=False).groupby("stratum").agg(n=("bad", "size"), k=("bad", "sum")).reset_index()
    assert violations(every, truth(8, audited=False) - 0.002) > 2 * DELTA


def test_thinned_rows_were_all_as_likely(spark: SparkSession) -> None:
    rows = [("c", "NA", f"p{i}", "bag", (0.1, 0.4)[i % 2]) for i in range(4000)]
    frame = spark.createDataFrame(
        rows, "cell string, marketplace string, product_id string, package_type string, probability double"
    )
    kept = thin(frame, 3, ["cell"]).toPandas()
    assert set(kept.least) == {0.1}
    assert (kept.probability == 0.1).sum() == 2000
    assert (kept.probability == 0.4).sum() == pytest.approx(500, abs=80)


def test_a_group_gives_one_point_at_most(framed: dict[bool, DataFrame]) -> None:
    points = draw_points(framed[True], seed=3, group_cap=4)
    assert points.groupBy("group_id").count().where("count > 1").count() == 0


def test_another_seed_draws_other_points_and_p4_partitions_do_not_matter(framed: dict[bool, DataFrame]) -> None:
    frame = framed[False].where("stratum = '7'")

    def drawn(df: DataFrame, seed: int) -> set[str]:
        return {row.product_id for row in draw_points(df, seed, group_cap=8).select("product_id").collect()}

    first = drawn(frame, 3)
    assert first
    assert first == drawn(frame.repartition(5, "bad"), 3)
    assert first != drawn(frame, 4)

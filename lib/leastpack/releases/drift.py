"""How far each package type's risks have moved since the release that readers use."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.stats import chi2

from leastpack.policy.levels import risk_grid
from leastpack.tables.by_pair import TYPES

FINE = 200  # bins that Spark counts; they are put together to GROUPS
GROUPS = 10
CONFIDENCE = 0.999
_COUNTED = "marketplace string, package_type string, place int, pairs bigint"

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """One package type's risks, then and now.

    Attributes:
        marketplace: Marketplace.
        package_type: Package type.
        index: Population stability index; infinite where no risk is left.
        by_chance: What the index may reach by chance alone, with so few pairs.
        n: Pairs with a risk then and now.
    """

    marketplace: str
    package_type: str
    index: float
    by_chance: float
    n: tuple[int, int]


def drifts(before: DataFrame, now: DataFrame) -> list[Drift]:
    """Compare the risks of all package types that both versions of `scores` have, the most moved first.

    A type that had risks and has only errors now has moved without bounds.
    """
    then, today = _counts(before), _counts(now)
    found = [_drift(key, then[key], today[key]) for key in then.keys() & today.keys() if then[key].any()]
    return sorted(found, key=lambda one: (-one.index, one.marketplace, one.package_type))


def stability_index(before: Counts, now: Counts) -> tuple[float, float]:
    """Population stability index over groups that held a tenth each before, and what it may reach by chance.

    The index is the sum of (a - b) ln(a / b) over the groups' shares. Without any change it is distributed like
    chi-squared with groups - 1 degrees of freedom times (1/n + 1/m) (Yurdakul 2018, Statistical Properties of
    Population Stability Index).

    Args:
        before: Counts by bin, in order of risk; not all 0.
        now: The same bins; not all 0.

    Returns:
        The index, and its 99.9 % quantile where nothing has changed.
    """
    reached = np.cumsum(before) - before / 2
    group = np.minimum((GROUPS * reached / before.sum()).astype(int), GROUPS - 1)
    names, group = np.unique(group, return_inverse=True)
    # Half a pair more in every group, so that an empty one has a logarithm.
    then, today = (np.bincount(group, weights=counts, minlength=len(names)) + 0.5 for counts in (before, now))
    a, b = then / then.sum(), today / today.sum()
    index = float(((b - a) * np.log(b / a)).sum())
    chance = chi2.ppf(CONFIDENCE, max(1, len(names) - 1)) * (1 / before.sum() + 1 / now.sum())
    return index, float(chance)


def _counts(scores: DataFrame) -> dict[tuple[str, str], Counts]:
    def counted(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield count_risks(batch)

    rows = scores.select("marketplace", TYPES, "risk").mapInArrow(counted, _COUNTED)  # type: ignore[arg-type]
    answer: dict[tuple[str, str], Counts] = {}
    for row in rows.groupBy("marketplace", "package_type", "place").agg(F.sum("pairs").alias("pairs")).collect():
        counts = answer.setdefault((row["marketplace"], row["package_type"]), np.zeros(FINE + 1))
        if row["place"] is not None:
            counts[row["place"]] = row["pairs"]
    return answer


def count_risks(scores: pa.RecordBatch) -> pa.RecordBatch:
    """Pairs of a batch of `scores` by marketplace, package type and place on the grid of risks; null without a risk.

    The place of a risk is the first level of the grid that it is at or under; above all of them, their number. Products
    whose lists are uneven are left out: the audit finds them.
    """
    even = pc.equal(pc.list_value_length(scores.column("risk")), pc.list_value_length(scores.column(TYPES)))
    scores = scores.filter(pc.fill_null(even, False))
    lengths = pc.fill_null(pc.list_value_length(scores.column(TYPES)), 0).to_numpy(zero_copy_only=False)
    risks = scores.column("risk").flatten()
    places = np.searchsorted(risk_grid(FINE), risks.to_numpy(zero_copy_only=False).astype(np.float64))
    pairs = pa.table(
        {
            "marketplace": scores.column("marketplace").take(pa.array(np.repeat(np.arange(len(scores)), lengths))),
            "package_type": scores.column(TYPES).flatten(),
            "place": pa.array(places, pa.int32(), mask=risks.is_null().to_numpy(zero_copy_only=False)),
        }
    )
    key = ["marketplace", "package_type", "place"]
    counted = pairs.group_by(key).aggregate([([], "count_all")]).select([*key, "count_all"])
    counts = counted.rename_columns([*key, "pairs"]).combine_chunks()
    return pa.RecordBatch.from_arrays([column.combine_chunks() for column in counts.columns], schema=counts.schema)


def _drift(key: tuple[str, str], before: Counts, now: Counts) -> Drift:
    index, chance = stability_index(before, now) if now.any() else (math.inf, 0.0)
    return Drift(*key, index, chance, (int(before.sum()), int(now.sum())))

"""Figures of the labels, for the runs row, the log and the report."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.log import log
from leastpack.outcomes.bounds import SAFE, UNSAFE
from leastpack.outcomes.groups import SPLITS
from leastpack.runs import Run

# From here on one group decides what a split looks like.
LARGE_GROUP = 0.05


def record_figures(run: Run, examples: DataFrame) -> None:
    """Record pairs by kind of package and label, prevalence, splits and groups; warn of what will not train well.

    Args:
        run: The run.
        examples: Rows of `training_examples`, with kind.
    """
    cells = examples.groupBy("kind", "label", "split").agg(
        F.count("*").alias("pairs"), F.sum("target").alias("unsafe"), F.count_if("eligible").alias("eligible")
    )
    table: pd.DataFrame = cells.toPandas()
    pairs = int(table["pairs"].sum())
    for (kind, label), rows in table.groupby(["kind", "label"]):
        run.figure(f"pairs.{kind}.{label}", rows["pairs"].sum())
    for kind, rows in table.groupby("kind"):
        run.figure(f"prevalence.{kind}", rows["unsafe"].sum() / rows["pairs"].sum())
    by_label = table.groupby("label")["pairs"].sum()
    by_split = table.groupby("split")["pairs"].sum()
    for split in SPLITS:
        run.figure(f"pairs.{split}", by_split.get(split, 0))
    labelled = by_label.get(SAFE, 0) + by_label.get(UNSAFE, 0)
    run.figure("pairs", pairs)
    run.figure("labelled_share", labelled / pairs)
    run.figure("eligible_share", table["eligible"].sum() / pairs)
    run.figure("prevalence", table["unsafe"].sum() / pairs)
    _record_shape(run, examples, pairs)
    if not (by_label.get(SAFE, 0) and by_label.get(UNSAFE, 0)):
        log.warning("labels of one class only", **{str(label): int(n) for label, n in by_label.items()})
    for split in SPLITS:
        if not by_split.get(split, 0):
            log.warning("a split has no pairs", split=split)


def _record_shape(run: Run, examples: DataFrame, pairs: int) -> None:
    counted = examples.where("n > 0").select(F.percentile_approx("n", 0.5), F.sum("n"), F.sum("k")).collect()[0]
    groups = examples.groupBy("group_id").count().select(F.count("*"), F.max("count")).collect()[0]
    if counted[0] is not None:
        run.figure("median_shipments", counted[0])
        run.figure("reported_damage_rate", counted[2] / counted[1])
    run.figure("groups", groups[0])
    run.figure("largest_group_share", groups[1] / pairs)
    if groups[1] > LARGE_GROUP * pairs:
        log.warning("one group holds many pairs", share=round(groups[1] / pairs, 3), pairs=groups[1])

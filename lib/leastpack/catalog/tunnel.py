"""Rows of tunnel exports: what the conveyor tunnel measured of the packed product."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.columns import bind
from leastpack.catalog.limits import plausible_density
from leastpack.catalog.measured import SIDES, read_measurement
from leastpack.catalog.quarantine import UNREADABLE, fault_column
from leastpack.catalog.sizes import ABSURD_SIDE, clean_sides, volume
from leastpack.catalog.times import event_time
from leastpack.catalog.versions import OLDER_VERSION, PRODUCT_KEY, USED, apart_if_faulty, with_status
from leastpack.catalog.weights import judge_weight, weight_candidates
from leastpack.config.sources import SourceConfig

NOTE = "TUNNEL_"
UNUSABLE_MEASUREMENT = "unusable_measurement"
TUNNEL_ABSURD_SIZE = "TUNNEL_ABSURD_SIZE"
TUNNEL_PARTIAL_SIZE = "TUNNEL_PARTIAL_SIZE"
TUNNEL_ABSURD_DENSITY = "TUNNEL_ABSURD_DENSITY"

MEASURES = (
    "tunnel_length_cm", "tunnel_width_cm", "tunnel_height_cm", "tunnel_weight_g", "tunnel_defect", "tunnel_notes",
    "measured_at",
)  # fmt: skip


def clean_tunnel(rows: DataFrame, source: SourceConfig, marketplaces: Collection[str]) -> DataFrame:
    """Clean the rows of one tunnel export.

    A size and a weight that give an absurd density are both nulled: nothing tells which of them is wrong.

    Returns:
        One row a row of the export: key, fault, raw (of faulty rows), row_hash, source, `complete`, and the columns of
        MEASURES.
    """
    texts = rows.withColumns({"read": read_measurement(source), "fault": fault_column("tunnel", marketplaces)})
    read = texts.withColumn("size", clean_sides(F.col("read.sides")))
    weight = weight_candidates(F.col("read.grams"), F.col("read.number"), source.lost_units)
    candidates = F.when(F.col("weight").isNotNull(), weight)

    def weigh(sides: Column) -> Column:
        judged = judge_weight(candidates, volume(sides), F.lit(None).cast("double"))
        return bind(judged, lambda weight: _agreeing(sides, weight))

    measured = apart_if_faulty(read).withColumn("measured", bind(F.col("size.sides"), weigh))
    sides = F.col("measured.sides")
    given = F.coalesce(*[F.col(side) for side in SIDES]).isNotNull()
    absurd = F.col("size.code") == ABSURD_SIDE
    dense = F.col("measured.absurd_density")
    partial = (F.size(sides) < 3) & ~dense
    notes = F.array(
        F.when(given & absurd, F.lit(TUNNEL_ABSURD_SIZE)).when(partial, F.lit(TUNNEL_PARTIAL_SIZE)),
        F.when(dense, F.lit(TUNNEL_ABSURD_DENSITY)),
        F.concat(F.lit(NOTE), F.col("measured.code")),
        F.when(F.array_contains("unreadable", "measured_at"), F.lit(f"{NOTE}{UNREADABLE}MEASURED_AT")),
    )
    return measured.select(
        *PRODUCT_KEY,
        "fault",
        "raw",
        "row_hash",
        "source",
        "measured_at",
        (F.size(sides) == 3).alias("complete"),
        *[F.get(sides, F.lit(place)).alias(f"tunnel_{side}_cm") for place, side in enumerate(SIDES)],
        F.col("measured.weight_g").alias("tunnel_weight_g"),
        F.col("defect").alias("tunnel_defect"),
        F.array_compact(notes).alias("tunnel_notes"),
    )


def rank_measurements(rows: DataFrame, stored: DataFrame) -> DataFrame:
    """Add `status` to cleaned tunnel rows that carry `known`.

    The newest measurement with three plausible sides speaks for its product, because vendors change their packing;
    only where there is none, the newest of the others. The one that the catalog holds stays where it is the better by
    this rule: then no row speaks. Rows without three plausible sides that do not speak for their product are set aside
    as `unusable_measurement`.

    Args:
        rows: `clean_tunnel`, with `known`.
        stored: Rows of the table `products`.
    """
    newest_first = [F.desc("complete"), F.desc_nulls_last("measured_at")]
    ranked = with_status(rows, PRODUCT_KEY, newest_first, F.col("known"))
    sides = F.array(*[F.col(f"tunnel_{side}_cm") for side in SIDES])
    held = stored.select(
        *PRODUCT_KEY,
        (F.size(F.array_compact(sides)) == 3).alias("held_complete"),
        event_time(F.col("measured_at")).alias("held_at"),
    )
    # Without a date a measurement counts as the oldest.
    undated = F.col("held_at").isNotNull() & F.col("measured_at").isNull()
    held_later = undated | F.coalesce(F.col("held_at") > F.col("measured_at"), F.lit(False))
    better = F.when(F.col("held_complete") == F.col("complete"), held_later).otherwise(F.col("held_complete"))
    kept = (F.col("status") == USED) & F.coalesce(better, F.lit(False))
    judged = ranked.join(held, on=list(PRODUCT_KEY), how="left").withColumn(
        "status", F.when(kept, F.lit(OLDER_VERSION)).otherwise(F.col("status"))
    )
    unusable = (F.col("status") == OLDER_VERSION) & ~F.col("complete")
    status = F.when(unusable, F.lit(UNUSABLE_MEASUREMENT)).otherwise(F.col("status"))
    return judged.withColumn("status", status).drop("held_complete", "held_at")


def _agreeing(sides: Column, weight: Column) -> Column:
    agree = plausible_density(weight["weight_g"], volume(sides))
    return F.struct(
        F.when(agree, sides).otherwise(F.array().cast("array<double>")).alias("sides"),
        F.when(agree, weight["weight_g"]).alias("weight_g"),
        (~agree).alias("absurd_density"),
        weight["code"].alias("code"),
    )

"""Declared weight under what is known of the size, and the size and weight that the rest of the road uses."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.columns import bind
from leastpack.catalog.limits import plausible_density, plausible_weight
from leastpack.catalog.measured import SIDES
from leastpack.catalog.sizes import volume
from leastpack.catalog.tunnel import NOTE, TUNNEL_ABSURD_DENSITY, TUNNEL_ABSURD_SIZE, TUNNEL_PARTIAL_SIZE
from leastpack.catalog.weights import WEIGHT_CODES, judge_weight

ABSURD_DENSITY = "ABSURD_DENSITY"


def with_declared(products: DataFrame) -> DataFrame:
    """Turn `listed_sides_cm` and `listed_weights` into the declared columns, noting what was nulled.

    A lost weight unit is judged by the tunnel's weight where there is one, else by the tunnel's volume, else by the
    declared volume. A declared size and weight that give an absurd density, in every unit the weight may have, are both
    nulled, since nothing tells which of them is wrong.

    Args:
        products: Cleaned products beside the tunnel columns (null without a measurement).
    """
    tunnel_volume = F.col("tunnel_length_cm") * F.col("tunnel_width_cm") * F.col("tunnel_height_cm")
    sides = F.col("listed_sides_cm")
    best_volume = F.coalesce(tunnel_volume, volume(sides))
    judged = judge_weight(F.col("listed_weights"), best_volume, F.col("tunnel_weight_g"))
    agree = _may_agree(F.col("listed_weights"), F.col("judged.weight_g"), volume(sides))
    density = F.when(~agree, F.lit(ABSURD_DENSITY)).otherwise(F.col("judged.code"))
    codes = F.array_compact(F.array(density))
    # What was said of the weight before is said anew, where what the listing said is still known.
    others = F.filter("notes", lambda note: ~note.isin(*WEIGHT_CODES, ABSURD_DENSITY))
    own = F.when(F.col("listed_weights").isNull(), F.col("notes")).otherwise(others)
    return (
        products.withColumn("judged", judged)
        .withColumns(
            {
                **{f"declared_{side}_cm": F.when(agree, F.get(sides, F.lit(i))) for i, side in enumerate(SIDES)},
                "declared_weight_g": F.when(agree, F.col("judged.weight_g")),
                "notes": F.concat(own, codes),
            }
        )
        .drop("judged")
    )


def with_chosen(products: DataFrame) -> DataFrame:
    """Add the chosen size and weight, and put the tunnel's notes among the notes.

    The tunnel measured what is really shipped, so a plausible complete measurement is taken; else the declared size;
    else what the tunnel saw of it. size_reason is `tunnel_measured`; `declared_only` or `declared_partial` where there
    is no measurement; `tunnel_absurd` or `tunnel_partial` where there is one that cannot be used whole; `none` where
    nothing is known. A size of two sides leaves the third null.

    Args:
        products: Rows with the declared and tunnel columns, notes and tunnel_notes.
    """
    tunnel = [F.col(f"tunnel_{side}_cm") for side in SIDES]
    declared = [F.col(f"declared_{side}_cm") for side in SIDES]
    trouble = _tunnel_trouble(F.col("tunnel_notes"))
    whole, partly = tunnel[2].isNotNull(), tunnel[1].isNotNull()
    declared_whole, declared_partly = declared[2].isNotNull(), declared[1].isNotNull()
    source = (
        F.when(whole, F.lit("tunnel"))
        .when(declared_whole, F.lit("declared"))
        .when(partly, F.lit("tunnel"))
        .when(declared_partly, F.lit("declared"))
        .otherwise(F.lit("none"))
    )
    reason = (
        F.when(whole, F.lit("tunnel_measured"))
        .when(trouble.isNotNull(), trouble)
        .when(declared_whole, F.lit("declared_only"))
        .when(declared_partly, F.lit("declared_partial"))
        .otherwise(F.lit("none"))
    )
    chosen = products.withColumns({"size_source": source, "size_reason": reason})
    from_tunnel = F.col("size_source") == "tunnel"
    notes = F.concat(F.col("notes"), F.coalesce("tunnel_notes", F.array().cast("array<string>")))
    return chosen.withColumns(
        {
            **{
                f"{side}_cm": F.when(from_tunnel, tunnel[place]).otherwise(declared[place])
                for place, side in enumerate(SIDES)
            },
            "weight_g": F.coalesce("tunnel_weight_g", "declared_weight_g"),
            "notes": F.array_sort(F.array_distinct(notes)),
        }
    )


def split_notes(notes: Column) -> tuple[Column, Column]:
    """A stored product's notes, as those of its listing and those of its measurement."""
    return (
        F.filter(notes, lambda note: ~note.startswith(NOTE)),
        F.filter(notes, lambda note: note.startswith(NOTE)),
    )


def _may_agree(candidates: Column, judged_g: Column, volume_cm3: Column) -> Column:
    """Whether the judged weight, or where no unit could be judged any possible one, can go with the volume."""
    grams = F.transform(candidates, lambda candidate: candidate["grams"])
    possible = F.filter(F.coalesce(grams, F.array().cast("array<double>")), plausible_weight)
    weights = F.when(judged_g.isNotNull(), F.array(judged_g)).otherwise(possible)
    return (F.size(weights) == 0) | F.exists(weights, lambda weight: plausible_density(weight, volume_cm3))


def _tunnel_trouble(notes: Column) -> Column:
    def name(codes: Column) -> Column:
        absurd = F.array_contains(codes, TUNNEL_ABSURD_SIZE) | F.array_contains(codes, TUNNEL_ABSURD_DENSITY)
        return F.when(absurd, F.lit("tunnel_absurd")).when(
            F.array_contains(codes, TUNNEL_PARTIAL_SIZE), F.lit("tunnel_partial")
        )

    return bind(F.coalesce(notes, F.array().cast("array<string>")), name)

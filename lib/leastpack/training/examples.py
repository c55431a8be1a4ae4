"""Which training examples a training uses, what is set aside and why, and whether the rest will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.errors import InputError
from leastpack.training.arms import POSITIVE_TARGET, Phase, keep_probability

KEY = ["marketplace", "product_id", "package_type"]
PRODUCT = KEY[:2]
HELD_OUT = ("validation", "calibrate", "test")
USED = ("train", *HELD_OUT)
NO_PRODUCT, NO_PACKAGE, NO_SPLIT = "no_product", "unknown_package_type", "no_split"


@dataclass(frozen=True)
class Tally:
    """Sums over some examples."""

    rows: int = 0
    target: float = 0.0
    weight: float = 0.0
    n: float = 0.0
    k: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.rows + other.rows,
            self.target + other.target,
            self.weight + other.weight,
            self.n + other.n,
            self.k + other.k,
        )

    def __mul__(self, share: float) -> Tally:
        return Tally(round(self.rows * share), self.target * share, self.weight * share, self.n * share, self.k * share)


@dataclass(frozen=True)
class Counts:
    """What there is to train on.

    Attributes:
        splits: Examples by split, of those that are used.
        products: Their products by split.
        positive: Train examples whose target is at least `POSITIVE_TARGET`.
        rest: The other train examples.
        set_aside: Examples by reason, of those that are not used.
    """

    splits: Mapping[str, int]
    products: Mapping[str, int]
    positive: Tally
    rest: Tally
    set_aside: Mapping[str, int]

    @property
    def used(self) -> int:
        """Examples used."""
        return sum(self.splits.values())

    @property
    def rows_in(self) -> int:
        """All examples."""
        return self.used + sum(self.set_aside.values())

    @property
    def keep_probability(self) -> float:
        """Probability with which a train example that is not positive stays in a sampled phase."""
        return keep_probability(self.positive.rows, self.rest.rows)

    def rows_of(self, phase: Phase) -> Tally:
        """Expected sums over the rows of a phase."""
        return self.positive + self.rest * (self.keep_probability if phase.sampled else 1.0)

    def base_rates(self, phase: Phase) -> tuple[float, float]:
        """Mean target and damaged share of shipments over a phase's rows, where the heads' intercepts start."""
        rows = self.rows_of(phase)
        return rows.target / max(rows.weight, 1e-9), rows.k / max(rows.n, 1.0)


def used_examples(examples: DataFrame, products: DataFrame, packages: Sequence[tuple[str, str]]) -> DataFrame:
    """The examples with `place`: their split, or why they are set aside.

    Args:
        examples: Rows of `training_examples`.
        products: Rows of `products` that are still sold.
        packages: Marketplace and name of every package type.

    Returns:
        The examples and `place`: train, validation, calibrate or test for those that are used; else certify (the
        certificates' own rows), or a reason.
    """
    sold = products.select(*PRODUCT, F.lit(True).alias("sold"))
    known = F.concat_ws("/", "marketplace", "package_type").isin([f"{market}/{name}" for market, name in packages])
    wanted = F.col("split").isin(*USED)
    unusable = F.when(wanted & F.col("sold").isNull(), F.lit(NO_PRODUCT)).when(wanted & ~known, F.lit(NO_PACKAGE))
    place = F.coalesce(unusable, F.col("split"), F.lit(NO_SPLIT))
    return examples.join(sold, on=PRODUCT, how="left").withColumn("place", place).drop("sold")


def count(examples: DataFrame) -> Counts:
    """Count the output of `used_examples`; a handful of rows comes back.

    Raises:
        InputError: An example's target, weight or counts are out of range.
    """
    sound = (
        F.col("target").between(0.0, 1.0) & (F.col("weight") >= 0) & F.col("k").between(0, F.col("n"))
    )  # null where a value is missing
    found = (
        examples.withColumn("positive", F.col("target") >= POSITIVE_TARGET)
        .groupBy("place", "positive")
        .agg(
            F.count("*").alias("rows"),
            F.sum(F.col("target") * F.col("weight")).alias("target"),
            F.sum("weight").alias("weight"),
            F.sum("n").alias("n"),
            F.sum("k").alias("k"),
            F.count(F.when(F.coalesce(sound, F.lit(False)), 1)).alias("sound"),
        )
        .collect()
    )
    wrong = sum(row["rows"] - row["sound"] for row in found)
    if wrong:
        raise InputError(
            f"{wrong} rows of table training_examples cannot be trained on",
            expected="a target in [0, 1], a weight of at least 0, and 0 <= k <= n",
            todo="run again: leastpack outcomes",
        )
    rows: dict[str, int] = {}
    train = {True: Tally(), False: Tally()}
    for row in found:
        rows[row["place"]] = rows.get(row["place"], 0) + row["rows"]
        if row["place"] == "train":
            train[row["positive"]] += Tally(*(row[name] for name in ("rows", "target", "weight", "n", "k")))
    distinct = examples.where(F.col("place").isin(*USED)).groupBy("place").agg(F.count_distinct(*PRODUCT).alias("n"))
    products = {row["place"]: row["n"] for row in distinct.collect()}
    return Counts(
        splits={split: rows.get(split, 0) for split in USED},
        products={split: products.get(split, 0) for split in USED},
        positive=train[True],
        rest=train[False],
        set_aside={place: n for place, n in rows.items() if place not in USED},
    )


def require_learnable(counts: Counts) -> None:
    """Check that a model can be learnt and calibrated from the examples.

    One class only is an error: a risk learnt from safe pairs alone would call everything safe, and certificates would
    be asked to believe it.

    Raises:
        InputError: There are no examples, none to train or to calibrate on, or train examples of one class only.
    """
    if not counts.rows_in:
        raise InputError(
            "table training_examples is empty", todo="check the outcome sources and run: leastpack outcomes"
        )
    for split in ("train", "calibrate"):
        if not counts.splits[split]:
            raise InputError(
                f"table training_examples has no usable row in split {split}",
                expected="examples of products that are still sold, in package types that exist",
                found=f"{counts.rows_in} rows; used {dict(counts.splits)}, set aside {dict(counts.set_aside)}",
                todo="more products with outcomes are needed, or other shares in outcomes.split",
            )
    if not (counts.positive.weight > 0 and counts.rest.weight > 0):
        only = "unsafe" if counts.positive.rows else "safe"
        raise InputError(
            f"every train example is {only}: what sets safe and unsafe pairs apart cannot be learnt",
            expected=f"train examples of weight above 0 with a target of {POSITIVE_TARGET:g} or more, and others below",
            found=f"{counts.positive.rows} unsafe and {counts.rest.rows} other rows",
            todo="add outcomes or human tests of the missing class, or check outcomes.tau",
        )

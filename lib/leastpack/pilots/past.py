"""Past shipments that were assigned at random, as they stand in `pair_outcomes`: a pilot that somebody else ran.

Of each product the first of all its random shipments counts, by hash, in whatever package. Policies that are tested on
these must not know them: all that a choice follows from is counted without.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.certificates.held_out import held_out
from leastpack.certificates.terms import RANDOM, Terms
from leastpack.config.outcomes import OutcomesConfig
from leastpack.errors import InputError
from leastpack.outcomes.pairs import shipment_tests
from leastpack.policy.assigned import ROUNDING
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR, PRODUCT

MONTH = [*PAIR, "period"]


def require_draws(pair_outcomes: DataFrame) -> None:
    """Refuse a table whose random shipments have no propensity each.

    Raises:
        InputError: The table was written before it had them.
    """
    lacking = {"n_random_single", "random_draw_propensity"} - set(pair_outcomes.columns)
    if lacking:
        raise InputError(
            "pair_outcomes does not tell the propensity of single shipments",
            expected=f"columns {', '.join(sorted(lacking))}",
            found="a table of an earlier leastpack",
            todo="run leastpack outcomes once, then this step again",
        )


def first_draws(pair_outcomes: DataFrame) -> DataFrame:
    """The first random shipment of one item of every product, by hash, whatever it went out in.

    None is left out before, be it rare or in a package that no policy chooses: only of the first of all is the package
    drawn with the propensity that is told.

    Returns:
        MONTH, propensity, damaged, and what the shipment adds to k and k_upper.
    """
    names = {name: f"random_draw_{name}" for name in ("propensity", "damaged", "k", "k_upper")}
    first = F.struct("random_draw_hash", "package_type", "period", *[F.col(own).alias(n) for n, own in names.items()])
    drawn = pair_outcomes.where("random_draw_hash IS NOT NULL").groupBy(*PRODUCT).agg(F.min(first).alias("first"))
    return drawn.select(*PRODUCT, *[F.col(f"first.{name}").alias(name) for name in ("package_type", "period", *names)])


def fresh_products(tables: Tables, examples: DataFrame, pair_outcomes: DataFrame, terms: Terms) -> DataFrame:
    """Products of split certify that the model has not seen and somebody chose a package for, of families never read.

    Args:
        tables: For what the model was trained on, and rounds that were read.
        examples: training_examples.
        pair_outcomes: The table.
        terms: The policy.

    Returns:
        The key.
    """
    unseen = held_out(tables, examples, terms.model_version, "certify").select(*PRODUCT, "group_id").distinct()
    used = examples.join(_read_before(tables), on=PRODUCT, how="left_semi").select("group_id").distinct()
    chosen = F.sum(F.col("n") - F.coalesce("n_random", F.lit(0)))
    shipped = pair_outcomes.groupBy(*PRODUCT).agg(chosen.alias("chosen")).where("chosen > 0")
    fresh = unseen.join(used, on="group_id", how="left_anti")
    return fresh.join(shipped, on=PRODUCT, how="left_semi").select(*PRODUCT).distinct()


def drawn_pairs(pair_outcomes: DataFrame, least: float) -> DataFrame:
    """The pairs that a random shipment of one item was drawn for, and none with a smaller probability than `least`.

    Args:
        pair_outcomes: `without_draws`: that a pair was drawn for the very shipment that counts must not list it.
        least: The smallest probability of draws that count.

    Returns:
        The key.
    """
    sums = [F.sum("n_random_single").alias("n"), F.min("least_propensity").alias("rarest")]
    totals = pair_outcomes.groupBy(*PAIR).agg(*sums)
    return totals.where((F.col("n") > 0) & (F.col("rarest") >= least - ROUNDING)).select(*PAIR)


def without_draws(inputs: Mapping[str, DataFrame], draws: DataFrame, rules: OutcomesConfig) -> dict[str, DataFrame]:
    """The inputs of a policy as if some shipments had never been.

    People who saw one break may have tested the pair or banned it since. What they found and ruled would take moves off
    the list because of the very shipments that test it; it acts on what moves, after the certificate.

    Args:
        inputs: With pair_outcomes, pair_tests and packaging_rules.
        draws: `first_draws` of the products that the policy will be tested on.
        rules: The rules of outcomes.

    Returns:
        The same inputs, with other counts of these products and what follows from them.
    """
    taken = draws.select(*MONTH, F.lit(1).alias("_n"), F.col("k").alias("_k"), F.col("k_upper").alias("_k_upper"))
    joined = inputs["pair_outcomes"].join(taken, on=MONTH, how="left")
    counts = {
        **{name: _less(name, f"_{name}") for name in ("n", "k", "k_upper")},
        **{name: _less(name, "_n") for name in ("n_random", "n_random_single")},
        "k_random": _less("k_random", "_k"),
    }
    left = joined.withColumns(counts).select(*inputs["pair_outcomes"].columns).where("n > 0")
    known = inputs["pair_tests"]
    own = draws.select(*PRODUCT)
    again = shipment_tests(left.join(own, on=PRODUCT, how="left_semi"), rules).select(*known.columns)
    others = known.join(own, on=PRODUCT, how="left_anti")
    ruled = _rules_before(inputs["packaging_rules"], draws)
    return {**inputs, "pair_outcomes": left, "pair_tests": others.unionByName(again), "packaging_rules": ruled}


def _rules_before(rules: DataFrame, draws: DataFrame) -> DataFrame:
    """The rules that follow from no single shipment: of vendors and hazard classes, or begun before its month."""
    month = draws.select(*PRODUCT, F.to_date("period", "yyyy-MM").alias("month"))
    begun = rules.join(month, on=PRODUCT, how="inner").where("valid_from < month").select(*rules.columns)
    return rules.where("product_id IS NULL").unionByName(begun)


def _less(name: str, taken: str) -> Column:
    return F.coalesce(name, F.lit(0)) - F.coalesce(taken, F.lit(0))


def _read_before(tables: Tables) -> DataFrame:
    """Products on the lists of rounds of past shipments that were read, of whatever policy."""
    nothing = tables.spark.createDataFrame([], "marketplace string, product_id string")
    if not (tables.exists("policy_rounds") and tables.exists("certificate_attempts")):
        return nothing
    rounds = tables.read("policy_rounds").where(F.col("labels") == RANDOM)
    read = tables.read("certificate_attempts").join(rounds, on="round_id", how="left_semi").select("round_id")
    ids = sorted({row.round_id for row in read.collect()})
    return tables.read("round_choices").where(F.col("round_id").isin(*ids)).select(*PRODUCT) if ids else nothing

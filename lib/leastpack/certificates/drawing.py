"""What a round is planned on: products of the catalog as the policy sees them, none of their labels among it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.certificates.counts import CellCounts, count_moves
from leastpack.certificates.marks import disproved_pairs, exclusions, product_marks, without_panels
from leastpack.certificates.products import product_facts, product_rows
from leastpack.certificates.rounds import Panel
from leastpack.certificates.ruled import banned_pairs, in_force, ruled_products
from leastpack.certificates.terms import Terms
from leastpack.panel import panel_hash, withheld_tests
from leastpack.runs import Run
from leastpack.tables import Tables
from leastpack.tables.keep import keep


@dataclass(frozen=True)
class Looked:
    """The catalog before a draw.

    Attributes:
        rows: `products.product_rows` of the sample and of what may be drawn, with their place by hash as `panel`, kept.
        catalog: Those of all products that may be drawn or listed, not kept.
        sampled: Share of the catalog in the sample: products with a place below it.
        counts: Moves of the sample by cell.
        excluded: `marks.exclusions` of today, kept.
    """

    rows: DataFrame
    catalog: DataFrame
    sampled: float
    counts: Mapping[str, CellCounts]
    excluded: DataFrame


def look(
    tables: Tables,
    run: Run,
    inputs: Mapping[str, DataFrame],
    terms: Terms,
    panel: Panel,
    products: int,
    kept: ExitStack,
) -> Looked:
    """Read what a round is planned on.

    Args:
        tables: For rounds and trials.
        run: The run; the products looked at are entered in its account.
        inputs: products, packaging_rules, pair_scores, pair_outcomes and pair_tests.
        terms: The policy.
        panel: Where products are drawn from.
        products: Products that have scores.
        kept: Keeps what is returned.
    """
    settings, day, threshold = terms.config.certify, terms.config.decisions.day, terms.config.outcomes.threshold
    told = without_panels(inputs["pair_tests"], withheld_tests(tables, day, settings.panel_days))
    ruled = keep(
        kept, ruled_products(inputs["products"], in_force(inputs["packaging_rules"], day), terms.types, terms.in_use)
    )
    excluded = keep(kept, exclusions(disproved_pairs(told, threshold), banned_pairs(ruled)))
    marks = product_marks(told, told, banned_pairs(ruled), [excluded], threshold)
    facts = product_facts(tables, inputs, ruled, marks, terms.config.currency_units)
    sampled = min(1.0, settings.sample_products / products)
    place = panel_hash(panel.seed, panel.purpose)
    wanted = (place < sampled) | ((place >= panel.start) & (place < panel.start + terms.drawing.draw_share))
    whole = product_rows(inputs["pair_scores"].where(wanted), facts, terms.types, kept)
    rows = keep(kept, whole.withColumn("panel", place))
    looked_at = rows.count()
    aside = {"not_in_the_sample": products - looked_at}
    run.account("products scored", rows_in=products, used=looked_at, set_aside=aside)
    counts = count_moves(rows.where(F.col("panel") < sampled), terms)
    if not terms.of_list:
        return Looked(rows, rows, sampled, counts, excluded)
    every = product_rows(inputs["pair_scores"], facts, terms.types, kept).withColumn("panel", place)
    return Looked(rows, every, sampled, counts, excluded)

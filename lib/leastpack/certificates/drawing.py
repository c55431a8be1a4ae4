"""Plans a round on products of the catalog as the policy sees them, none of their labels among it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.certificates.correction import Correction
from leastpack.certificates.counts import CellCounts, count_moves
from leastpack.certificates.marks import disproved_pairs, exclusions, product_marks, without_panels
from leastpack.certificates.planning import OF_AUDIT, CellPlan, Reach, plan_round
from leastpack.certificates.products import product_facts, product_rows
from leastpack.certificates.records import delta_left, spent_out, write_certificates
from leastpack.certificates.rounds import Panel
from leastpack.certificates.ruled import banned_pairs, in_force, ruled_products
from leastpack.certificates.terms import Terms
from leastpack.certificates.told import not_drawn
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
        inputs: products, packaging_rules, scores, pair_outcomes and pair_tests.
        terms: The policy.
        panel: Where products are drawn from.
        products: Products that have scores.
        kept: Keeps what is returned.
    """
    settings = terms.config.certify
    excluded = keep(kept, exclusions_today(tables, inputs, terms, kept))
    sampled = min(1.0, settings.sample_products / products)
    place = panel_hash(panel.seed, panel.purpose)
    wanted = place < sampled
    if not terms.of_list:
        wanted |= (place >= panel.start) & (place < panel.start + terms.draw_share)
    rows = keep(kept, placed_products(tables, inputs, terms, panel, excluded, kept, wanted))
    looked_at = rows.count()
    aside = {"not_in_the_sample": products - looked_at}
    run.account("products scored", rows_in=products, used=looked_at, set_aside=aside)
    counts = count_moves(rows.where(F.col("panel") < sampled), terms)
    catalog = placed_products(tables, inputs, terms, panel, excluded, kept) if terms.of_list else rows
    return Looked(rows, catalog, sampled, counts, excluded)


@dataclass(frozen=True)
class Planned:
    """A round before it is drawn.

    Attributes:
        plans: Of all cells.
        hopeless: Cells that a round can do nothing for, and why.
        delta: What its attempt may spend; 0 where nothing is left.
    """

    plans: Mapping[str, CellPlan]
    hopeless: Mapping[str, str]
    delta: float

    @property
    def worth_drawing(self) -> bool:
        """Whether any cell gets a round."""
        return len(self.hopeless) < len(self.plans)


def plan(
    tables: Tables,
    run: Run,
    looked: Looked,
    correction: Correction,
    terms: Terms,
    reach: Reach = OF_AUDIT,
    why_none: str | None = None,
    delta: float | None = None,
) -> Planned:
    """Plan a policy's round, and write why cells have none.

    Args:
        tables: For attempts and certificates.
        run: The run.
        looked: The catalog.
        correction: What labels say of the predictions.
        terms: The policy.
        reach: What drawn products ship, in a pilot.
        why_none: Why no round can be drawn, whatever is planned; the plan then tells what one would do.
        delta: What the attempt may spend; None takes `records.delta_left`.
    """
    settings = terms.config.certify
    delta = delta_left(tables, terms) if delta is None else delta
    # Without delta to spend the plan tells what a whole part of it would do.
    planned_at = delta or settings.delta / settings.issues_a_year
    plans = plan_round(looked.counts, looked.sampled, correction, terms, planned_at, reach)
    no_cell = why_none or (None if delta else spent_out(terms))
    hopeless = {cell: why for cell, one in plans.items() if (why := no_cell or one.why_none) is not None}
    write_certificates(tables, run, [not_drawn(terms, cell, plans[cell], why) for cell, why in hopeless.items()])
    return Planned(plans, hopeless, delta)


def placed_products(
    tables: Tables,
    inputs: Mapping[str, DataFrame],
    terms: Terms,
    panel: Panel,
    excluded: DataFrame,
    kept: ExitStack,
    wanted: Column | None = None,
) -> DataFrame:
    """Products as the policy sees them, with their place by hash as `panel`.

    Args:
        tables: For rounds and trials.
        inputs: products, packaging_rules, scores, pair_outcomes and pair_tests.
        terms: The policy.
        panel: Which hash.
        excluded: `marks.exclusions` of the policy.
        kept: Keeps what is read more than once.
        wanted: Which products, by key; None takes all.
    """
    told, ruled = _told(tables, inputs, terms), _ruled(inputs, terms)
    marks = product_marks(told, told, banned_pairs(ruled), [excluded], terms.config.outcomes.threshold)
    facts = product_facts(tables, inputs, ruled, marks, terms.types, terms.config.currency_units)
    scores = inputs["scores"] if wanted is None else inputs["scores"].where(wanted)
    return product_rows(scores, facts).withColumn("panel", panel_hash(panel.seed, panel.purpose))


def exclusions_today(tables: Tables, inputs: Mapping[str, DataFrame], terms: Terms, kept: ExitStack) -> DataFrame:
    """What the policy never chooses, as known today."""
    told, ruled = _told(tables, inputs, terms), keep(kept, _ruled(inputs, terms))
    return exclusions(disproved_pairs(told, terms.config.outcomes.threshold), banned_pairs(ruled))


def _told(tables: Tables, inputs: Mapping[str, DataFrame], terms: Terms) -> DataFrame:
    withheld = withheld_tests(tables, terms.config.decisions.day, terms.config.certify.panel_days)
    return without_panels(inputs["pair_tests"], withheld)


def _ruled(inputs: Mapping[str, DataFrame], terms: Terms) -> DataFrame:
    rules = in_force(inputs["packaging_rules"], terms.config.decisions.day)
    return ruled_products(inputs["products"], rules, terms.types, terms.in_use)

"""Draws more products into a round that nobody has seen results of."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from contextlib import ExitStack

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.certificates.choices import Draw, choices_of, count_drawn, of_cell
from leastpack.certificates.drawing import placed_products
from leastpack.certificates.rounds import (
    Panel,
    Round,
    count_tests,
    end_of_panel,
    list_purpose,
    results_missing,
    round_of,
)
from leastpack.certificates.terms import Terms
from leastpack.log import log
from leastpack.panel import panel_hash
from leastpack.tables import Tables
from leastpack.tables.keys import PRODUCT
from leastpack.tables.schemas import POLICY_ROUNDS


def grown(tables: Tables, inputs: Mapping[str, DataFrame], terms: Terms, round_: Round, kept: ExitStack) -> Round:
    """The round, with more products where `certify.draw_products` asks for more than were drawn.

    Draws are nested: the products drawn first stay, and each product still has one probability. Levels, choices and
    exclusions stay as they were planned, and time for tests begins anew. Once a result of a drawn pair is known, from
    whatever test, more products are another attempt: whoever asks for them may have seen it.

    Args:
        tables: Where the round is.
        inputs: products, packaging_rules, scores, pair_outcomes and pair_tests.
        terms: The policy.
        round_: Its round, not read yet.
        kept: Keeps what is read more than once.
    """
    asked_ends = {row.cell: _end(row.hash_from, row.products, terms) for row in round_.cells}
    if all(asked_ends[row.cell] <= row.hash_to for row in round_.cells):
        return round_
    first = round_.cells[0]
    panel = Panel(first.seed, first.hash_from, list_purpose(terms) if terms.of_list else "panel")
    end = 1.0 if terms.of_list else end_of_panel(tables, panel)
    ends = {row.cell: max(row.hash_to, min(end, asked_ends[row.cell])) for row in round_.cells}
    if all(ends[row.cell] == row.hash_to for row in round_.cells) or terms.config.decisions.day >= round_.test_until:
        return round_
    asked = sum(row.tests for row in round_.cells)
    if results_missing(tables, round_.round_id, inputs["pair_tests"]) < asked:
        log.warning(
            "no more products are drawn: results of pairs of the round are known",
            round_id=round_.round_id,
            todo="wait until it is read; certify.draw + 1 is another attempt, on products not drawn before",
        )
        return round_
    draw = Draw(
        levels={row.cell: list(row.levels) for row in round_.cells},
        start=panel.start,
        ends=ends,
        listed=terms.of_list,
    )
    place = panel_hash(panel.seed, panel.purpose)
    wanted = None if draw.listed else (place >= panel.start) & (place < max(draw.ends.values()))
    scope = F.col("round_id") == round_.round_id
    excluded = tables.read("round_exclusions").where(scope)
    products = placed_products(tables, inputs, terms, panel, excluded, kept, wanted)
    # What was chosen for products that are there stays, also where they ship otherwise since.
    before = tables.read("round_choices").where(scope)
    inside = (place >= panel.start) & (place < of_cell(draw.ends))
    kept_rows = before.withColumn("drawn", F.coalesce("drawn", F.lit(True)) | inside)
    new = choices_of(products, terms, draw).where(place >= of_cell({row.cell: row.hash_to for row in round_.cells}))
    # A list is what moved on the day of its draw.
    added = new.withColumn("round_id", F.lit(round_.round_id))
    # A run that was stopped has added some of them, and a product that got a photo may be there from another cell.
    added = added.join(before.select(*PRODUCT), on=PRODUCT, how="left_anti")
    tables.merge("round_choices", kept_rows if draw.listed else kept_rows.unionByName(added))
    _tell(tables, terms, round_, draw, count_drawn(products, terms, draw), inputs["pair_tests"])
    return round_of(tables, terms.digest) or round_


def _end(start: float, products: int, terms: Terms) -> float:
    """Up to which hash the config asks for products of a cell; the start where it leaves their number to leastpack."""
    asked = terms.products_asked(products)
    return start if asked is None or not products else start + asked / products


def _tell(
    tables: Tables, terms: Terms, round_: Round, draw: Draw, drawn: Mapping[str, int], pair_tests: DataFrame
) -> None:
    """Write the round's new size."""
    tests = count_tests(tables, round_.round_id, pair_tests)
    rows = []
    for row in round_.cells:
        values = row.asDict()
        share = (draw.ends[row.cell] - row.hash_from) / (row.hash_to - row.hash_from)
        asked, missing = tests.get(row.cell, (0, 0))
        values |= {
            "hash_to": draw.ends[row.cell],
            "drawn": drawn.get(row.cell, 0),
            "tests": asked,
            "to_test": missing,
            "test_until": terms.config.decisions.day + datetime.timedelta(days=terms.config.certify.test_days),
            "planned_moves": [points * share for points in row.planned_moves],
        }
        log.info("more products drawn", cell=row.cell, products=values["drawn"], before=row.drawn, tests=asked)
        rows.append(tuple(values[name] for name in POLICY_ROUNDS.names))
    tables.merge("policy_rounds", tables.spark.createDataFrame(rows, POLICY_ROUNDS.schema))

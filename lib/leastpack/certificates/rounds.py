"""Rounds of tests: drawn once for a policy, kept as they were drawn, and read once their results are in."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from leastpack.certificates.choices import Draw, choices_of, count_drawn
from leastpack.certificates.in_force import FAILED
from leastpack.certificates.planning import CellPlan
from leastpack.certificates.terms import AUDIT, PILOT, RANDOM, Terms, hash_of
from leastpack.panel import audits, panel_rounds
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR, PRODUCT
from leastpack.tables.schemas import POLICY_ROUNDS


@dataclass(frozen=True)
class Panel:
    """A range of product hashes from which rounds draw.

    Attributes:
        seed: Of the hash.
        start: Where the range starts.
        purpose: Which hash.
    """

    seed: int
    start: float
    purpose: str = "panel"


@dataclass(frozen=True)
class Round:
    """A round of one policy.

    Attributes:
        round_id: Its identifier.
        cells: Rows of `policy_rounds`, one a cell, in order of name.
    """

    round_id: str
    cells: tuple[Row, ...]

    @property
    def delta(self) -> float:
        """What its attempt may spend."""
        return float(self.cells[0].delta)

    @property
    def test_until(self) -> datetime.date:
        """From this day on, missing results count as UNSAFE."""
        until: datetime.date = self.cells[0].test_until
        return until


def round_of(tables: Tables, policy_digest: str) -> Round | None:
    """The round that was drawn for a policy; None where none was."""
    if not tables.exists("policy_rounds"):
        return None
    rows = tables.read("policy_rounds").where(F.col("policy_digest") == policy_digest).orderBy("cell").collect()
    return Round(rows[0].round_id, tuple(rows)) if rows else None


def choose_panel(tables: Tables, terms: Terms, pair_tests: DataFrame) -> Panel | None:
    """The panel that a new round draws from; None where all products have been drawn.

    A list is drawn from all products, by a hash of its own. A panel is the newest one, so that a new model needs tests
    only where it chooses anew. Products not drawn before are taken once that panel has ended, and where a person has
    seen results of it and set something else since: a failure, or results of a round that is not read yet. No product
    is drawn for a second panel of one seed.

    Args:
        tables: For the rounds and certificates.
        terms: The policy.
        pair_tests: The table.
    """
    settings = terms.config.certify
    if terms.of_list:
        return Panel(settings.seed, 0.0, list_purpose(terms))
    if not tables.exists("policy_rounds"):
        return Panel(settings.seed, 0.0)
    rounds = panel_rounds(tables.read("policy_rounds")).where(F.col("seed") == settings.seed).collect()
    if not rounds:
        return Panel(settings.seed, 0.0)
    newest = max(row.hash_from for row in rounds)
    inside = [row for row in rounds if row.hash_from == newest]
    began = min(row.drawn_on for row in inside)
    ended = began <= terms.config.decisions.day - datetime.timedelta(days=settings.panel_days)
    others = [row for row in inside if row.settings_digest != terms.settings_digest]
    if not ended and not any(_was_seen(tables, row, pair_tests) for row in others):
        return Panel(settings.seed, newest)
    end = max(row.hash_to for row in rounds)
    return Panel(settings.seed, end) if end + settings.draw_share <= 1 else None


def draw_round(
    tables: Tables,
    terms: Terms,
    panel: Panel,
    plans: Mapping[str, CellPlan],
    products: DataFrame,
    excluded: DataFrame,
    pair_tests: DataFrame,
    delta: float,
) -> Round:
    """Draw a round: write what it excludes and chooses, then the round itself.

    A run that is stopped between leaves choices of a round that nobody sees, and draws the same ones again.

    Args:
        tables: Where it is written.
        terms: The policy.
        panel: Where products are drawn from.
        plans: Of all cells; those without levels are left out.
        products: `products.product_rows` of all products of the panel's range, and more, with `panel_hash` as `panel`;
            for a list, of all products.
        excluded: `marks.exclusions`.
        pair_tests: The table: tests that are known need not be made.
        delta: What the attempt may spend.
    """
    planned = {cell: one for cell, one in plans.items() if len(one.plan.places)}
    draw = Draw(
        levels={cell: [float(terms.grid[place]) for place in one.plan.places] for cell, one in planned.items()},
        start=panel.start,
        ends={cell: panel.start + one.draw / one.products for cell, one in planned.items()},
        listed=terms.of_list or terms.labels == RANDOM,
    )
    round_id = hash_of(terms.digest, str(panel.seed), repr(panel.start))
    scope = f"round_id = '{round_id}'"
    contents = {
        "round_exclusions": excluded,
        "round_choices": choices_of(products, terms, draw),
    }
    for name, content in contents.items():
        tables.merge(name, content.withColumn("round_id", F.lit(round_id)), delete_missing=True, scope=scope)
    tests = {} if terms.labels == RANDOM else count_tests(tables, round_id, pair_tests)
    drawn = count_drawn(products, terms, draw)
    listed = _listed(tables, round_id, draw) if draw.listed else {}
    day = terms.config.decisions.day
    days = {AUDIT: terms.config.certify.test_days, PILOT: terms.config.pilot.days + 1, RANDOM: 0}[terms.labels]
    population = terms.config.certify.population if terms.labels == AUDIT else None
    rows = [
        (
            round_id, cell, terms.model_version, terms.digest, terms.choice_digest, terms.settings_digest,
            terms.policy, terms.labels, one.method, population, terms.alpha, delta, draw.levels[cell],
            one.plan.points.tolist(), one.plan.chance.tolist(), one.moving.tolist(), one.products, listed.get(cell),
            panel.seed, panel.start, draw.ends[cell],
            drawn.get(cell, 0), *tests.get(cell, (0, 0)), [price.moving for price in one.prices],
            [price.tests for price in one.prices], day,
            day + datetime.timedelta(days=days),
        )
        for cell, one in planned.items()
    ]  # fmt: skip
    # One that was drawn before and never read may have had other cells.
    made = tables.spark.createDataFrame(rows, POLICY_ROUNDS.schema)
    tables.merge("policy_rounds", made, delete_missing=True, scope=scope)
    written = tables.read("policy_rounds").where(scope).orderBy("cell").collect()
    return Round(round_id, tuple(written))


def end_of_panel(tables: Tables, panel: Panel) -> float:
    """Where the next panel of the same seed starts; 1 where there is none."""
    rounds = panel_rounds(tables.read("policy_rounds")).where(F.col("seed") == panel.seed)
    later = rounds.where(F.col("hash_from") > panel.start).agg(F.min("hash_from")).collect()[0][0]
    return 1.0 if later is None else float(later)


def list_purpose(terms: Terms) -> str:
    """The hash by which products of the list of a policy are drawn."""
    return f"list {terms.digest}"


def count_tests(tables: Tables, round_id: str, pair_tests: DataFrame) -> dict[str, tuple[int, int]]:
    """By cell, the pairs that a round asks for, and those of them that nobody has tested."""
    known = tested_pairs(pair_tests).select(*PAIR, F.lit(1).alias("known"))
    asked = asked_pairs(tables, round_id).join(known, on=PAIR, how="left").groupBy("cell")
    counts = asked.agg(F.count("*").alias("tests"), F.count_if(F.col("known").isNull()).alias("to_test")).collect()
    return {row.cell: (row.tests, row.to_test) for row in counts}


def drawn_choices(tables: Tables, *round_ids: str) -> DataFrame:
    """What the policies of some rounds choose for the products that they drew."""
    return tables.read("round_choices").where(F.col("round_id").isin(*round_ids) & F.coalesce("drawn", F.lit(True)))


def asked_pairs(tables: Tables, *round_ids: str) -> DataFrame:
    """The pairs that some rounds ask to test: key and cell, once a round."""
    choices = drawn_choices(tables, *round_ids)
    named = choices.select(*PRODUCT, "cell", F.explode(F.array_distinct("choices")).alias("package_type"))
    return named.where("package_type IS NOT NULL").select(*PAIR, "cell")


def results_missing(tables: Tables, round_id: str, pair_tests: DataFrame) -> int:
    """How many pairs a round still waits for; no result is looked at."""
    tested = tested_pairs(pair_tests).select(*PAIR)
    return asked_pairs(tables, round_id).join(tested, on=PAIR, how="left_anti").count()


def is_any_open(tables: Tables, day: datetime.date) -> bool:
    """Whether any round still waits for results on a day."""
    if not tables.exists("policy_rounds"):
        return False
    read = {row.round_id for row in _attempts(tables)}
    waiting = audits(tables.read("policy_rounds")).where(F.col("test_until") > F.lit(day))
    rounds = waiting.select("round_id").distinct().collect()
    return any(row.round_id not in read for row in rounds)


def read_pairs(tables: Tables) -> DataFrame:
    """The pairs that rounds of tests asked for whose results have been read."""
    read = {row.round_id for row in _attempts(tables)}
    rounds = {row.round_id for row in audits(tables.read("policy_rounds")).select("round_id").collect()}
    return asked_pairs(tables, *sorted(rounds & read))


def tested_pairs(pair_tests: DataFrame) -> DataFrame:
    """Pairs with human tests: key, and `unsafe` where any of them says so."""
    return pair_tests.where("source = 'human_test' AND n > 0").select(*PAIR, (F.col("k") > 0).alias("unsafe"))


def attempt_of(tables: Tables, round_id: str) -> Row | None:
    """The attempt that read a round's results; None where none did."""
    return next((row for row in _attempts(tables) if row.round_id == round_id), None)


def _was_seen(tables: Tables, round_: Row, pair_tests: DataFrame) -> bool:
    """Whether a round of some cell failed, or has results and is not read yet."""
    if attempt_of(tables, round_.round_id) is None:
        return results_missing(tables, round_.round_id, pair_tests) < _to_test(tables, round_.round_id)
    told = tables.read("certificates").where((F.col("round_id") == round_.round_id) & (F.col("status") == FAILED))
    return not told.isEmpty()


def _to_test(tables: Tables, round_id: str) -> int:
    rows = tables.read("policy_rounds").where(F.col("round_id") == round_id).collect()
    return sum(row.to_test for row in rows)


def _attempts(tables: Tables) -> Sequence[Row]:
    return tables.read("certificate_attempts").collect() if tables.exists("certificate_attempts") else []


def _listed(tables: Tables, round_id: str, draw: Draw) -> dict[str, list[int]]:
    """Products that move at each level, by cell."""
    most = max(len(levels) for levels in draw.levels.values())
    choices = tables.read("round_choices").where(F.col("round_id") == round_id)
    counts = [F.count(F.try_element_at("choices", F.lit(place + 1))).alias(str(place)) for place in range(most)]
    return {
        row.cell: [row[str(place)] for place in range(len(draw.levels[row.cell]))]
        for row in choices.groupBy("cell").agg(*counts).collect()
    }

"""A few lines of real figures, printed at the end of a run."""

from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.config.root import Config
from leastpack.locations import absolute
from leastpack.releases.release import current_release, read_release, released_products
from leastpack.reporting.moves import Totals, by_marketplace, totals
from leastpack.tables import Tables
from leastpack.tables.by_pair import TYPES, pairs
from leastpack.tables.keys import PRODUCT


def summary_lines(spark: SparkSession, config: Config) -> list[str]:
    """What the current release holds, from products to weight saved, and where the report is."""
    tables = Tables(spark, config.tables)
    release = current_release(tables)
    recommendations, certificates = (read_release(tables, name) for name in ("recommendations", "certificates"))
    scores, decisions = (released_products(tables, release["versions"], name) for name in ("scores", "decisions"))
    decided = pairs(decisions.select(*PRODUCT, TYPES, "decision", "fits")).groupBy("decision")
    sums = decided.agg(F.count("*").alias("pairs"), F.count_if("fits").alias("fit"))
    counts = {row.decision: row for row in sums.collect()}
    scored, fitting = (sum(row[name] for row in counts.values()) for name in ("pairs", "fit"))
    doubtful, rejected = (counts[name].pairs if name in counts else 0 for name in ("TEST", "REJECTED"))
    named = recommendations.where("certificate_id IS NOT NULL").select("certificate_id").distinct()
    given = certificates.join(named, on="certificate_id", how="left_semi").count()
    types, outcomes = read_release(tables, "package_types"), tables.read("pair_outcomes")
    moves = totals(by_marketplace(recommendations, types, scores, outcomes))
    return [
        "",
        f"release {release['release_id']} of model {release['model_version']}",
        f"  {moves.products:,} products, {scored:,} pairs scored, {fitting:,} fit; {doubtful:,} in doubt, "
        f"{rejected:,} rejected",
        f"  {given} certificates in force: {moves.moved:,} products move ({moves.moved / max(1, moves.products):.1%}), "
        f"{moves.kept:,} are kept, of these {moves.unsupported:,} because no round of tests supports a move",
        *_against_before(moves),
        f"  report: {absolute(config.report.path)}",
    ]


def _against_before(moves: Totals) -> list[str]:
    if not moves.grams_before or moves.grams_after is None:
        return []
    less = 1 - moves.grams_after / moves.grams_before
    line = f"  over {moves.shipments:,} earlier shipments: package weight {less:.1%} less"
    if moves.damages_before is not None and moves.damages_after is not None:
        rates = (moves.damages_before / moves.shipments, moves.damages_after / moves.shipments)
        line += f", expected damages {rates[0]:.2%} -> {rates[1]:.2%} of shipments"
    return [line]

"""Attempts and certificates as they are written, and the delta that attempts have spent."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence

from pyspark.sql import functions as F

from leastpack.certificates.attempt import CellResult
from leastpack.certificates.in_force import CERTIFIED, FAILED
from leastpack.certificates.rounds import Round
from leastpack.certificates.terms import RANDOM, Terms, hash_of
from leastpack.certificates.told import Told, tested, type_rows
from leastpack.policy.budget import Attempt, delta_of_attempt
from leastpack.runs import Run
from leastpack.tables import Tables
from leastpack.tables.schemas import CERTIFICATE_ATTEMPTS, CERTIFICATE_TYPES, CERTIFICATES


def delta_left(tables: Tables, terms: Terms, but: str | None = None, waiting: Sequence[Attempt] = ()) -> float:
    """The delta that an attempt may spend today; 0 where the year's is spent.

    Args:
        tables: For the attempts.
        terms: The policy.
        but: A round whose own attempt does not count.
        waiting: `waiting_attempts` that must find theirs.
    """
    settings, day = terms.config.certify, terms.config.decisions.day
    rows = tables.read("certificate_attempts").collect() if tables.exists("certificate_attempts") else []
    others = [Attempt(row.attempted_on, row.delta) for row in rows if row.round_id != but]
    return delta_of_attempt(settings.delta, settings.issues_a_year, [*others, *waiting], day)


def waiting_attempts(tables: Tables, terms: Terms, digests: Collection[str]) -> list[Attempt]:
    """What rounds will spend that are drawn and not read yet.

    Args:
        tables: For rounds and attempts.
        terms: Of the day.
        digests: Policies of today, whose rounds wait whatever their day.
    """
    if not tables.exists("policy_rounds"):
        return []
    day = terms.config.decisions.day
    others = tables.read("policy_rounds").where(~F.col("labels").eqNullSafe(RANDOM))
    rounds = others.where((F.col("test_until") > F.lit(day)) | F.col("policy_digest").isin(*digests))
    if tables.exists("certificate_attempts"):
        rounds = rounds.join(tables.read("certificate_attempts").select("round_id"), on="round_id", how="left_anti")
    return [Attempt(day, row.delta) for row in rounds.groupBy("round_id").agg(F.max("delta").alias("delta")).collect()]


def spent_out(terms: Terms) -> str:
    """Why nothing is tried: in words."""
    return f"the {terms.config.certify.delta:g} of delta of these 365 days is spent"


def write_attempt(
    tables: Tables,
    run: Run,
    terms: Terms,
    round_: Round,
    results: Mapping[str, CellResult],
    delta: float,
    day: datetime.date,
    version: int,
) -> None:
    """Write what an attempt came to, the attempt first: whatever stops the run then, its delta is spent."""
    passed = any(one.test.test.last is not None for one in results.values())
    names = (hash_of(round_.round_id), round_.round_id, terms.model_version, terms.digest)
    spent = (*names, day, delta, passed, version, run.run_id)
    tables.merge("certificate_attempts", tables.spark.createDataFrame([spent], CERTIFICATE_ATTEMPTS.schema))
    judged = [row for cell, one in results.items() for row in type_rows(terms, cell, one)]
    tables.merge("certificate_types", tables.spark.createDataFrame(judged, CERTIFICATE_TYPES.schema))
    write_certificates(tables, run, [tested(terms, row, results[row.cell], day) for row in round_.cells])


def write_certificates(tables: Tables, run: Run, told: Sequence[Told]) -> None:
    """Write how cells stand."""
    rows = []
    for one in told:
        values = {**dict.fromkeys(CERTIFICATES.names), **one, "run_id": run.run_id}
        rows.append(tuple(list(v) if isinstance(v := values[name], tuple) else v for name in CERTIFICATES.names))
    tables.merge("certificates", tables.spark.createDataFrame(rows, CERTIFICATES.schema))


def is_told(tables: Tables, round_: Round) -> bool:
    """Whether all cells of a round say what its attempt came to."""
    rows = tables.read("certificates").where(F.col("round_id") == round_.round_id).collect()
    return bool(rows) and all(row.status in (CERTIFIED, FAILED) for row in rows)

"""The decide step: recommend a package for every product under the certificates in force, and queue tests."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from leastpack.certificates.choices import of_cell
from leastpack.certificates.in_force import Standing, standing, why_paused
from leastpack.certificates.marks import disproved_pairs, exclusions, policy_bit, product_marks, without_panels
from leastpack.certificates.products import product_facts
from leastpack.certificates.rounds import asked_pairs, attempt_of, is_any_open, read_pairs, tested_pairs
from leastpack.certificates.ruled import banned_pairs, in_force, ruled_products
from leastpack.certificates.scores import check_scores
from leastpack.certificates.terms import Terms, make_terms
from leastpack.config.checks import check_currencies
from leastpack.config.root import Config
from leastpack.decisions.decided import TURN, Grounds, new_moves
from leastpack.decisions.part import Part, Scored, decide_part, told_digests
from leastpack.decisions.queue import ask_for_round, choose_doubtful, in_turn
from leastpack.log import log
from leastpack.panel import audits, panel_products, withheld_tests
from leastpack.runs import Run, step_run
from leastpack.tables import Tables
from leastpack.tables.by_pair import TYPES, pairs
from leastpack.tables.keep import keep
from leastpack.tables.keys import PAIR, PRODUCT
from leastpack.tables.waves import waves
from leastpack.unchanged import commits, follows_from, last_account, states

TYPE = PAIR[::2]
INPUTS = ("products", "package_types", "packaging_rules", "scores", "pair_outcomes", "pair_tests")
ALSO_READ = (
    "trials", "policy_rounds", "round_choices", "round_exclusions", "certificate_attempts", "certificates",
    "certificate_types", "certificate_events", "pilots", "scores_of_candidate",
)  # fmt: skip
NOT_SOLD = "scores may have products that products lacks: run leastpack score, then this step again"
WRITTEN = ("decisions", "recommendations", "test_queue")


def decide_packaging(spark: SparkSession, config: Config) -> None:
    """Decide on every scored pair, recommend a package for every product and queue tests, unless all is as it was.

    Args:
        spark: The session.
        config: Sections `decisions` and `certify`; tau and reporting rate of `outcomes`.

    Raises:
        InputError: A table is missing or there are no scores.
        ConfigError: The currency of a package cost has no unit.
        PromiseError: The scores are not whole, or an account does not balance.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "decide") as run, ExitStack() as kept:
        read = {**{name: tables.commit(name) for name in INPUTS}, **commits(tables, ALSO_READ)}
        inputs = {name: tables.read(name, run.reads(name, read[name].version)) for name in INPUTS}
        follows = follows_from(config, states(read), config.decisions.day)
        if (last := last_account(tables, run, follows, WRITTEN)) is not None:
            log.info("decisions are up to date with all that they follow from")
            _warn_paused(why_paused(tables))
            run.same_as(last)
            return
        types = inputs["package_types"].collect()
        check_currencies({row.currency for row in types}, config.currency_units)
        with run.phase("account"):
            products, model_version = check_scores(inputs["scores"], inputs["package_types"])
            _account(run, inputs, len(types), config.decisions.day)
        terms = make_terms(config, types, model_version)
        stands = standing(tables, terms)
        _warn(run, stands)
        rounds = sorted({one.round_id for one in stands.in_force.values()})
        panels = (tables, config.decisions.day, config.certify.panel_days)
        facts = _facts(tables, inputs, terms, stands, rounds, withheld_tests(*panels), kept)
        scored = Scored(inputs["scores"], facts, config.certify.seed, panel_products(*panels))
        with run.phase("decide"):
            bits = {round_id: policy_bit(1 + place) for place, round_id in enumerate(rounds)}
            all_at_once = Grounds(terms, stands, {}, bits)
            grounds = replace(all_at_once, released=_released(scored, all_at_once))
            parts = _decide(tables, run, scored, grounds, kept)
            left = commits(tables, ["decisions"])
        with run.phase("recommend"):
            tables.replace("recommendations", _together([part.chosen for part in parts]))
            left |= commits(tables, ["recommendations"])
            _account_products(run, inputs, tables.read("recommendations"), products)
        with run.phase("queue"):
            waiting = _together([part.finalists for part in parts])
            queue = choose_doubtful(waiting, config.decisions.queue_size)
            for asked in _of_rounds(tables, inputs, terms, stands.round_id):
                queue = asked.unionByName(queue.join(asked.select(*PAIR), on=PAIR, how="left_anti"))
            tables.replace("test_queue", in_turn(queue).withColumn("run_id", F.lit(run.run_id)))
            left |= commits(tables, ["test_queue"])
            for row in tables.read("test_queue").groupBy("why").count().collect():
                run.figure(f"queued.{row.why}", row["count"])
        run.state = {"follows_from": follows, "left": states(left)}


def _facts(
    tables: Tables,
    inputs: Mapping[str, DataFrame],
    terms: Terms,
    stands: Standing,
    rounds: Sequence[str],
    withheld: Column,
    kept: ExitStack,
) -> DataFrame:
    """`product_facts`, with marks of pairs excluded today, and of those that each round had excluded.

    While a round waits for results those act that a certificate was read by: proofs act after the certificate.
    """
    threshold, pair_tests = terms.config.outcomes.threshold, inputs["pair_tests"]
    told = without_panels(pair_tests, withheld)
    acting = pair_tests
    if is_any_open(tables, terms.config.decisions.day):
        waiting = pair_tests.where(withheld & (F.col("source") == "human_test"))
        acting = told.unionByName(waiting.join(read_pairs(tables), on=PAIR, how="left_semi"))
    day = terms.config.decisions.day
    rules = in_force(inputs["packaging_rules"], day)
    ruled = keep(kept, ruled_products(inputs["products"], rules, terms.types, terms.in_use))
    excluded = [exclusions(disproved_pairs(told, threshold), banned_pairs(ruled))]
    excluded += [_of_certificates(tables, one, stands, pair_tests) for one in rounds]
    tested = pair_tests.where("source = 'human_test'")
    marks = product_marks(acting, told, banned_pairs(ruled), excluded, threshold, _stopped(tables), tested)
    facts = product_facts(tables, inputs, ruled, marks, terms.types, terms.config.currency_units)
    # Kept in order of bucket, so that the facts of a part are found without a look at all of them.
    return keep(kept, facts.hint("rebalance", "bucket"))


def _of_certificates(tables: Tables, round_id: str, stands: Standing, pair_tests: DataFrame) -> DataFrame:
    """What a round had excluded, and where certificates of it are of a list, the moves on it at their levels.

    Less those that a test finds unsafe, whatever else acts today: the promise is of a list without them.
    """
    excluded = tables.read("round_exclusions").where(F.col("round_id") == round_id)
    lists = {cell: one for cell, one in stands.in_force.items() if one.of_list and one.round_id == round_id}
    if not lists:
        return excluded
    levels = tables.read("policy_rounds").where(F.col("round_id") == round_id).collect()
    places = {row.cell: row.levels.index(lists[row.cell].level) + 1 for row in levels if row.cell in lists}
    choices = tables.read("round_choices").where((F.col("round_id") == round_id) & F.col("cell").isin(*places))
    chosen = choices.select(*PRODUCT, F.try_element_at("choices", of_cell(places)).alias("package_type"))
    unsafe = tested_pairs(pair_tests).where("unsafe")
    left = chosen.where("package_type IS NOT NULL").join(unsafe.select(*PAIR), on=PAIR, how="left_anti")
    listed = left.withColumn("listed", F.lit(True))
    return excluded.unionByName(listed, allowMissingColumns=True)


def _stopped(tables: Tables) -> DataFrame | None:
    """Moves whose trial shipments were stopped; None where no pilot was ever proposed."""
    if not tables.exists("pilots"):
        return None
    return tables.read("pilots").where("stopped_by_damage AND NOT control").select(*PAIR).distinct()


def _released(scored: Scored, grounds: Grounds) -> dict[str, float]:
    """The share of new moves of each pool that goes out: so many that no marketplace has more than `most_moves`."""
    terms = grounds.terms
    most = terms.config.decisions.most_moves
    if most is None:
        return {}
    place = F.row_number().over(Window.partitionBy("marketplace").orderBy(TURN))
    # The first turn that is one too many.
    ends = new_moves(scored.products(), grounds).withColumn("place", place).where(F.col("place") == most + 1).collect()
    released: dict[str, float] = {}
    for row in ends:
        pool = terms.pool(row.marketplace)
        released[pool] = min(released.get(pool, 1.0), row[TURN])
    return released


def _of_rounds(
    tables: Tables, inputs: Mapping[str, DataFrame], terms: Terms, round_id: str | None
) -> Iterator[DataFrame]:
    """The pairs that the last round of the candidate model, and that of the one in use, wait for."""
    candidate = terms.config.model.candidate is not None
    if candidate and tables.exists("scores_of_candidate") and tables.exists("policy_rounds"):
        scores = tables.read("scores_of_candidate")
        models = {row.model_version for row in scores.select("model_version").limit(1).collect()}
        rounds = audits(tables.read("policy_rounds")).where(F.col("test_until") > F.lit(terms.config.decisions.day))
        own = rounds.where(F.col("model_version").isin(*(models - {terms.model_version})))
        for row in own.orderBy(F.desc("drawn_on"), "round_id").limit(1).collect():
            if attempt_of(tables, row.round_id) is None:
                yield _of_round(tables, inputs, row.round_id, pairs(scores.select(*PRODUCT, TYPES, "risk")))
    if round_id is not None and attempt_of(tables, round_id) is None:
        yield _of_round(tables, inputs, round_id, pairs(tables.read("decisions").select(*PRODUCT, TYPES, "risk")))


def _of_round(tables: Tables, inputs: Mapping[str, DataFrame], round_id: str, risks: DataFrame) -> DataFrame:
    """The pairs that a round waits for."""
    tested = tested_pairs(inputs["pair_tests"]).select(*PAIR)
    asked = asked_pairs(tables, round_id).join(tested, on=PAIR, how="left_anti")
    rounds = tables.read("policy_rounds").where(F.col("round_id") == round_id)
    recommended = tables.read("recommendations")
    return ask_for_round(asked, rounds, risks, inputs["package_types"], recommended)


def _warn(run: Run, stands: Standing) -> None:
    run.figure("certificates_in_force", len(stands.in_force))
    _warn_paused(stands.paused)
    if stands.paused is None and not stands.in_force:
        log.warning(
            "no certificate is in force for this policy: products stay where they are",
            todo="run leastpack certify, and bring the results of its tests",
        )


def _warn_paused(why: str | None) -> None:
    if why is not None:
        log.warning("nothing moves: certificates are paused", why=why, todo="leastpack resume lets them go on")


def _account(run: Run, inputs: Mapping[str, DataFrame], types: int, day: datetime.date) -> None:
    """Every input row is used, or is of a product that has no score, or is a rule of other days."""
    rows_in = inputs["scores"].count()
    run.account("scores", rows_in=rows_in, used=rows_in)
    run.account("package_types", rows_in=types, used=types)
    rules = inputs["packaging_rules"].count()
    held = in_force(inputs["packaging_rules"], day).count()
    run.account("packaging_rules", rows_in=rules, used=held, set_aside={"of_other_days": rules - held})
    declared = F.broadcast(inputs["package_types"].select(*TYPE))
    for name in ("pair_outcomes", "pair_tests"):
        # A scored product has every type of its marketplace: `check_scores` looked.
        of_type = inputs[name].join(declared, on=TYPE, how="left_semi")
        _account_scored(run, name, inputs[name].count(), of_type, inputs["scores"])


def _account_products(run: Run, inputs: Mapping[str, DataFrame], recommendations: DataFrame, products: int) -> None:
    """Every scored product has its recommendation, and every product of the catalog is scored or told of."""
    run.expect("recommendations", rows=recommendations.count(), expected=products, todo=NOT_SOLD)
    _account_scored(run, "products", inputs["products"].count(), inputs["products"], recommendations)
    counts = recommendations.groupBy("reason").agg(F.count("*").alias("products")).collect()
    for row in counts:
        run.figure(f"products.{row.reason}", row.products)


def _account_scored(run: Run, name: str, rows_in: int, rows: DataFrame, scored: DataFrame) -> None:
    used = rows.join(scored.select(*PRODUCT), on=PRODUCT, how="left_semi").count()
    run.account(name, rows_in=rows_in, used=used, set_aside={"not_scored": rows_in - used})


def _decide(tables: Tables, run: Run, scored: Scored, grounds: Grounds, kept: ExitStack) -> list[Part]:
    tables.ensure("decisions")
    held = told_digests(tables.read("decisions"))
    sizes = scored.scores.groupBy("bucket").agg(F.sum(F.size(TYPES)).alias("pairs")).collect()
    found = {row["bucket"]: row["pairs"] for row in sizes}
    # A bucket that has decisions and no scores any more is emptied.
    due = {bucket: found.get(bucket, 0) for bucket in {*found, *held}}
    parts: list[Part] = []
    finished = 0
    for buckets in waves(due, grounds.terms.config.tables.pairs_per_commit):
        parts.append(decide_part(tables, run.run_id, scored, grounds, buckets, held, kept))
        finished += len(buckets)
        log.info("buckets decided", done=finished, of=len(due))
    _count_decisions(tables, run, sum(found.values()))
    return parts


def _together(parts: Sequence[DataFrame]) -> DataFrame:
    return reduce(DataFrame.unionByName, parts)


def _count_decisions(tables: Tables, run: Run, pairs: int) -> None:
    decided = tables.read("decisions").select(F.explode("decision").alias("decision"))
    counts = {row.decision: row["count"] for row in decided.groupBy("decision").count().collect()}
    for decision, count in sorted(counts.items()):
        run.figure(f"pairs.{decision}", count)
    run.expect("pairs decided", rows=sum(counts.values()), expected=pairs, todo=NOT_SOLD)

"""The publish step and its way back: audit the tables, then pin their versions in one appended row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from leastpack.certificates.in_force import standing, why_paused
from leastpack.certificates.terms import make_terms
from leastpack.config.root import Config
from leastpack.errors import InputError, PromiseError
from leastpack.log import log
from leastpack.releases.audit import Finding, audit
from leastpack.releases.changes import recommendation_changes
from leastpack.releases.drift import drifts
from leastpack.releases.release import (
    PUBLISHED,
    RELEASED,
    ROLLED_BACK_TO,
    current_release,
    find_release,
    newest_release,
    next_release_id,
    released_products,
)
from leastpack.releases.views import make_views
from leastpack.runs import Run, step_run
from leastpack.tables import Tables
from leastpack.tables.keys import PRODUCT
from leastpack.tables.reading import EPOCH, Commit
from leastpack.tables.schemas import BY_NAME, RELEASES


def publish_release(spark: SparkSession, config: Config) -> None:
    """Audit the latest versions of all released tables and append one row to `releases` that pins them.

    Versions are fixed before anything is read, so tables that move on meanwhile do not matter. Where the current
    release already pins them, nothing is written.

    Args:
        spark: The session.
        config: Where the tables are.

    Raises:
        InputError: A table is missing.
        PromiseError: The audit failed; nothing is released.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "publish") as run:
        now = {name: tables.commit(name) for name in RELEASED}
        versions = {name: run.reads(name, one.version) for name, one in now.items()}
        pinned = _read(tables, versions)
        model_version = _model_of(pinned)
        newest = newest_release(tables)
        same = newest is not None and _is_released(newest, model_version, now)
        with run.phase("audit"):
            # What is released was audited as it is; whether its certificates still stand is asked each time.
            findings = [] if same else audit(pinned, config.decisions.most_failed)
            findings += [] if same else _drift(tables, run, newest, pinned["scores"], config)
            findings.append(_in_force(tables, pinned, config))
            _judge(run, findings)
        for name, frame in pinned.items():
            rows = frame.count()
            run.account(name, rows_in=rows, used=rows)
        if newest is not None and same:
            log.info("the current release already pins these versions", release_id=newest.release_id)
            make_views(tables, versions)  # a run that was killed may have left others
            return
        results = {finding.name: finding.violations for finding in findings}
        _append(tables, run, newest, model_version, versions, PUBLISHED, results)


def rollback(spark: SparkSession, config: Config, release_id: str) -> None:
    """Make an earlier release the current one again: one appended row that pins its versions; nothing is copied.

    Args:
        spark: The session.
        config: Where the tables are.
        release_id: The release to go back to.

    Raises:
        InputError: There is no such release, or a version it pins cannot be read.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "rollback") as run:
        target, newest = find_release(tables, release_id), current_release(tables)
        versions = {name: run.reads(name, version) for name, version in target.versions.items()}
        if newest.versions == target.versions and newest.model_version == target.model_version:
            log.info("the current release already pins these versions", release_id=newest.release_id)
            make_views(tables, versions)
            return
        _check_readable(tables, versions, release_id, "roll back to a newer release")
        if (why := why_paused(tables)) is not None:
            log.warning("certificates are paused, and this release may move products by them", why=why)
        results: dict[str, object] = {"rolled_back_to": release_id}
        _append(tables, run, newest, target.model_version, versions, ROLLED_BACK_TO, results)


def _model_of(pinned: Mapping[str, DataFrame]) -> str:
    rows = pinned["scores"].select("model_version").limit(1).collect()
    if not rows:
        raise InputError("table scores is empty", expected="scored products", todo="run leastpack score and decide")
    return str(rows[0].model_version)


def _is_released(release: Row, model_version: str, now: Mapping[str, Commit]) -> bool:
    """Whether a release pins the tables as they are: a table that was made anew has the same versions again."""
    if release.model_version != model_version or release.versions != {name: one.version for name, one in now.items()}:
        return False
    published = (release.published_at.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
    return all(one.made_at <= published for one in now.values())


def _in_force(tables: Tables, pinned: Mapping[str, DataFrame], config: Config) -> Finding:
    """Whether products move by certificates that are in force for what is released."""
    terms = make_terms(config, pinned["package_types"].collect(), _model_of(pinned))
    given = [one.certificate_id for one in standing(tables, terms).in_force.values()]
    named = pinned["recommendations"].where("certificate_id IS NOT NULL")
    others = named.where(~F.col("certificate_id").isin(given)).count()
    meaning = "products move by certificates that are in force for the released model, costs and package types"
    return Finding("certificates_not_in_force", others, meaning, "products")


def _drift(tables: Tables, run: Run, newest: Row | None, scores: DataFrame, config: Config) -> list[Finding]:
    """Whether risks have moved from those that readers see now; nothing where there is no release yet."""
    most = config.decisions.most_drift
    if newest is None or most is None:
        return []
    try:
        found = drifts(released_products(tables, newest.versions, "scores"), scores)
    except Exception:
        todo = "publish once with decisions.most_drift=null: there is nothing to compare risks with any more"
        named = {name: version for name, version in newest.versions.items() if name in ("scores", "pair_scores")}
        _check_readable(tables, named, newest.release_id, todo)
        raise
    for one in found:
        run.figure(f"drift.{one.marketplace}.{one.package_type}", one.index)
    moved = [one for one in found if one.index > most + one.by_chance]
    for one in moved:
        n = f"{one.n[0]} and {one.n[1]}"
        log.warning("risks have moved", type=f"{one.marketplace}/{one.package_type}", index=round(one.index, 3), n=n)
    meaning = f"no package type's risks move by more than {most:g} (population stability index) from the last release"
    return [Finding("drift", len(moved), meaning, "package types")]


def _judge(run: Run, findings: list[Finding]) -> None:
    for finding in findings:
        run.figure(f"audit.{finding.name}", finding.violations)
    if failed := [finding for finding in findings if finding.violations]:
        raise PromiseError(
            "the audit failed, nothing was released",
            expected="; ".join(dict.fromkeys(finding.meaning for finding in failed)),
            found=", ".join(f"{finding.name}: {finding.violations} {finding.unit}" for finding in failed),
            todo="bring the tables in step: run leastpack score, decide and publish again; "
            "where only the risks moved and should have, publish with decisions.most_drift=null",
        )


def _append(
    tables: Tables,
    run: Run,
    newest: Row | None,
    model_version: str,
    versions: Mapping[str, int],
    status: str,
    results: Mapping[str, object],
) -> None:
    """Write the changes, then the release: a run killed between leaves changes of a release that nobody sees."""
    release_id = next_release_id(newest, model_version, versions)
    with run.phase("release"):
        tables.ensure("recommendation_changes")
        if newest is not None and not _write_changes(tables, run, newest, model_version, versions, release_id):
            results = {**results, "changes_unknown_since": newest.release_id}
        if status == PUBLISHED:
            _write_trials(tables, versions)
        audited = json.dumps(dict(results), sort_keys=True)
        row = (release_id, model_version, dict(versions), audited, status, datetime.now(UTC), run.run_id)
        tables.append("releases", tables.spark.createDataFrame([row], RELEASES.schema))
        make_views(tables, versions)
    log.info("released", release_id=release_id, model_version=model_version, status=status)


def _write_trials(tables: Tables, versions: Mapping[str, int]) -> None:
    """Note what is on trial.

    A rollback leaves it: packages may have gone out that the later release introduced. A product that is missing from
    one release keeps its row.
    """
    recommended = tables.read("recommendations", versions["recommendations"])
    rows = recommended.where("on_trial IS NOT NULL").select(*BY_NAME["trials"].names)
    if tables.exists("trials"):
        before = tables.read("trials", tables.version("trials"))
        rows = rows.unionByName(before.join(recommended.select(*PRODUCT), on=PRODUCT, how="left_anti"))
    tables.replace("trials", rows)


def _write_changes(
    tables: Tables, run: Run, newest: Row, model_version: str, versions: Mapping[str, int], release_id: str
) -> bool:
    """Write what changes for readers; False where the last release is too old to be compared with."""
    scope = f"release_id = '{release_id}'"
    try:
        old, new = (_compared(tables, pinned) for pinned in (newest.versions, versions))
        changes = recommendation_changes(old, new, newest.model_version == model_version, release_id)
        tables.merge("recommendation_changes", changes, delete_missing=True, scope=scope)
    except Exception:
        try:
            _check_readable(tables, newest.versions, newest.release_id)
        except InputError as lost:
            log.warning("no recommendation_changes", why=str(lost), release_id=release_id)
            return False
        raise
    run.figure("recommendations_changed", tables.read("recommendation_changes").where(scope).count())
    return True


def _read(tables: Tables, versions: Mapping[str, int]) -> dict[str, DataFrame]:
    return {name: tables.read(name, version) for name, version in versions.items()}


def _compared(tables: Tables, versions: Mapping[str, int]) -> dict[str, DataFrame]:
    """What of a release `recommendation_changes` compares."""
    read = _read(tables, {name: versions[name] for name in ("recommendations", "products", "package_types")})
    return {**read, "decisions": released_products(tables, versions, "decisions")}


def _check_readable(tables: Tables, versions: Mapping[str, int], release_id: str, todo: str = "") -> None:
    for name, version in versions.items():
        try:
            # A sum of hashes needs every file; a count would be told by the log alone.
            key = BY_NAME[name].key
            tables.read(name, version).agg(F.sum(F.hash(*key).cast("bigint"))).collect()
        except Exception as error:  # what a missing file raises differs between Spark's interfaces
            raise InputError(
                f"release {release_id} pins version {version} of table {name}, which cannot be read",
                found=str(error).partition("\n")[0],
                todo="; ".join(filter(None, [todo, "VACUUM or log clean-up may have removed this version"])),
            ) from error

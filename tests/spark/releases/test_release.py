from __future__ import annotations

import json
import math
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.spark.market import TYPES, config_for, whole, write
from tests.spark.rows import add_rows, product_rows, put_rows, table_rows

from leastpack.config.root import Config
from leastpack.config.storage import TablesConfig
from leastpack.errors import ConfigError, InputError, PromiseError
from leastpack.releases.audit import audit
from leastpack.releases.changes import recommendation_changes
from leastpack.releases.export import export_pairs
from leastpack.releases.publish import publish_release, rollback
from leastpack.releases.release import RELEASED, current_release, read_release, released_pairs
from leastpack.releases.views import make_views
from leastpack.tables import Tables
from leastpack.tables.by_pair import pairs
from leastpack.tables.schemas import BY_NAME

Rows = list[dict[str, Any]]
MOST_FAILED = 0.1
SPOILT = ("rows", "uneven", "products", "risks", "decisions")


def frames(spark: SparkSession, rows: dict[str, Rows]) -> dict[str, DataFrame]:
    return {name: table_rows(spark, name, content) for name, content in rows.items()}


def change(rows: Rows, at: int, **values: Any) -> Rows:
    return [{**row, **values} if i == at else row for i, row in enumerate(rows)]


FINDINGS = {
    *("products_missing", "products_extra", "products_repeated", "products_undecided", "decisions_without_score"),
    *("scores_uneven", "decisions_uneven"),
    *("products_without_recommendation", "recommendations_without_score", "models_mixed", "null_rule", "outside_0_1"),
    *("protection_order", "above_level", "certificate_unnamed", "certified_unfit", "unscored_rule"),
    *("unsound_recommendations", "decided_on_other_scores", "recommended_otherwise", "failed_in_the_model"),
}


def spoil(name: str) -> tuple[dict[str, Rows], dict[str, int]]:
    """Tables spoilt in one way, and what the audit should find."""
    rows = whole()
    scores, decisions = rows["scores"], rows["decisions"]
    if name == "rows":
        cut, other = product_rows("scores", scores[1:])
        spoilt = {"scores": [cut, other, other], "decisions": decisions[:3], "products": rows["products"][:1]}
        return {**rows, **spoilt}, {
            "products_missing": 1,
            "products_extra": 2,
            "products_repeated": 1,
            "products_undecided": 2,
            "decisions_without_score": 1,
            "decided_on_other_scores": 1,
            "recommended_otherwise": 1,
        }
    if name == "uneven":
        scored, decided = list(product_rows("scores", scores)), list(product_rows("decisions", decisions))
        spoilt = {
            "scores": change(scored, 0, risk=scored[0]["risk"][1:]),
            "decisions": change(decided, 1, fits=[*decided[1]["fits"], None]),
        }
        found = {"scores_uneven": 1, "decisions_uneven": 1, "decided_on_other_scores": 2}
        return {**rows, **spoilt}, found
    if name == "products":
        recommended = [{**rows["recommendations"][0], "product_id": "C"}, rows["recommendations"][1]]
        found = {"products_without_recommendation": 1, "recommendations_without_score": 1, "recommended_otherwise": 2}
        return {**rows, "recommendations": recommended}, found
    if name == "risks":
        scores = change(change(scores, 0, risk=None), 1, damage_rate=float("nan"))
        scores = change(change(scores, 3, risk=0.1001), 5, risk=0.050002)
        scores = change(scores, 2, risk=None, damage_rate=None, error="INTERNAL")
        found = {
            "failed_in_the_model": 1,
            "null_rule": 1,
            "outside_0_1": 1,
            "above_level": 1,
            "protection_order": 1,
        }
        spoilt = {"scores": scores, "decisions": change(decisions, 3, risk=0.1001)}
        return {**rows, **spoilt}, {**found, "decided_on_other_scores": 2}
    decisions = change(change(decisions, 1, decision="UNSCORED"), 0, certificate_id=None)
    decisions = change(decisions, 3, decision="TEST", reason="doubtful", certificate_id=None, model_version="other")
    decisions = change(decisions, 4, fits=None)
    spoilt = {
        "decisions": decisions,
        "scores": change(scores, 4, fits=None),
    }
    # A move that names no certificate lies under no level.
    found = {"above_level": 1, "certificate_unnamed": 2, "unscored_rule": 1, "certified_unfit": 1}
    return {**rows, **spoilt}, {**found, "models_mixed": 1, "unsound_recommendations": 1}


def violations(spark: SparkSession, rows: dict[str, Rows], most_failed: float = MOST_FAILED) -> dict[str, int]:
    return {finding.name: finding.violations for finding in audit(frames(spark, rows), most_failed)}


def test_p1_a_whole_run_passes_the_audit(spark: SparkSession) -> None:
    findings = audit(frames(spark, whole()), MOST_FAILED)
    assert {finding.name for finding in findings} == FINDINGS
    assert [finding.name for finding in findings if finding.violations] == []


@pytest.mark.parametrize("name", SPOILT)
def test_the_audit_finds_spoilt(spark: SparkSession, name: str) -> None:
    rows, expected = spoil(name)
    findings = audit(frames(spark, rows), MOST_FAILED)
    assert {finding.name: finding.violations for finding in findings if finding.violations} == expected


def test_every_finding_is_tried() -> None:
    assert {found for name in SPOILT for found in spoil(name)[1]} == FINDINGS


def test_p5_rounding_more_void_and_as_many_failures_as_the_config_allows_are_no_violation(spark: SparkSession) -> None:
    rows = whole()
    scores = change(change(rows["scores"], 2, risk=0.0500005), 5, risk=0.9, void_share=0.5)
    scores = change(scores, 0, risk=None, damage_rate=None, error="INTERNAL")
    found = violations(spark, {**rows, "scores": scores}, most_failed=0.2)
    assert found["protection_order"] == found["failed_in_the_model"] == 0


@pytest.fixture(scope="module")
def released(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables with one release."""
    root = tmp_path_factory.mktemp("released")
    tables = Tables(spark, TablesConfig(root=str(root), buckets=4))
    write(spark, tables, whole())
    publish_release(spark, config_for(tables))
    return root


@pytest.fixture
def published(tables: Tables, released: Path) -> tuple[Tables, Config]:
    """A copy of the released tables for each test."""
    shutil.copytree(released, str(tables.config.root))
    return tables, config_for(tables)


def test_moves_by_a_certificate_that_is_not_in_force_are_not_released(
    spark: SparkSession, published: tuple[Tables, Config]
) -> None:
    """Nobody certified what is released: the certificate is one of other costs, or of another day's package types."""
    tables, config = published
    rows = [{**row, "certificate_id": "c"} for row in whole()["recommendations"]]
    put_rows(tables, "recommendations", rows)
    with pytest.raises(PromiseError, match="certificates_not_in_force: 2 products"):
        publish_release(spark, config)


def test_tables_that_were_made_anew_are_audited_though_their_versions_are_the_same(
    spark: SparkSession, published: tuple[Tables, Config]
) -> None:
    tables, config = published
    before = tables.commit("scores")
    shutil.rmtree(tables.location("scores"))
    put_rows(tables, "scores", change(whole()["scores"], 0, risk=0.08))
    after = tables.commit("scores")
    assert after.version == before.version
    assert after.made_at > before.made_at
    with pytest.raises(PromiseError, match="decided_on_other_scores: 1 rows"):
        publish_release(spark, config)


def keep_two(tables: Tables) -> tuple[str, str]:
    rows = [row.release_id for row in tables.read("releases").orderBy("release_id").collect()]
    assert len(rows) == 2
    return rows[0], rows[1]


def killed_at_releases(append: Callable[..., None]) -> Callable[..., None]:
    def killed(self: Tables, name: str, df: DataFrame) -> None:
        if name == "releases":
            raise KeyboardInterrupt
        append(self, name, df)

    return killed


def test_p12_a_release_stays_as_it_was_and_can_be_rolled_back_to(
    spark: SparkSession, published: tuple[Tables, Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, config = published
    first = current_release(tables)
    assert (first.status, first.model_version, set(first.versions)) == ("published", "m", set(RELEASED))
    assert set(json.loads(first.audit)) == FINDINGS | {"certificates_not_in_force"}
    assert tables.read("recommendation_changes").count() == 0

    # P2: the same versions again append nothing.
    publish_release(spark, config)
    assert tables.read("releases").count() == 1

    # P12: the tables move on, half a run is there, readers still see the release.
    rows = whole()
    recommended = change(rows["recommendations"], 1, package_type="box")
    decisions = change(rows["decisions"], 3, recommended="box")
    write(spark, tables, {"recommendations": recommended, "decisions": decisions})
    assert tables.read("recommendations").where("package_type = 'box'").count() == 1
    assert read_release(tables, "recommendations").where("package_type = 'box'").count() == 0

    # P3: killed before its last write, a run has released nothing, and the next one ends as if it had not been killed.
    with monkeypatch.context() as patched:
        patched.setattr(Tables, "append", killed_at_releases(Tables.append))
        with pytest.raises(KeyboardInterrupt):
            publish_release(spark, config)
    assert current_release(tables).release_id == first.release_id

    publish_release(spark, config)
    one, two = keep_two(tables)
    assert current_release(tables).release_id == two
    assert read_release(tables, "recommendations").where("package_type = 'box'").count() == 1
    assert read_release(tables, "recommendations", one).where("package_type = 'box'").count() == 0
    changed = tables.read("recommendation_changes").collect()
    assert [(row.release_id, row.product_id, row.old, row.new) for row in changed] == [(two, "B", "bag", "box")]

    rollback(spark, config, one)
    back = current_release(tables)
    assert back.status == "rolled_back_to"
    assert back.versions == first.versions
    assert json.loads(back.audit) == {"rolled_back_to": one}
    undone = tables.read("recommendation_changes").where(F.col("release_id") == back.release_id).collect()
    assert [(row.old, row.new) for row in undone] == [("box", "bag")]
    rollback(spark, config, one)
    assert tables.read("releases").count() == 3

    with pytest.raises(InputError, match=two):
        rollback(spark, config, "000009-unknown")

    for file in read_release(tables, "recommendations", two).inputFiles():
        Path(urlparse(file).path).unlink()
    with pytest.raises(InputError, match="which cannot be read"):
        rollback(spark, config, two)
    assert tables.read("releases").count() == 3


def test_p6_a_failed_audit_releases_nothing(spark: SparkSession, published: tuple[Tables, Config]) -> None:
    tables, config = published
    rows = change(whole()["scores"], 4, risk=None)
    put_rows(tables, "scores", rows)
    with pytest.raises(PromiseError, match="null_rule: 1 rows") as failure:
        publish_release(spark, config)
    assert failure.value.exit_code == 3
    assert tables.read("releases").count() == 1
    assert tables.read("runs").orderBy(F.desc("started_at")).first().status == "failed"


def of_model(rows: dict[str, Rows], model: str) -> dict[str, Rows]:
    """The same rows, as another model would have left them."""
    named = ("scores", "decisions", "certificates")
    return {name: [{**row, "model_version": model} for row in rows[name]] for name in named}


ROWS_OF = {"certificates": 1, "scores": 2, "decisions": 2}


@pytest.mark.slow
def test_p12_a_reader_in_a_loop_only_ever_sees_whole_audited_runs(
    spark: SparkSession, published: tuple[Tables, Config]
) -> None:
    tables, config = published
    first = current_release(tables).release_id
    stop, seen, wrong = threading.Event(), dict[str, str](), list[str]()

    def read() -> None:
        mine = Tables(spark, config.tables)
        while not stop.wait(0.2):  # leaves the writer some time of the processors
            release = current_release(mine)
            for name in ("scores", "decisions", "certificates"):
                rows = [row.model_version for row in read_release(mine, name, release.release_id).collect()]
                if set(rows) != {release.model_version} or len(rows) != ROWS_OF[name]:
                    wrong.append(f"{release.release_id}: {name} of {rows}")
            seen[release.release_id] = release.model_version

    reader = threading.Thread(target=read)
    reader.start()
    try:
        rows = of_model(whole(), "n")
        write(spark, tables, {"scores": rows["scores"]})
        with pytest.raises(PromiseError, match="models_mixed"):
            publish_release(spark, config)
        write(spark, tables, {name: rows[name] for name in ("certificates", "decisions")})
        publish_release(spark, config)
        rollback(spark, config, first)
    finally:
        stop.set()
        reader.join(60)
    assert not reader.is_alive()
    assert wrong == []
    assert len(seen) >= 2
    assert set(seen.values()) <= {"m", "n"}
    assert tables.read("releases").count() == 3


def many_scores(shift: float) -> Rows:
    """Scores of a thousand products in one type, their risks moved by so much log-odds."""
    return [
        {
            "marketplace": "NA", "product_id": f"P{i}", "package_type": "bag", "bucket": 0, "model_version": "m",
            "risk": 1 / (1 + math.exp(4 - i / 250 - shift)), "damage_rate": 0.0,
        }
        for i in range(1000)
    ]  # fmt: skip


def test_a_release_with_a_row_a_pair_is_compared_with_and_can_be_rolled_back_to(
    spark: SparkSession, published: tuple[Tables, Config]
) -> None:
    tables, config = published
    put_rows(tables, "pair_scores", whole()["scores"])
    marked = [{**row, "recommended": row["package_type"] == "bag"} for row in whole()["decisions"]]
    put_rows(tables, "pair_decisions", marked)
    first = current_release(tables)
    versions = {name: version for name, version in first.versions.items() if name not in ("scores", "decisions")}
    versions |= {name: tables.version(name) for name in ("pair_scores", "pair_decisions")}
    add_rows(tables, "releases", [{**first.asDict(), "release_id": "000002-before", "versions": versions}])
    publish_release(spark, config)
    assert current_release(tables).versions == first.versions
    figures = tables.read("runs").where("step = 'publish'").orderBy(F.desc("started_at")).first().figures
    assert {name for name in figures if name.startswith("drift.")} == {f"drift.NA.{name}" for name in TYPES}
    rollback(spark, config, "000002-before")
    assert current_release(tables).versions == versions
    before, now = released_pairs(tables, versions), pairs(tables.read("scores"))
    columns = ("product_id", "package_type", "risk")
    assert {*before.select(*columns).collect()} == {*now.select(*columns).collect()}


def test_pairs_are_exported_as_rows_and_nothing_is_written_over(
    spark: SparkSession, published: tuple[Tables, Config], tmp_path: Path
) -> None:
    _, config = published
    place = str(tmp_path / "pairs")
    assert export_pairs(spark, config, place, "csv", "package_type = 'bag' AND risk < 0.5", None) == 2
    rows = spark.read.csv(place, header=True).collect()
    assert {(row.product_id, row.package_type, row.risk) for row in rows} == {(p, "bag", "0.09") for p in "AB"}
    with pytest.raises(InputError, match="already"):
        export_pairs(spark, config, place, "csv", None, None)
    with pytest.raises(ConfigError, match="--where 'risky < 1' cannot be read"):
        export_pairs(spark, config, str(tmp_path / "none"), "parquet", "risky < 1", None)
    for format_ in ("delta", "parquet"):
        assert export_pairs(spark, config, str(tmp_path / format_), format_, None, None) == 6


@pytest.mark.slow
def test_risks_that_move_too_far_or_are_gone_fail_the_audit(
    spark: SparkSession, published: tuple[Tables, Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, config = published
    monkeypatch.setattr("leastpack.releases.publish.audit", lambda *_: [])
    unbounded = config.model_copy(update={"decisions": config.decisions.model_copy(update={"most_drift": None})})

    def published_with(scores: Rows, config: Config) -> dict[str, float]:
        put_rows(tables, "scores", scores)
        publish_release(spark, config)
        run = tables.read("runs").where("step = 'publish'").orderBy(F.desc("started_at")).first()
        return dict(run["figures"])

    published_with(many_scores(0.0), unbounded)
    # Each against the release before it: nothing has moved, little has, much has, and at last every risk is gone.
    assert "drift.NA.bag" in published_with(many_scores(0.0), config)
    assert "drift.NA.bag" in published_with(many_scores(0.2), config)
    gone = [{**row, "risk": None, "damage_rate": None, "error": "PACKAGE_INVALID"} for row in many_scores(0.0)]
    for scores in (many_scores(2.2), gone):
        with pytest.raises(PromiseError, match="drift: 1 package types"):
            published_with(scores, config)
        assert "drift.NA.bag" not in published_with(scores, unbounded)


@pytest.mark.slow
def test_a_last_release_that_is_too_old_to_be_read_does_not_block_the_next_one(
    spark: SparkSession, published: tuple[Tables, Config]
) -> None:
    tables, config = published
    first = current_release(tables)
    for name in ("scores", "recommendations"):
        held = tables.read(name)
        old = held.inputFiles()
        tables.replace_where(name, spark.createDataFrame(held.collect(), held.schema), "true")
        for file in old:
            Path(urlparse(file).path).unlink()
    with pytest.raises(InputError, match=r"(?s)table scores, which cannot be read.*most_drift=null"):
        publish_release(spark, config)
    assert current_release(tables).release_id == first.release_id
    decisions = config.decisions.model_copy(update={"most_drift": None})
    publish_release(spark, config.model_copy(update={"decisions": decisions}))
    newest = current_release(tables)
    assert newest.versions["scores"] == tables.version("scores")
    assert json.loads(newest.audit)["changes_unknown_since"] == first.release_id
    assert read_release(tables, "recommendations").count() == 2


def test_without_a_release_readers_are_told(tables: Tables) -> None:
    with pytest.raises(InputError, match="leastpack publish"):
        current_release(tables)


def test_a_table_outside_the_release_is_refused(tables: Tables, spark: SparkSession) -> None:
    row = {"release_id": "000001-a", "model_version": "m", "versions": {"products": 0}}
    put_rows(tables, "releases", [row])
    with pytest.raises(InputError, match="does not pin table runs"):
        read_release(tables, "runs")
    with pytest.raises(InputError, match="000001-a"):
        read_release(tables, "products", "000002-b")


def test_the_causes_of_changes(spark: SparkSession) -> None:
    def release(products: dict[str, tuple[str | None, str, str]], types: list[str]) -> dict[str, DataFrame]:
        """product: (recommended, text_key, reason of its bag)."""
        keys = {name: {"marketplace": "NA", "product_id": name} for name in products}
        decided = {"decision": "CERTIFIED", "package_type": "bag"}
        return frames(
            spark,
            {
                "recommendations": [{**keys[name], "package_type": row[0]} for name, row in products.items()],
                "products": [{**keys[name], "text_key": row[1]} for name, row in products.items()],
                "package_types": [{"marketplace": "NA", "package_type": name} for name in types],
                "decisions": [
                    {**keys[name], **(decided if row[2] == "by" else {"decision": "TEST", "package_type": "bag"})}
                    | {"reason": "not_in_use" if row[2] == "unused" else "certified_move"}
                    for name, row in products.items()
                ],
            },
        )

    old = {
        "same": ("bag", "t", "by"),
        "changed": ("bag", "t", "by"),
        "revoked": ("bag", "t", "by"),
        "cost": ("bag", "t", "by"),
        "gone": ("bag", "t", "by"),
        "withdrawn": ("tube", "t", "by"),
        "ended": ("bag", "t", "by"),
    }
    new = {
        "same": ("bag", "u", "by"),
        "changed": ("box", "u", "no"),
        "revoked": ("box", "t", "no"),
        "cost": ("box", "t", "by"),
        "withdrawn": ("bag", "t", "by"),
        "ended": ("box", "u", "unused"),
        "new": ("bag", "t", "by"),
    }
    before, after = release(old, ["bag", "box", "tube"]), release(new, ["bag", "box"])
    names = BY_NAME["recommendation_changes"].names

    def causes(same_model: bool) -> dict[str, str]:
        changes = recommendation_changes(before, after, same_model, "r").select(*names)
        return {row.product_id: row.cause for row in changes.collect()}

    expected = {
        "changed": "changed_product",
        "revoked": "revoked_certificate",
        "cost": "other",
        "gone": "delisted_product",
        "withdrawn": "withdrawn_package",
        "ended": "withdrawn_package",
        "new": "new_product",
    }
    assert causes(same_model=True) == expected
    assert causes(same_model=False) == {**expected, "revoked": "new_model", "cost": "new_model"}


def test_releases_by_name_are_read_alike(spark: SparkSession) -> None:
    spark.sql("CREATE SCHEMA IF NOT EXISTS released")
    tables = Tables(spark, TablesConfig(schema_name="spark_catalog.released"))
    try:
        tables.append("products", table_rows(spark, "products", whole()["products"]))
        row = {"release_id": "000001-a", "model_version": "m", "versions": {"products": tables.version("products")}}
        tables.append("releases", table_rows(spark, "releases", [row]))
        tables.append("products", table_rows(spark, "products", whole()["products"]))
        assert read_release(tables, "products").count() == 2

        # Views show the release that is current, a row a pair, whatever was written since.
        for name in ("scores", "decisions"):
            tables.append(name, table_rows(spark, name, whole()[name]))
        versions = {name: tables.version(name) for name in ("scores", "decisions")}
        for name in versions:
            tables.replace_where(name, tables.read(name).where("product_id = 'A'"), "true")
        make_views(tables, versions)
        for name in versions:
            view, expected = spark.table(f"released.pair_{name}"), pairs(tables.read(name, versions[name]))
            assert view.count() == 6
            assert {*view.columns} == {*expected.columns}
            assert view.select(expected.columns).exceptAll(expected).count() == 0
        spark.sql("DROP VIEW released.pair_scores")
        tables.append("pair_scores", table_rows(spark, "pair_scores", whole()["scores"][:1]))
        make_views(tables, {name: tables.version(name) for name in versions})
        assert spark.table("released.pair_scores").count() == 1
        assert spark.table("released.pair_decisions").count() == 3
    finally:
        spark.sql("DROP SCHEMA released CASCADE")

"""P14: a tenth of the rows made faulty, one kind of fault in each marketplace, and no damage is lost untold."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.spark.outcomes.shop import by_key, config
from tests.spark.rows import put_rows

from leastpack.config.guards import GuardsConfig
from leastpack.config.root import Config
from leastpack.outcomes.damage import COUNTED
from leastpack.outcomes.label import label_outcomes
from leastpack.outcomes.shipments import TOO_YOUNG
from leastpack.tables import Tables

Row = dict[str, Any]
GUARDS = tuple(GuardsConfig.model_fields)
FIRST = datetime.datetime(2024, 1, 1, 12)
SHIPMENTS, DAYS = 240, 120
PAIRS = [("mug", "bag"), ("mug", "box"), ("vase", "box")]


class World(NamedTuple):
    """What a run made of its deliveries: pair_tests by pair, rows by marketplace and code, and the guards."""

    pairs: dict[tuple[str, str, str], dict[str, Any]]
    codes: Counter[tuple[str, str]]
    guards: list[dict[str, Any]]


def at(day: int) -> str:
    return str(FIRST + datetime.timedelta(day))


def clean() -> dict[str, list[Row]]:
    """Every sixth shipment came back damaged; half of these are told of by a review, too."""
    made: dict[str, list[Row]] = {"shipments": [], "returns": [], "reviews": []}
    for number in range(SHIPMENTS):
        product, package = PAIRS[number % len(PAIRS)]
        day = number * DAYS // SHIPMENTS
        same = {"shipment_id": f"s{number}", "product_id": product}
        made["shipments"].append({**same, "package_type": package, "shipped_at": at(day)})
        if number % 6 in (0, 1, 3):
            reason = "BROKEN" if number % 6 else "UNWANTED"
            made["returns"].append({**same, "reason_code": reason, "returned_at": at(day + 5)})
        if number % 12 in (1, 2):
            review = {"review_id": f"r{number}", "stars": "1", "text": "broken", "reviewed_at": at(day + 8)}
            made["reviews"].append({**same, **review})
    return made


def tenth(kind: str, change: Callable[[Row], Row | None]) -> Callable[[dict[str, list[Row]]], None]:
    """Change every tenth row of a kind; None takes it away."""

    def inject(made: dict[str, list[Row]]) -> None:
        changed = [change(dict(row)) if place % 10 == 1 else row for place, row in enumerate(made[kind])]
        made[kind] = [row for row in changed if row is not None]

    return inject


def _cut_short(made: dict[str, list[Row]]) -> None:
    made["returns"] = made["returns"][: -len(made["returns"]) // 10]


def _repeat(made: dict[str, list[Row]]) -> None:
    made["shipments"] += made["shipments"][::10]
    made["returns"] += made["returns"][::10]


FAULTS: dict[str, Callable[[dict[str, list[Row]]], None]] = {
    "RETURNS_NAME_NONE": tenth("returns", lambda row: {**row, "shipment_id": None}),
    "REVIEWS_NAME_NONE": tenth("reviews", lambda row: {**row, "shipment_id": None}),
    "WRONG_SHIPMENT": tenth("returns", lambda row: {**row, "shipment_id": row["shipment_id"] + "?"}),
    "WRONG_PRODUCT": tenth("returns", lambda row: {**row, "product_id": "lamp"}),
    "STRANGE_REASON": tenth("returns", lambda row: {**row, "reason_code": "X77"}),
    "NO_REASON": tenth("returns", lambda row: {**row, "reason_code": " "}),
    "NO_DATE": tenth("returns", lambda row: {**row, "returned_at": "soon"}),
    "WRONG_YEAR": tenth("returns", lambda row: {**row, "returned_at": row["returned_at"].replace("2024", "2023")}),
    "FAR_FUTURE": tenth("returns", lambda row: {**row, "returned_at": row["returned_at"].replace("2024", "2924")}),
    "NO_STARS": tenth("reviews", lambda row: {**row, "stars": None}),
    "STRANGE_TYPE": tenth("shipments", lambda row: {**row, "package_type": "crate"}),
    "NO_SHIPMENT_DATE": tenth("shipments", lambda row: {**row, "shipped_at": None}),
    "LATE_SHIPMENTS": tenth("shipments", lambda row: None),
    "REPEATED": _repeat,
    "CUT_SHORT": _cut_short,
}


def world(root: Path, faulty: bool) -> Config:
    """One source a kind, whatever the marketplace; every guard is told to let all pass, so that the codes are seen."""
    delivered: dict[str, list[Row]] = {"shipments": [], "returns": [], "reviews": []}
    for name, inject in FAULTS.items():
        made = clean()
        if faulty:
            inject(made)
        for kind, rows in made.items():
            delivered[kind] += [{**row, "marketplace": name} for row in rows]
    made_config = config(root, delivered, n_min=20, return_window_days=20)
    return made_config.with_accepted(f"{source.name}:{guard}" for source in made_config.sources for guard in GUARDS)


def run_world(spark: SparkSession, root: Path, faulty: bool) -> World:
    shop = world(root, faulty)
    tables = Tables(spark, shop.tables)
    products = [{"marketplace": m, "product_id": p, "family_id": f"{m}{p}"} for m in FAULTS for p in ("mug", "vase")]
    put_rows(tables, "products", products)
    types = [
        {"marketplace": m, "package_type": t, "kind": t, "profile": [p, p], "profile_hash": t}
        for m in FAULTS
        for t, p in (("bag", 0.1), ("box", 0.9))
    ]
    put_rows(tables, "package_types", types)
    label_outcomes(spark, shop)
    account = json.loads(tables.read("runs").collect()[-1]["account"])
    rows = tables.read("pair_tests").where("source = 'shipments'")
    return World(by_key(rows, "marketplace", "product_id", "package_type"), _codes(tables), account["guards"])


def _codes(tables: Tables) -> Counter[tuple[str, str]]:
    """Rows by marketplace and what is told of them: quarantined, counting for nothing, or not counting yet."""
    found: Counter[tuple[str, str]] = Counter()
    for row in tables.read("quarantine").collect():
        found[json.loads(row["raw"])["marketplace"], row["code"]] += 1
    for row in tables.read("damage_reports").where(~F.col("verdict").isin(*COUNTED)).collect():
        found[row["marketplace"], row["verdict"]] += 1
    counted = Counter({row["marketplace"]: row["n"] for row in _summed(tables).collect()})
    for row in tables.read("shipment_items").groupBy("marketplace").count().collect():
        found[row["marketplace"], TOO_YOUNG] += row["count"] - counted[row["marketplace"]]
    return found


def _summed(tables: Tables) -> DataFrame:
    return tables.read("pair_outcomes").groupBy("marketplace").agg(F.sum("n").alias("n"))


@pytest.fixture(scope="module")
def worlds(spark, tmp_path_factory):
    return [run_world(spark, tmp_path_factory.mktemp("world"), faulty) for faulty in (False, True)]


def test_sound_rows_are_not_refused(worlds):
    sound, faulty = worlds
    assert all(guard["holds"] for guard in sound.guards)
    assert not all(guard["holds"] for guard in faulty.guards)
    assert {code for _, code in sound.codes} == {"not_damage", TOO_YOUNG}
    assert len({tuple(sorted((code, n) for (m, code), n in sound.codes.items() if m == name)) for name in FAULTS}) == 1


@pytest.mark.parametrize("fault", list(FAULTS))
def test_p14_no_damage_is_lost_without_a_code_that_counts_it(worlds, fault):
    sound, faulty = worlds
    own = [key for key in sound.pairs if key[0] == fault]
    assert len(own) == len(PAIRS)
    none = {"k_upper": 0, "upper": 1.0}
    after = {key: faulty.pairs.get(key, none) for key in own}
    lost = sum(max(0, sound.pairs[key]["k_upper"] - after[key]["k_upper"]) for key in own)
    told = {code: n for (m, code), n in (faulty.codes - sound.codes).items() if m == fault}
    assert sum(told.values()) >= lost, (told, lost)
    if any(after[key]["upper"] < sound.pairs[key]["upper"] - 1e-12 for key in own):
        assert told, "an upper bound fell, and nothing tells why"
    if fault in ("RETURNS_NAME_NONE", "REVIEWS_NAME_NONE", "REPEATED"):
        assert lost == 0

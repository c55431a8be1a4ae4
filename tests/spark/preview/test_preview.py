"""What a preview says of sources as one finds them while writing their config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.spark.outcomes.shop import returned, review, shipment, source, write_export

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.root import Config
from leastpack.config.sources import SourceConfig
from leastpack.config.storage import TablesConfig
from leastpack.errors import ConfigError
from leastpack.preview.findings import Preview
from leastpack.preview.look import look_at_sources

PACKAGES = """
marketplace: NA
currency: USD
attributes: [cushioning]
types:
  - {name: bag, kind: bag, profile: [0.1], inner_cm: [40, 30, 10], tare_g: 20, cost: 0.1, valid_from: 2020-01-01}
  - name: box
    kind: box
    profile: [0.9]
    inner_cm: [40, 30, 20]
    tare_g: 200
    cost: 0.6
    safe_default: true
    valid_from: 2020-01-01
"""


def product(name: str, **more: Any) -> dict[str, Any]:
    return {"product_id": name, "title": f"A {name}", "size_text": "30 x 20 x 10 mm", "price": "$5.00", **more}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    root = tmp_path_factory.mktemp("shop")
    exports = {
        "products": [product("mug", weight="20 g"), product("vase", size_text="about so big"), product("mug")],
        "shipments": [
            shipment(7, "vase", "bag", day="2024-01-01"),
            *(shipment(i, "mug", "bag") for i in range(4)),
            shipment(4, "mug", "K7"),
            shipment(5, "vase", "crate"),
            shipment(6, "lamp", "bag"),
        ],
        "returns": [
            returned(0, "mug"),
            returned(1, "mug", reason="CRACKD"),
            returned(99, "mug"),
            returned(4, "mug", day="2024-04-20"),
            {**returned(0, "mug"), "updated_at": "2099-01-01 00:00:00"},
        ],
        "reviews": [review(0, "mug", None, "arrived broken"), review(1, "mug", 2, "fine", stars=5)],
        "package_codes": [{"code": "K7", "package_type": "box"}, {"code": "K8", "package_type": "crate"}],
    }
    for kind, rows in exports.items():
        write_export(root / kind, kind, rows)
    (root / "na.yaml").write_text(PACKAGES, encoding="utf-8")
    gone = [
        SourceConfig(
            name="gone", kind="tunnel", format="csv", path=str(root / "gone"), marketplace="NA",
            columns={"product_id": "sku"},
        ),
        source("lost", "reviews", root / "lost"),
    ]  # fmt: skip
    return Config(
        tables=TablesConfig(root=str(root / "tables"), buckets=4),
        packages=[str(root / "na.yaml")],
        sources=[*(source(kind, kind, root / kind) for kind in exports), *gone],
        outcomes=OutcomesConfig(return_window_days=30),
    )


@pytest.fixture(scope="module")
def previews(spark: SparkSession, config: Config) -> dict[str, Preview]:
    return {one.source: one for one in look_at_sources(spark, config)}


def outcomes(preview: Preview) -> dict[str, int]:
    return {one.code or one.fate: one.rows for one in preview.outcomes}


def test_no_table_is_touched_and_a_source_that_cannot_be_read_stops_no_other(
    config: Config, previews: dict[str, Preview]
) -> None:
    assert not Path(str(config.tables.root)).exists()
    assert {name for name, one in previews.items() if one.error is not None} == {"gone", "lost"}
    assert all("nothing to read" in str(previews[name].error) for name in ("gone", "lost"))
    assert "source lost cannot be read and is left out" in previews["shipments"].remarks


def test_products_show_fields_units_and_what_cleaning_makes_of_them(previews: dict[str, Preview]) -> None:
    found = previews["products"]
    fields = {field.name: field for field in found.fields}
    assert (fields["title"].filled, fields["weight"].filled, fields["brand"].filled) == (3, 1, 0)
    units = {(unit.field, unit.word): (unit.meaning, unit.rows) for unit in found.units}
    assert units == {
        ("size_text", "mm"): ("mm", 2),
        ("size_text", ""): ("cm", 1),
        ("weight", "g"): ("g", 1),
        ("price", "$"): ("USD", 3),
    }
    assert outcomes(found) == {"used": 2, "less_full": 1, "SIZE_UNREADABLE": 1}
    unreadable = next(one for one in found.outcomes if one.code == "SIZE_UNREADABLE")
    assert json.loads(unreadable.examples[0])["size_text"] == "about so big"
    assert {row["size"] for row in found.became} == {"3 x 2 x 1 cm", ""}


def test_shipments_meet_products_and_types_and_tell_the_damage_of_their_month(previews: dict[str, Preview]) -> None:
    found = previews["shipments"]
    # The carton K7 is a box; nobody declared a crate, nobody sells a lamp.
    assert outcomes(found) == {"used": 6, "UNKNOWN_PACKAGE_TYPE": 1, "UNKNOWN_PRODUCT": 1}
    assert [(one.month, one.rows, one.damaged) for one in found.months] == [
        ("2024-01", 1, 0),
        ("2024-03", 5, 1),
    ]


def test_reports_meet_shipments_and_tell_the_codes_that_no_rule_maps(previews: dict[str, Preview]) -> None:
    returns, reviews = previews["returns"], previews["reviews"]
    assert outcomes(returns) == {
        "used": 1,
        "late": 1,
        "no_shipment": 1,
        "unmapped_reason": 1,
        "IMPOSSIBLE_UPDATED_AT": 1,
    }
    assert returns.unmapped == {"CRACKD": 1}
    assert [(one.month, one.rows, one.damaged, one.placed) for one in returns.months] == [
        ("2024-03", 3, 2, 1),
        ("2024-04", 1, 1, 0),
    ]
    # Shipments went in a bag and in a box: without a shipment the review may mean either.
    assert outcomes(reviews) == {"used": 1, "not_damage": 1}


def test_package_codes_name_declared_types(previews: dict[str, Preview]) -> None:
    assert outcomes(previews["package_codes"]) == {"used": 1, "UNKNOWN_PACKAGE_TYPE": 1}


def test_only_sources_that_are_there_can_be_named(spark: SparkSession, config: Config) -> None:
    with pytest.raises(ConfigError, match="prodcuts"):
        look_at_sources(spark, config, ["prodcuts"])

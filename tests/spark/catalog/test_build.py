from __future__ import annotations

import json
from typing import Any

import pytest
from delta.tables import DeltaTable
from tests.spark.catalog.exports import Shop

from leastpack.errors import ConfigError, InputError

MUG = {"id": "P1", "title": "Mug", "size": "4 x 4 x 5 in", "weight": "1", "price": "$12.50", "changed": "2024-05-01"}
LAMP = {"id": "P2", "title": "Lamp", "family": "F1", "size": "10 x 6 x 20 in", "weight": "3.5", "changed": "2024-05-01"}
PEN = {"id": "P3", "title": "Pen", "changed": "2024-05-01"}


def test_listings_become_products_and_package_files_package_types(shop: Shop) -> None:
    shop.products(
        [{**MUG, "gtin": "4006381333931", "text": "White,\n11 oz"}, {**PEN, "gtin": "0000000000000"}],
        options={"multiLine": "true"},
    )
    shop.build()
    mug = shop.product("P1")
    assert [mug[f"declared_{side}_cm"] for side in ("length", "width", "height")] == pytest.approx([12.7, 10.16, 10.16])
    assert mug["declared_weight_g"] == mug["weight_g"] == pytest.approx(453.59237)
    assert (mug["price"], mug["currency"]) == (12.5, "USD")
    assert (mug["family_id"], mug["universal_id"]) == ("P1", "04006381333931")
    assert (mug["size_source"], mug["size_reason"], mug["notes"]) == ("declared", "declared_only", [])
    assert (mug["source"], mug["description"]) == ("products", "White,\n11 oz")
    assert mug["text_key"] is not None
    pen = shop.product("P3")
    assert (pen["size_source"], pen["size_reason"], pen["length_cm"], pen["weight_g"]) == ("none", "none", None, None)
    assert pen["universal_id"] is None
    expected = shop.spark.sql("SELECT pmod(xxhash64('NA', 'P1'), 4)").first()
    assert expected is not None
    assert mug["bucket"] == expected[0]
    types = shop.rows("package_types")
    assert sorted(types) == [(m, t) for m in ("EU", "NA") for t in ("own_container", "small_box")]
    box = types[("NA", "small_box")]
    assert (box["inner_length_cm"], box["inner_width_cm"], box["inner_height_cm"]) == (30.0, 20.0, 10.0)
    assert box["safe_default"]


def test_p1_p2_p8_every_row_is_used_set_aside_or_quarantined_with_a_code_and_again_nothing_changes(shop: Shop) -> None:
    old_mug = {**MUG, "title": "Old mug", "changed": "2023-01-01"}
    rival = {**LAMP, "title": "Other lamp"}
    shop.products([MUG, MUG, old_mug, LAMP, rival, {**PEN, "id": ""}, {**PEN, "id": " "}])
    shop.lines(
        "more",
        "products",
        [
            {"product_id": "P9", "marketplace": "MARS"},
            {"product_id": "P4", "marketplace": "EU"},
            "not json",
            "not json",
        ],
        marketplace=None,
    )
    shop.measured(
        {"product_id": "P1", "length": 13, "width": 11, "height": 11, "weight": 500, "measured_at": "2024-01-01"},
        {"product_id": "P1", "length": 14, "width": 11, "height": 11, "weight": 500, "measured_at": "2024-02-01"},
        {"product_id": "P1", "length": 900, "width": 11, "height": 11, "weight": 500, "measured_at": "2024-03-01"},
        {"product_id": "P77", "length": 1, "width": 1, "height": 1},
        {"length": 1},
    )
    shop.lines("spare", "tunnel", [], columns={"product_id": "product_id"}, row_schema=None)
    shop.pictured(
        {"product_id": "P1", "view": "tunnel_0", "uri": "a.jpg", "captured_at": "2024-01-01"},
        {"product_id": "P1", "view": "tunnel_0", "uri": "b.jpg", "captured_at": "2024-02-01"},
        {"product_id": "P77", "view": "tunnel_0", "uri": "c.jpg"},
        {"product_id": "P1", "view": "tunnel_1"},
        {"product_id": "P1", "view": "tunnel_1", "uri": "d.jpg", "kind": "x-ray"},
        {"product_id": "P1", "view": "tunnel_1", "uri": "e.jpg", "kind": "Tunnel"},
    )
    shop.build()
    assert shop.accounts() == {
        "products": {
            "rows_in": 7,
            "used": 2,
            "set_aside": {"duplicate": 1, "older_version": 1, "conflicting_version": 1},
            "quarantined": 2,
        },
        "more": {"rows_in": 4, "used": 1, "set_aside": {}, "quarantined": 3},
        "tunnel": {
            "rows_in": 5,
            "used": 1,
            "set_aside": {"older_version": 1, "unusable_measurement": 1, "unknown_product": 1},
            "quarantined": 1,
        },
        "spare": {"rows_in": 0, "used": 0, "set_aside": {}, "quarantined": 0},
        "images": {"rows_in": 6, "used": 2, "set_aside": {"older_version": 1, "unknown_product": 1}, "quarantined": 2},
    }
    assert shop.quarantined() == [
        ("images", "MISSING_URI"),
        ("images", "UNKNOWN_KIND"),
        ("more", "MALFORMED_ROW"),
        ("more", "MALFORMED_ROW"),
        ("more", "UNKNOWN_MARKETPLACE"),
        ("products", "MISSING_ID"),
        ("products", "MISSING_ID"),
        ("tunnel", "MISSING_ID"),
    ]
    for row in shop.tables.read("quarantine").collect():
        assert json.loads(row["raw"])
        assert row["why"].endswith(".")
        assert row["step"] == "catalog"
    assert {key: row["uri"] for key, row in shop.rows("product_images").items()} == {
        ("NA", "P1", "tunnel_0"): "b.jpg",
        ("NA", "P1", "tunnel_1"): "e.jpg",
    }
    assert shop.product("P1")["tunnel_length_cm"] == 14.0

    before, accounts = shop.versions(), shop.accounts()
    shop.build()
    assert shop.versions() == before
    assert shop.accounts() == accounts
    assert shop.tables.read("runs").count() == 2


@pytest.mark.slow
def test_a_newer_export_updates_changed_products_and_photos_only_and_an_older_one_nothing(shop: Shop) -> None:
    def photo(product: str, view: str, uri: str = "a.jpg") -> dict[str, str]:
        return {"product_id": product, "view": view, "uri": uri, "kind": view.split("_")[0]}

    shop.products([MUG, LAMP, PEN])
    shop.pictured(photo("P1", "tunnel_0"), photo("P1", "tunnel_1"), photo("P1", "catalog_0"), photo("P2", "tunnel_0"))
    shop.build()
    before = shop.rows("products")
    keys = {key[1:]: row["image_key"] for key, row in shop.rows("product_images").items()}
    big_mug = {**MUG, "title": "Big mug", "changed": "2024-06-01", "ended": "2024-06-01"}
    shop.products([big_mug, LAMP, {"id": "P4", "title": "Cup"}])
    shop.pictured(photo("P1", "tunnel_0", "b.jpg"))
    tables = shop.build()
    after = shop.rows("products")
    assert after[("NA", "P1")]["title"] == "Big mug"
    assert after[("NA", "P1")]["deleted_at"] == "2024-06-01 00:00:00"
    assert after[("NA", "P1")]["text_key"] != before[("NA", "P1")]["text_key"]
    assert after[("NA", "P2")] == before[("NA", "P2")]
    assert after[("NA", "P3")] == before[("NA", "P3")]
    assert ("NA", "P4") in after
    history = DeltaTable.forPath(shop.spark, tables.location("products")).history(1)
    metrics = history.select("operationMetrics").first()
    assert metrics is not None
    assert metrics[0]["numTargetRowsUpdated"] == "1"
    assert metrics[0]["numTargetRowsInserted"] == "1"
    # A listing of photos speaks for the products and kinds that it names.
    pictures = {key[1:]: row["image_key"] for key, row in shop.rows("product_images").items()}
    assert sorted(pictures) == [("P1", "catalog_0"), ("P1", "tunnel_0"), ("P2", "tunnel_0")]
    assert pictures[("P1", "tunnel_0")] != keys[("P1", "tunnel_0")]
    assert pictures[("P2", "tunnel_0")] == keys[("P2", "tunnel_0")]
    versions = shop.versions()
    shop.products([MUG])
    shop.build()
    assert shop.versions() == versions
    assert shop.accounts()["products"]["set_aside"] == {"older_version": 1}


@pytest.mark.slow
def test_measurements_outlive_their_exports_and_a_poorer_or_older_one_replaces_no_better_one(shop: Shop) -> None:
    def measured(product: str, day: int | None, *sides: float) -> dict[str, Any]:
        at = None if day is None else f"2024-01-{day:02d}"
        named = dict(zip(("length", "width", "height"), sides, strict=False))
        return {"product_id": product, **named, "measured_at": at}

    def lengths() -> dict[str, float]:
        return {key[1]: row["length_cm"] for key, row in shop.rows("products").items()}

    def aside() -> dict[str, int]:
        return shop.accounts()["tunnel"]["set_aside"]

    cups = [{**MUG, "id": f"C{i}"} for i in range(5)]
    shop.products([MUG, LAMP, *cups])
    shop.measured(*(measured(f"C{i}", 5, 13, 11, 11) for i in range(5)))
    shop.build()
    assert aside() == {}
    assert {lengths()[f"C{i}"] for i in range(5)} == {13.0}

    shop.products([LAMP])
    shop.measured(
        {**measured("P1", 1, 13, 11, 11), "weight": 500},
        measured("C0", 9, 99),
        measured("C1", 4, 20, 11, 11),
        measured("C2", 6, 15, 11, 11),
        measured("C3", None, 30, 11, 11),
        measured("C4", 9, 99),
    )
    shop.build()
    assert aside() == {"unusable_measurement": 2, "older_version": 2}
    assert lengths() | {"P2": 0.0} == {
        "P1": 13.0,
        "P2": 0.0,
        "C0": 13.0,
        "C1": 13.0,
        "C2": 15.0,
        "C3": 13.0,
        "C4": 13.0,
    }
    mug = shop.product("P1")
    assert (mug["size_source"], mug["weight_g"], mug["title"]) == ("tunnel", 500.0, "Mug")
    assert mug["declared_weight_g"] == pytest.approx(453.59237)

    # One that could not be used is not the newest: day 6 comes after day 5, although day 9 was told of before.
    shop.products([{**MUG, "title": "Big mug", "changed": "2024-06-01"}])
    shop.measured({"product_id": "P2", "length": 1}, measured("C4", 6, 15, 11, 11), measured("C2", None, 30, 11, 11))
    shop.build()
    assert aside() == {"older_version": 1}
    assert (lengths()["C4"], lengths()["C2"]) == (15.0, 15.0)
    mug = shop.product("P1")
    assert (mug["size_source"], mug["length_cm"], mug["title"]) == ("tunnel", 13.0, "Big mug")
    lamp = shop.product("P2")
    assert (lamp["size_source"], lamp["size_reason"]) == ("declared", "tunnel_partial")
    assert mug["measured_at"] == "2024-01-01 00:00:00"
    assert lamp["notes"] == ["TUNNEL_PARTIAL_SIZE"]


def test_not_one_usable_product_stops_the_step(shop: Shop) -> None:
    shop.products([{"title": "a"}, {"title": "b"}])
    with pytest.raises(InputError, match=r"not one row of .*products\.csv can be used"):
        shop.build()
    assert nothing_written(shop)


def nothing_written(shop: Shop) -> bool:
    return shop.versions() == {}


def test_an_empty_export_of_products_stops_the_step(shop: Shop) -> None:
    shop.products([])
    with pytest.raises(InputError, match=r"products\.csv is empty"):
        shop.build()
    assert nothing_written(shop)
    assert [row["status"] for row in shop.tables.read("runs").collect()] == ["failed"]


def test_a_missing_export_stops_the_step_before_anything_is_written(shop: Shop) -> None:
    shop.products([MUG])
    shop.pictured({"product_id": "P1", "view": "tunnel_0", "uri": "a.jpg"})
    (shop.folder / "images.jsonl").unlink()
    with pytest.raises(InputError, match="nothing to read"):
        shop.build()
    assert nothing_written(shop)


def test_a_wrong_column_stops_the_step_before_anything_is_written(shop: Shop) -> None:
    shop.products([MUG], columns={"product_id": "id", "title": "titel"})
    with pytest.raises(InputError, match="'titel' does not resolve"):
        shop.build()
    assert nothing_written(shop)


def test_a_config_without_products_is_wrong(shop: Shop) -> None:
    shop.pictured({"product_id": "P1", "view": "tunnel_0", "uri": "a.jpg"})
    with pytest.raises(ConfigError, match="no source of products"):
        shop.build()

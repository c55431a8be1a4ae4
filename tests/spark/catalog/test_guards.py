"""A delivery that would empty the catalog is refused before it does, and passes once when told to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.spark.catalog.exports import PACKAGES, Shop

from leastpack.errors import GuardError
from leastpack.guards import accepting

PRODUCTS = [{"id": f"P{i}", "title": f"Mug {i}", "changed": "2024-05-01"} for i in range(120)]
VIEWS = ("tunnel_0", "tunnel_1", "catalog_0")
PHOTOS = [
    {"product_id": row["id"], "view": view, "uri": f"{row['id']}{view}.jpg", "kind": view.split("_")[0]}
    for row in PRODUCTS
    for view in VIEWS
]
KINDS = ("products", "product_images", "tunnel")


def last_guards(shop: Shop) -> dict[str, tuple[int, int, bool, bool]]:
    """Found, total, holds and accepted of each guard of the newest run."""
    row = shop.tables.read("runs").orderBy("started_at", ascending=False).first()
    assert row is not None
    told: list[dict[str, Any]] = json.loads(row["account"])["guards"]
    return {
        f"{one['source']}:{one['guard']}": (one["found"], one["total"], one["holds"], one["accepted"]) for one in told
    }


@pytest.mark.slow
def test_a_delivery_that_empties_the_catalog_is_refused_as_a_whole_and_passes_when_accepted(shop: Shop) -> None:
    shop.products(PRODUCTS)
    shop.pictured(*PHOTOS)
    shop.build()
    assert all(holds for _, _, holds, _ in last_guards(shop).values())
    before = shop.versions()

    # Lost identifiers, a quarter delisted, and second photos cut off; some photos of which are only replaced.
    ended = [{**row, "changed": "2024-06-01", "ended": "2024-06-01"} for row in PRODUCTS[:30]]
    shop.products([*ended, *PRODUCTS[30:], *[{"title": "lost"}] * 10])
    shop.pictured(*[{**row, "uri": "new.jpg"} for row in PHOTOS if row["view"] != "tunnel_1"])
    with pytest.raises(GuardError) as caught:
        shop.build()
    expected = {
        "products:most_quarantined": (10, 130),
        "products:most_deleted": (30, 120),
        "images:most_deleted": (120, 360),
    }
    for name in expected:
        assert f"--accept {name}" in str(caught.value)
    guards = last_guards(shop)
    assert {name: found[:2] for name, found in guards.items() if not found[2]} == expected
    assert guards["images:most_quarantined"] == (0, 240, True, False)
    assert shop.versions() == {**before, "quarantine": 1}
    assert len(shop.quarantined()) == 10

    # The same, accepted; and a package type has left its file meanwhile.
    left = PACKAGES.format(marketplace="EU").partition("  - name: small_box")[0]
    (shop.folder / "EU.yaml").write_text(left.replace("cost: 0,", "cost: 0, safe_default: true,"))
    config = accepting(shop.config(), expected, KINDS)
    shop.build_as(config)
    assert {name for name, found in last_guards(shop).items() if found[3]} == set(expected)
    assert shop.tables.read("products").where("deleted_at IS NOT NULL").count() == 30
    assert shop.tables.read("product_images").count() == 240
    types = shop.rows("package_types")
    ended_on = {key: row["valid_to"] for key, row in types.items()}
    assert sorted(key for key, day in ended_on.items() if day is not None) == [("EU", "small_box")]
    assert len(types) == 4

    # Once was once: what is gone by now is no new loss, and the type comes back.
    shop.products(PRODUCTS[30:])
    (shop.folder / "EU.yaml").write_text(PACKAGES.format(marketplace="EU"))
    shop.build()
    assert all(row["valid_to"] is None for row in shop.rows("package_types").values())

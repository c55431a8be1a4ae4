"""The raw exports: a real company's dirt, in known shares; words and photos that say what they should."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.unit.sample.conftest import Make

from leastpack.config.sample import SampleConfig
from leastpack.sample.kinds import kinds
from leastpack.sample.packing import PACKING_NAMES
from leastpack.sample.photos.goods import SHAPES
from leastpack.sample.photos.packs import DRAW
from leastpack.sample.photos.pictures import catalog_photo, tunnel_photo
from leastpack.sample.texts import write_texts
from leastpack.sample.words import LANGUAGES, words
from leastpack.sample.world import Product, invent_products


@pytest.fixture(scope="module")
def products() -> list[Product]:
    return invent_products(SampleConfig(products=3000))


@pytest.fixture(scope="module")
def folder(make: Make) -> Path:
    return make("rows", products=700, without_photos=1.0, shipments_per_product=1.0, image_width=64)


def test_na_products_have_repeated_rows_missing_fields_and_absurd_values(folder: Path) -> None:
    rows = pd.read_csv(folder / "na/products.csv", dtype=str)
    assert rows.duplicated().any()
    versions = rows.dropna(subset=["asin"]).groupby("asin").last_updated.nunique()
    assert (versions > 1).any()
    assert rows.item_dimensions.isna().mean() == pytest.approx(0.07, abs=0.04)
    parts = rows.item_dimensions.dropna().str.count(" x ") + 1
    assert {2, 3, 6} <= set(parts)
    assert rows.list_price.dropna().str.match(r"^\$[\d,]+\.\d\d$").all()
    assert rows.title.str.contains('"', na=False).any()
    assert rows.bullet_text.str.contains("\n", na=False).any()
    assert set(rows.lang) == {"en", "es"}


def test_eu_products_mix_units_decimal_commas_and_currencies(folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "eu/products.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["language"] for row in rows} == {"de", "fr", "es", "it", "en"}
    prices = [row["price"] for row in rows if row.get("price")]
    assert any(price.startswith("£") for price in prices)
    assert all(re.fullmatch(r"£\d+\.\d\d|\d+,\d\d €", price) for price in prices)
    weights = [row["gewicht"] for row in rows if row.get("gewicht")]
    assert {weight.split()[-1] for weight in weights} == {"kg", "g"}
    assert any("price" not in row for row in rows)


def test_jp_products_are_whole_numbers_and_japanese(folder: Path) -> None:
    rows = pq.read_table(folder / "jp/products.parquet").to_pandas()
    assert rows.title.dropna().str.contains(r"[\u3040-\u30ff\u4e00-\u9fff]").mean() > 0.9
    assert rows.length_mm.isna().any()


def test_truth_has_one_row_a_product_and_package_type_of_its_marketplace(folder: Path) -> None:
    truth = pq.read_table(folder / "truth.parquet").to_pandas()
    assert not truth.duplicated(["marketplace", "product_id", "package_type"]).any()
    counts = truth.groupby("marketplace").package_type.nunique().to_dict()
    assert counts == {"NA": 11, "EU": 10, "JP": 8}
    assert truth.product_id.nunique() == 700
    assert ((truth.damage_rate > 0.01) == truth.unsafe).all()
    assert truth.damage_rate.between(0, 1).all()


def test_families_share_their_packing_mostly_and_cross_listed_products_their_gtin(products: list[Product]) -> None:
    families: dict[int, list[Product]] = {}
    for product in products:
        families.setdefault(product.family, []).append(product)
    assert max(len({p.variant for p in family}) for family in families.values()) == 4
    several = [family for family in families.values() if len(family) > 1]
    assert 0.85 < np.mean([len({p.packing for p in family}) == 1 for family in several]) < 1.0
    twice = [gtin for gtin, count in Counter(p.gtin for p in products).items() if count > 1]
    assert twice
    for gtin in twice:
        same = [p for p in products if p.gtin == gtin]
        assert len({p.marketplace for p in same}) == 2
        assert len({(p.packed_cm, p.packing, p.weight_g) for p in same}) == 1


def test_titles_do_not_say_how_the_vendor_packed(products: list[Product]) -> None:
    """Among mugs, a title tells as much of a box as of none: words of packing never appear."""
    texts = write_texts(products, 7, shuffle=False)
    for product, text in zip(products, texts, strict=True):
        if product.language == "en" and product.kind.key == "mug":
            assert not re.search(r"\b(box|blister|wrapped|perforated|carton)\b", text.title.lower())


def test_multipack_words_go_with_wrapped_packs(products: list[Product]) -> None:
    texts = write_texts(products, 7, shuffle=False)
    said = [p for p, t in zip(products, texts, strict=True) if "multipack" in t.title.lower()]
    assert np.mean([p.packing == "wrapped_multipack" for p in said]) > 0.6


def test_every_kind_has_words_a_shape_and_packings_that_can_be_drawn() -> None:
    for kind in kinds():
        assert set(words("nouns")[kind.key]) == set(LANGUAGES)
        assert kind.shape in SHAPES
        assert set(kind.packings) <= set(PACKING_NAMES)
    assert set(DRAW) == set(PACKING_NAMES)


@pytest.mark.parametrize("packing", PACKING_NAMES)
def test_packing_shows_in_the_tunnel_and_not_in_the_catalog(products: list[Product], packing: str) -> None:
    product = next(p for p in products if p.packing == packing)
    views = [np.asarray(tunnel_photo(product, view, 96, 7)) for view in range(3)]
    assert all(view.shape == (72, 96, 3) for view in views)
    assert np.abs(views[0].astype(int) - views[1]).mean() > 3
    studio = np.asarray(catalog_photo(product, 96, 7))
    assert studio[0].mean() > 235
    assert np.asarray(views[0])[0].mean() < 200


def test_photos_do_not_depend_on_what_was_drawn_before(products: list[Product]) -> None:
    first = tunnel_photo(products[5], 1, 96, 7)
    tunnel_photo(products[9], 0, 96, 7)
    assert isinstance(first, Image.Image)
    assert first.tobytes() == tunnel_photo(products[5], 1, 96, 7).tobytes()

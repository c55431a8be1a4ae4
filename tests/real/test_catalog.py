"""The catalog of real exports, with the example configs of conf/."""

from __future__ import annotations

import contextlib
import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.build import build_catalog
from leastpack.config import load_config
from leastpack.tables import Tables

REPOSITORY = Path(__file__).parents[2]
DATA = REPOSITORY.parent / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not beside the repository")


def built(spark: SparkSession, example: str, folder: Path) -> Iterator[Tables]:
    # The example's paths start at the repository, as they do for who runs it there.
    with contextlib.chdir(REPOSITORY):
        config = load_config([f"conf/{example}.yaml"], [f"tables.root={folder}"])
        build_catalog(spark, config)
        yield Tables(spark, config.tables)


@pytest.fixture(scope="module")
def d8(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    yield from built(spark, "d8", tmp_path_factory.mktemp("d8"))


@pytest.fixture(scope="module")
def grocery(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    yield from built(spark, "grocery", tmp_path_factory.mktemp("grocery"))


def accounts(tables: Tables) -> dict[str, dict[str, Any]]:
    row = tables.read("runs").first()
    assert row is not None
    return json.loads(row["account"])["inputs"]


def raw(shop: str) -> dict[str, dict[str, str]]:
    with (DATA / "d8" / f"{shop}.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file, delimiter="|")}


def test_p1_every_row_of_the_two_shops_is_accounted_for(d8: Tables) -> None:
    found = accounts(d8)
    for shop in ("amazon", "walmart"):
        account, rows = found[shop], raw(shop)
        assert account["rows_in"] == len(rows)
        assert account["rows_in"] == account["used"] + sum(account["set_aside"].values()) + account["quarantined"]
        assert d8.read("products").where(F.col("source") == shop).count() == account["used"] == len(rows)


def test_what_the_shops_declared_is_read(d8: Tables) -> None:
    products = {row["product_id"]: row for row in d8.read("products").collect()}
    first = products["amazon-0"]
    sides = [first[f"declared_{side}_cm"] for side in ("length", "width", "height")]
    assert sides == pytest.approx([7.6 * 2.54, 4.8 * 2.54, 1.4 * 2.54])
    assert (first["price"], first["currency"], first["brand"]) == (12.65, "USD", "Koss")
    quoted = products["amazon-485"]
    assert quoted["description"] == 'iPad 9.7"'
    for shop, size, weight, price in (("amazon", 0.60, 0.60, 0.86), ("walmart", 0.72, 0.69, 0.97)):
        own = [row for name, row in products.items() if name.startswith(shop)]
        assert sum(row["height_cm"] is not None for row in own) / len(own) > size
        assert sum(row["weight_g"] is not None for row in own) / len(own) > weight
        assert sum(row["price"] is not None for row in own) / len(own) > price


def test_p8_nothing_absurd_is_kept_and_what_was_nulled_has_a_code(d8: Tables) -> None:
    products = d8.read("products").collect()
    rows = {name: raw(name) for name in ("amazon", "walmart")}
    for product in products:
        shop, number = product["product_id"].split("-", 1)
        given = rows[shop][number]
        sides = [product[f"{side}_cm"] for side in ("length", "width", "height")]
        known = [side for side in sides if side is not None]
        assert known == sorted(known, reverse=True)
        assert all(0 < side <= 500 for side in known)
        assert product["weight_g"] is None or 0 < product["weight_g"] <= 200_000
        if None not in sides and product["weight_g"] is not None:
            assert 0.002 <= product["weight_g"] / math.prod(sides) <= 22
        lost = [
            (given["dimensions"], sides[2], ("SIZE", "ABSURD")),
            (given["shipweight"], product["weight_g"], ("WEIGHT", "ABSURD")),
            (given["price"], product["price"], ("PRICE", "ABSURD_PRICE")),
        ]
        for text, value, codes in lost:
            if text.strip() and value is None:
                assert any(note.startswith(codes) for note in product["notes"]), product


def test_judged_weights_agree_better_between_the_shops_than_raw_ones(d8: Tables) -> None:
    """The same 853 products in both shops; 49 in 50 weights of one are in pounds."""
    weights = {row["product_id"]: row["weight_g"] for row in d8.read("products").collect()}
    amazon, walmart = raw("amazon"), raw("walmart")
    with (DATA / "d8" / "gt.csv").open(encoding="utf-8", newline="") as file:
        pairs = [(row["D2"], row["D1"]) for row in csv.DictReader(file, delimiter="|")]
    before, after = [], []
    for left, right in pairs:
        judged = weights[f"amazon-{left}"], weights[f"walmart-{right}"]
        if None not in judged:
            given = [shop[number]["shipweight"] for shop, number in ((amazon, left), (walmart, right))]
            before.append(abs(math.log2(float(given[0].replace(" ", "")) / float(given[1].replace(" ", "")))))
            after.append(abs(math.log2(judged[0] / judged[1])))
    assert len(after) > 500
    assert sum(off < 1 for off in after) > sum(off < 1 for off in before)
    assert sum(off > 3 for off in after) < 0.8 * sum(off > 3 for off in before)


def test_p1_the_groceries_have_five_photos_each(grocery: Tables) -> None:
    rows = [json.loads(line) for line in (DATA / "grocery" / "products.jsonl").read_text(encoding="utf-8").splitlines()]
    photos = sum(len(row["photos"]) for row in rows)
    for source, count in (("grocery", len(rows)), ("grocery_photos", photos)):
        assert accounts(grocery)[source] == {"rows_in": count, "used": count, "set_aside": {}, "quarantined": 0}
    images: list[Row] = grocery.read("product_images").collect()
    assert len(images) == photos == 405
    with contextlib.chdir(REPOSITORY):
        assert all(Path(row["uri"]).is_file() for row in images)
    assert len({row["image_key"] for row in images}) == 405
    banana = grocery.read("products").where(F.col("product_id") == "Banana").first()
    assert banana is not None
    assert (banana["marketplace"], banana["size_source"]) == ("EU", "none")

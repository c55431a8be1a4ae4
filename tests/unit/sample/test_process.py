"""Shipments, returns, reviews and tests: chosen with care, late, under-reported; and the null switches."""

from __future__ import annotations

import csv
import datetime
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from tests.unit.sample.conftest import PACKAGES, Make

from leastpack.config.packages import load_packages
from leastpack.config.sample import SampleConfig
from leastpack.errors import ConfigError, InputError
from leastpack.queue.sheet import read_sheet
from leastpack.queue.sheet import write_csv as write_sheet
from leastpack.sample.feedback import FIRST, REASONS, returns_of, write_returns
from leastpack.sample.human_tests import answer_sheet
from leastpack.sample.listings import declare
from leastpack.sample.photos.shoot import plan_shots
from leastpack.sample.shipments import NO_DAMAGE, Shipped, ship
from leastpack.sample.texts import write_texts
from leastpack.sample.truth import Market, know
from leastpack.sample.world import Product, invent_products

CONFIG = SampleConfig(products=1500)


@pytest.fixture(scope="module")
def products() -> list[Product]:
    return invent_products(CONFIG)


@pytest.fixture(scope="module")
def market(products: list[Product]) -> Market:
    return know(products, load_packages([PACKAGES])[-1], CONFIG.seed)


def shipped(market: Market, random_only: bool) -> Shipped:
    texts = write_texts(market.products, CONFIG.seed, shuffle=False)
    listings = [declare(p, text, CONFIG.seed) for p, text in zip(market.products, texts, strict=True)]
    return ship(market, listings, 60.0, random_only, CONFIG.seed)


@pytest.fixture(scope="module")
def by_policy(market: Market) -> Shipped:
    return shipped(market, random_only=False)


def true_rates(rows: Shipped) -> np.ndarray:
    return rows.market.rate[rows.product, rows.package]


def test_policy_keeps_fragile_products_out_of_light_packages(by_policy: Shipped) -> None:
    at_random = ~np.isnan(by_policy.propensity)
    assert 0.02 < at_random.mean() < 0.04
    assert true_rates(by_policy)[~at_random].mean() < 0.8 * by_policy.market.rate[by_policy.market.fits].mean()


def test_everything_shipped_fits_and_propensities_are_those_of_the_draw(by_policy: Shipped) -> None:
    market = by_policy.market
    assert market.fits[by_policy.product, by_policy.package].all()
    at_random = np.flatnonzero(~np.isnan(by_policy.propensity))
    assert (by_policy.propensity[at_random] >= 1 / market.fits[by_policy.product[at_random]].sum(axis=1) - 1e-12).all()
    names = np.array([package.name for package in market.packages.types])
    first = {package.name: np.datetime64(package.valid_from) for package in market.packages.types}
    assert (by_policy.at >= np.array([first[name] for name in names[by_policy.package]])).all()


def test_damage_happens_at_the_true_rate(by_policy: Shipped) -> None:
    expected = true_rates(by_policy)
    found = (by_policy.damage != NO_DAMAGE).sum()
    assert abs(found - expected.sum()) < 4 * np.sqrt((expected * (1 - expected)).sum())


def test_items_count_the_rows_of_their_shipment(by_policy: Shipped) -> None:
    counts = Counter(by_policy.shipment.tolist())
    assert max(counts.values()) <= 3
    assert all(counts[s] == n for s, n in zip(by_policy.shipment.tolist(), by_policy.items.tolist(), strict=True))
    frame = pd.DataFrame({"s": by_policy.shipment, "p": by_policy.product, "k": by_policy.package, "t": by_policy.at})
    assert not frame.duplicated(["s", "p"]).any()
    assert (frame.groupby("s")[["k", "t"]].nunique() == 1).all(axis=None)


@pytest.mark.parametrize("rate", [0.5, 0.75])
def test_damages_are_reported_late_and_in_part(by_policy: Shipped, rate: float, tmp_path: Path) -> None:
    written = returns_of(by_policy, rate, 1, FIRST)
    write_returns(tmp_path, "NA", written)
    rows = list(csv.DictReader((tmp_path / "na/returns.csv").open(encoding="utf-8", newline="")))
    assert len(rows) == len(written)
    told = {REASONS["NA"][cause] for cause in ("shock", "crush", "leak")}
    damaged = {f"NA-S{shipment:08d}" for shipment in by_policy.shipment[by_policy.damage != NO_DAMAGE].tolist()}
    reported = {row["shipment_id"] for row in rows if row["reason"] in told} & damaged
    off = abs(len(reported) / len(damaged) - rate)
    assert off < 4 * (rate * (1 - rate) / len(damaged)) ** 0.5
    at = {f"NA-S{s:08d}": t for s, t in zip(by_policy.shipment.tolist(), by_policy.at, strict=True)}
    days = np.array(
        [(np.datetime64(row["returned_at"]) - at[row["shipment_id"]]) / np.timedelta64(1, "D") for row in rows]
    )
    assert days.min() > 0
    assert 0.03 < np.mean(days > 30) < 0.12
    # Of so few damages none may have leaked.
    assert {row["reason"] for row in rows} > told - {"LEAKED"}


def test_reviews_of_damage_have_few_stars(make: Make) -> None:
    folder = make(products=300, without_photos=1.0)
    rows = [json.loads(line) for line in (folder / "na/reviews.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(row["stars"] <= 2 for row in rows if "shattered" in row["text"])
    assert {row["stars"] for row in rows} == {1, 2, 3, 4, 5}


def test_most_products_ship_in_one_or_two_packages_and_a_few_sell_most(by_policy: Shipped) -> None:
    chosen = np.isnan(by_policy.propensity)
    pairs = pd.DataFrame({"product": by_policy.product[chosen], "package": by_policy.package[chosen]})
    types = pairs.drop_duplicates().groupby("product").size()
    assert np.mean(types <= 2) > 0.7
    sold = np.sort(np.bincount(by_policy.product, minlength=len(by_policy.market.products)))[::-1]
    assert sold[: len(sold) // 10].sum() > 0.4 * sold.sum()


def test_human_tests_so_far_are_few_and_agree_with_the_truth(make: Make) -> None:
    folder = make(products=1000, without_photos=1.0)
    # Left alone, pandas takes the marketplace NA for a missing value.
    tests = pd.read_csv(folder / "human_tests.csv", keep_default_na=False)
    truth = pq.read_table(folder / "truth.parquet").to_pandas()
    both = tests.merge(truth, on=["marketplace", "product_id", "package_type"], validate="many_to_one")
    assert len(both) == len(tests)
    assert both.fits.all()
    assert ((both.verdict == "UNSAFE") == both.unsafe).all()
    assert 10 <= len(tests) <= 45
    # Someone looked for trouble.
    assert both.unsafe.mean() > 2 * truth[truth.fits].unsafe.mean()


def test_testers_fill_in_a_sheet_by_the_truth(make: Make, tmp_path: Path) -> None:
    folder = make(products=300, without_photos=1.0)
    truth = pq.read_table(folder / "truth.parquet").to_pandas()
    wanted = pd.concat([truth[truth.unsafe].head(5), truth[~truth.unsafe].head(5)])
    rows = [
        {"test_id": f"t-{i}", "marketplace": r.marketplace, "product_id": r.product_id, "package_type": r.package_type}
        for i, r in enumerate(wanted.itertuples())
    ]
    sheet, day = tmp_path / "tests.csv", datetime.date(2024, 5, 1)
    sheet.write_bytes(write_sheet(rows))
    assert answer_sheet(str(sheet), folder / "truth.parquet", day) == 10
    answered = read_sheet(sheet.read_bytes(), "tests.csv")
    assert [row["result"] for row in answered] == ["UNSAFE"] * 5 + ["SAFE"] * 5
    assert {row["tested_on"] for row in answered} == {"2024-05-01"}
    sheet.write_bytes(write_sheet([{**rows[0], "product_id": "other"}]))
    with pytest.raises(InputError, match="does not sell"):
        answer_sheet(str(sheet), folder / "truth.parquet", day)
    with pytest.raises(ConfigError, match=r"there is no .*truth"):
        answer_sheet(str(sheet), tmp_path / "truth.parquet", day)


def test_null_switch_random_shipping_ignores_fragility(market: Market) -> None:
    rows = shipped(market, random_only=True)
    assert not np.isnan(rows.propensity).any()
    weight = market.fits / market.fits.sum(axis=1, keepdims=True)
    demand = np.bincount(rows.product, minlength=len(market.products))
    expected = (demand[:, None] * weight * market.rate).sum() / demand.sum()
    assert true_rates(rows).mean() == pytest.approx(expected, rel=0.05)


def test_null_switch_shuffle_words_deals_the_same_words_to_other_products(products: list[Product]) -> None:
    straight = write_texts(products, CONFIG.seed, shuffle=False)
    dealt = write_texts(products, CONFIG.seed, shuffle=True)
    assert Counter(text.title for text in straight) == Counter(text.title for text in dealt)
    assert [text.language for text in dealt] == [product.language for product in products]
    assert np.mean([a == b for a, b in zip(straight, dealt, strict=True)]) < 0.1


def test_null_switch_shuffle_photos_shows_another_products_packing(products: list[Product]) -> None:
    straight = plan_shots(products, CONFIG)
    dealt = plan_shots(products, CONFIG.model_copy(update={"shuffle_photos": True}))
    assert [shot.file for shot in straight] == [shot.file for shot in dealt]
    tunnel = [shot for shot in dealt if shot.kind == "tunnel"]
    assert np.mean([shot.subject.number == shot.owner.number for shot in tunnel]) < 0.02
    subjects: dict[int, set[int]] = {}
    for shot in tunnel:
        subjects.setdefault(shot.owner.number, set()).add(shot.subject.number)
    assert {len(seen) for seen in subjects.values()} == {1}
    assert all(shot.subject.number == shot.owner.number for shot in straight)


def test_switches_change_nothing_else(make: Make) -> None:
    straight, shuffled = make(), make(shuffle_photos=True)
    for name in ("truth.parquet", "na/products.csv", "eu/shipments.parquet", "human_tests.csv", "jp/tunnel.csv"):
        assert (straight / name).read_bytes() == (shuffled / name).read_bytes()
    first = sorted((straight / "images").rglob("tunnel_0.jpg"))
    same = [path.read_bytes() == (shuffled / path.relative_to(straight)).read_bytes() for path in first]
    assert np.mean(same) < 0.3

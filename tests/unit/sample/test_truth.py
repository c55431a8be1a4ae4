"""The hidden truth: monotone, and as often unsafe as the demo says."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.sample.conftest import PACKAGES

from leastpack.config.packages import PackageType, load_packages
from leastpack.config.sample import SampleConfig
from leastpack.sample.physics import any_damage, mechanism_rates
from leastpack.sample.room import air, goes_in
from leastpack.sample.truth import Market, know
from leastpack.sample.world import invent_products

TAU = 0.01
LIGHT = ("own_container", "paper_bag", "plastic_bag", "padded_mailer")
FILLED = ("small_box_filled", "medium_box_filled", "large_box_filled")

share = st.floats(0.0, 1.0)
withstood = st.floats(0.5, 500.0)


@pytest.fixture(scope="module")
def markets() -> list[Market]:
    config = SampleConfig(products=6000)
    products = invent_products(config)
    return [know(products, file, config.seed) for file in load_packages([PACKAGES])]


def fitting_rates(markets: list[Market]) -> dict[str, np.ndarray]:
    rates: dict[str, list[np.ndarray]] = {}
    for market in markets:
        for column, package in enumerate(market.packages.types):
            rates.setdefault(package.name, []).append(market.rate[market.fits[:, column], column])
    return {name: np.concatenate(parts) for name, parts in rates.items()}


@given(
    st.tuples(withstood, withstood, withstood, withstood),
    st.tuples(share, share, share, share),
    st.tuples(share, share, share, share),
    share,
    share,
)
def test_p5_truth_never_rises_with_protection_nor_falls_with_air(
    limits: tuple[float, ...], first: tuple[float, ...], second: tuple[float, ...], air_a: float, air_b: float
) -> None:
    weak, strong = np.minimum(first, second), np.maximum(first, second)
    less, more = np.array([min(air_a, air_b)]), np.array([max(air_a, air_b)])
    withstands = np.array([limits])
    exposed = any_damage(mechanism_rates(withstands, weak, more))[0]
    guarded = any_damage(mechanism_rates(withstands, strong, less))[0]
    assert 0.0 <= guarded <= exposed + 1e-12 <= 1.0 + 1e-12


def test_few_pairs_are_unsafe_hardly_any_in_filled_boxes_and_most_in_light_types(
    markets: list[Market],
) -> None:
    rates = fitting_rates(markets)
    for name in FILLED:
        assert np.mean(rates[name] > TAU) <= 0.01, name
    for name in LIGHT:
        assert 0.02 <= np.mean(rates[name] > TAU) <= 0.12, name
    shares = [np.mean(rates[name] > TAU) for name in rates]
    assert np.mean([share <= 0.06 for share in shares]) > 0.5


def test_few_pairs_are_near_tau(markets: list[Market]) -> None:
    everything = np.concatenate(list(fitting_rates(markets).values()))
    assert np.mean((everything > TAU / 2) & (everything < 2 * TAU)) < 0.05


def test_vendor_packing_decides_about_a_mug(markets: list[Market]) -> None:
    rates: dict[str, list[float]] = {"sturdy_box": [], "bare": []}
    for market in markets:
        column = [package.name for package in market.packages.types].index("padded_mailer")
        for row, product in enumerate(market.products):
            if product.kind.key == "mug" and product.packing in rates:
                rates[product.packing].append(market.rate[row, column])
    assert max(rates["sturdy_box"]) < TAU < np.median(rates["bare"])


def test_every_protective_type_has_rows_and_own_containers_always_fit(markets: list[Market]) -> None:
    for market in markets:
        names = [package.name for package in market.packages.types]
        assert market.fits[:, names.index("own_container")].all()
        assert market.fits.any(axis=0).all()
    assert len(fitting_rates(markets)) >= 10


def package(kind: str, inner: tuple[float, float, float], **more: object) -> PackageType:
    return PackageType.model_validate(
        {"name": "p", "kind": kind, "profile": [0.1], "inner_cm": inner, "tare_g": 1, "cost": 1,
         "valid_from": datetime.date(2020, 1, 1), **more}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "sides", "weight", "fits"),
    [
        ("box", (9.0, 9.0, 9.0), 100.0, True),
        ("box", (9.1, 9.0, 9.0), 100.0, False),
        ("box", (9.0, 9.0, 9.0), 501.0, False),
        ("bag", (8.0, 7.0, 2.0), 100.0, True),
        ("bag", (8.1, 7.0, 2.0), 100.0, False),
        ("mailer", (8.0, 7.1, 2.0), 100.0, False),
    ],
)
def test_what_fits(kind: str, sides: tuple[float, float, float], weight: float, fits: bool) -> None:
    inner = (10.0, 10.0, 10.0) if kind == "box" else (10.0, 9.0, 3.0)
    assert goes_in(np.array([sides]), np.array([weight]), package(kind, inner, max_weight_g=500.0))[0] == fits


def test_only_an_unfilled_box_holds_air() -> None:
    sides = np.array([[5.0, 5.0, 5.0]])
    assert air(sides, package("box", (10.0, 10.0, 10.0)))[0] == pytest.approx(0.875)
    assert air(sides, package("box", (10.0, 10.0, 10.0), void_filled=True))[0] == 0.0
    assert air(sides, package("bag", (10.0, 10.0, 10.0)))[0] == 0.0

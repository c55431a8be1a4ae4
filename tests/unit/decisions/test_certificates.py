from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leastpack.config.decisions import DecisionsConfig, PromiseConfig
from leastpack.decisions.cells import Profile
from leastpack.decisions.certificates import Certificate, Points, Terms, certify, thresholds
from leastpack.decisions.grid import risk_grid

GRID = risk_grid(20)
BAG = Profile("*", "bag", (0.1,), (("EU", "paper_bag"), ("JP", "kami"), ("NA", "paper_bag")), frozenset({"box"}))
BOX = Profile("*", "box", (0.8,), (("NA", "box"),), frozenset())
CATALOG = {(p.pool, p.profile_hash, "photos"): {m: np.full(21, 50) for m, _ in p.types} for p in (BAG, BOX)}
LABELLED = ("EU", "NA")


def terms(promise: str = "pair", alpha: float = 0.1, **other: float) -> Terms:
    config = DecisionsConfig(
        promises=[PromiseConfig(promise=promise, alpha=alpha, delta=0.1)],  # type: ignore[arg-type]
        certify_by=promise,  # type: ignore[arg-type]
        grid=20,
    )
    return Terms(config, **{"tau": 0.01, "reporting_rate": 1.0, **other}, model_version="m", grid=GRID)  # type: ignore[arg-type]


def points(each: int, bad: int = 0, outside: int = 0) -> Points:
    """`each` points and `bad` bad ones at every threshold, `outside` above all of them."""
    return Points(np.array([each] * 20 + [outside]), np.array([bad] * 20 + [outside]), LABELLED)


def issue(given: dict[tuple[str, str, str], Points], using: Terms | None = None) -> dict[str, Certificate]:
    """Certificates of the photo stratum by profile; `given` is (promise, slice, profile) to points."""
    by_slice: dict[tuple[str, str], dict[tuple[str, str, str], Points]] = {}
    for (promise, slice_, profile), counts in given.items():
        by_slice.setdefault((promise, slice_), {})[("*", profile, "photos")] = counts
    issued = certify([BAG, BOX], CATALOG, by_slice, using or terms())
    assert len(issued) == 4  # two profiles, two strata
    return {one.profile_hash: one for one in issued if one.stratum == "photos"}


def test_a_certificate_says_what_it_stands_on() -> None:
    one = issue({("pair", "audit", "bag"): points(10)})["bag"]
    assert (one.threshold, one.n, one.k, one.slice) == (GRID[-1], 200, 0, "audit")
    assert one.upper_bound == pytest.approx(1 - 0.1 ** (1 / 200))
    assert one.share_certified == pytest.approx(20 / 21)
    assert (one.why_none, one.labels_needed, one.gamma) == (None, None, None)
    assert one.m0 == pytest.approx(0.11)
    assert (one.marketplaces, one.package_types) == (("EU", "NA"), ("paper_bag",))


def test_a_marketplace_without_labels_is_not_certified_on_those_of_others() -> None:
    both = issue({("pair", "audit", "bag"): replace(points(10), marketplaces=("JP",))})
    assert (both["bag"].marketplaces, both["bag"].package_types) == (("JP",), ("kami",))
    assert [row[3] for row in thresholds(list(both.values()), "pair")] == ["JP"]
    assert issue({})["bag"].marketplaces == ("EU", "JP", "NA")  # refused: of all that lack labels


def test_the_share_is_of_the_marketplaces_it_speaks_of() -> None:
    cell = ("*", "bag", "photos")
    catalog = {cell: {**CATALOG[cell], "JP": np.array([0] * 20 + [10**6])}}
    by_cell = {("pair", "audit"): {cell: points(10)}}
    one = next(one for one in certify([BAG], catalog, by_cell, terms()) if one.stratum == "photos")
    assert one.share_certified == pytest.approx(20 / 21)


def test_a_stratum_without_labels_certifies_nothing_and_says_how_many_it_needs() -> None:
    one = issue({})["bag"]
    assert one.threshold is None
    assert one.labels_needed == 44
    assert one.why_none is not None
    assert "0 calibration points" in one.why_none
    assert (one.share_certified, one.upper_bound) == (0.0, 1.0)


def test_a_stratum_without_pairs_needs_no_labels() -> None:
    one = next(c for c in certify([BAG], {}, {}, terms()) if c.stratum == "no_photos")
    assert (one.why_none, one.labels_needed) == ("no pair fits and has a risk", None)


def test_a_failed_test_says_so() -> None:
    one = issue({("pair", "audit", "bag"): points(10, 5)})["bag"]
    assert (one.threshold, one.n, one.k, one.labels_needed) == (None, 50, 25, None)
    assert one.why_none is not None
    assert "25 bad of 50 points" in one.why_none
    assert "no threshold has a bad rate below alpha" in one.why_none


def test_the_audit_slice_is_taken_when_it_has_enough_points_whatever_their_outcome() -> None:
    shipped = points(50)
    assert issue({("pair", "audit", "bag"): points(3, 3), ("pair", "shipped", "bag"): shipped})["bag"].slice == "audit"
    assert (
        issue({("pair", "audit", "bag"): points(2, 0), ("pair", "shipped", "bag"): shipped})["bag"].slice == "shipped"
    )


def test_points_above_every_threshold_are_not_enough() -> None:
    audit = points(1, 0, outside=500)
    assert issue({("pair", "audit", "bag"): audit, ("pair", "shipped", "bag"): points(50)})["bag"].slice == "shipped"


def test_shipped_pairs_come_with_a_sensitivity() -> None:
    one = issue({("pair", "shipped", "bag"): points(50)})["bag"]
    assert one.gamma is not None
    assert one.gamma > 1


def test_a_lowered_threshold_keeps_its_own_counts() -> None:
    # The box passes only its first thresholds, the bag all: the bag is lowered to the box.
    box = Points(np.array([30] * 20 + [0]), np.array([0] * 4 + [30] * 16 + [0]), LABELLED)
    both = issue({("pair", "audit", "bag"): points(30), ("pair", "audit", "box"): box})
    assert both["box"].threshold == both["bag"].threshold
    assert both["box"].threshold is not None
    assert both["box"].threshold < GRID[-1]
    at = int(np.flatnonzero(both["bag"].threshold == GRID)[0])
    assert (both["bag"].n, both["bag"].k) == (30 * (at + 1), 0)


def test_lowered_below_the_start_it_certifies_nothing() -> None:
    bag = Points(np.array([0] * 15 + [30] * 5 + [0]), np.zeros(21, int), LABELLED)
    box = Points(np.array([30] * 20 + [0]), np.array([0] * 4 + [30] * 16 + [0]), LABELLED)
    both = issue({("pair", "audit", "bag"): bag, ("pair", "audit", "box"): box})
    assert both["bag"].threshold is None
    assert both["bag"].why_none is not None
    assert "more protective" in both["bag"].why_none
    assert both["box"].threshold is not None


def test_under_reporting_is_corrected_once_in_each_promise() -> None:
    halved = {"reporting_rate": 0.5}
    shipment, pair = terms("shipment", 0.1, **halved), terms("pair", 0.1, **halved)
    assert shipment.tested_alpha(shipment.config.promises[0]) == pytest.approx(0.05)
    assert pair.tested_alpha(pair.config.promises[0]) == pytest.approx(0.1)
    assert shipment.monitored(shipment.config.promises[0]) == pytest.approx(0.05)
    assert pair.monitored(pair.config.promises[0]) == pytest.approx(0.055)
    assert issue({("shipment", "audit", "bag"): points(3)}, shipment)["bag"].threshold is None
    assert issue({("shipment", "audit", "bag"): points(3)}, terms("shipment"))["bag"].threshold is not None


def test_p2_the_id_follows_what_the_certificate_stands_on() -> None:
    given = {("pair", "audit", "bag"): points(10)}
    first = issue(given)["bag"]
    assert first.certificate_id == issue(given)["bag"].certificate_id
    assert first.certificate_id != issue({("pair", "audit", "bag"): points(11)})["bag"].certificate_id
    assert first.certificate_id != issue(given, terms(alpha=0.11))["bag"].certificate_id
    assert first.certificate_id != issue(given, replace(terms(), model_version="n"))["bag"].certificate_id
    more = {key: {m: 2 * n + np.arange(21) for m, n in counts.items()} for key, counts in CATALOG.items()}
    by_cell = {("pair", "audit"): {("*", "bag", "photos"): points(10)}}
    other = next(one for one in certify([BAG, BOX], more, by_cell, terms()) if one.stratum == "photos")
    assert other.share_certified != first.share_certified
    assert other.certificate_id == first.certificate_id


def test_both_promises_certify_by_the_stricter_threshold() -> None:
    blank = issue({})["bag"]
    pair = replace(blank, certificate_id="p", threshold=0.3)
    shipment = replace(blank, certificate_id="s", threshold=0.2, promise="shipment")
    pair, shipment = replace(pair, marketplaces=("EU", "NA")), replace(shipment, marketplaces=("JP", "NA"))
    cell = ("*", "bag", "photos")
    assert thresholds([pair, shipment], "both") == [(*cell, "NA", 0.2, "s")]
    assert thresholds([pair, shipment], "pair") == [(*cell, "EU", 0.3, "p"), (*cell, "NA", 0.3, "p")]
    assert thresholds([pair, replace(shipment, threshold=None)], "both") == []

"""Invented catalogs whose truth is known: what breaks in which package, what the model knows, what ships today."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from leastpack.policy.choose import Options, preference

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Eight package types from a small bag to a large box: litres, protection, cost, grams, in order of protection.
LITRES = np.array([1.0, 4.0, 12.0, 1.5, 6.0, 3.0, 12.0, 40.0])
PROTECTION = np.array([0.0, 0.0, 0.0, 0.8, 0.8, 1.8, 1.8, 2.2])
COST = np.array([0.08, 0.12, 0.20, 0.25, 0.35, 0.50, 0.80, 1.40])
GRAMS = np.array([8.0, 15.0, 25.0, 35.0, 60.0, 110.0, 220.0, 480.0])
# Damage rate a shipment of safe and of unsafe pairs, and the damage cost as a multiple of the price.
SAFE_RATE, UNSAFE_RATE, DAMAGE_COST = 0.001, 0.2, 1.0
# Spread of what the model does not know of a product, beside a spread of 1 of what it does.
UNKNOWN = 0.6


@dataclass(frozen=True)
class World:
    """A catalog of n products and t package types.

    Attributes:
        name: What is special about it.
        options: What the policy sees.
        unsafe: (n, t) the truth; false where a pair does not fit.
        shipped: (n, t) the truth when the policy ships, where it has changed since the labels.
        grams: (t,) weight of the packages.
        trusted: (n, t) pairs that the shipper believes to be safe, knowing what it knows.
        sensitivity: Share of unsafe pairs that a tester finds unsafe.
        false_alarms: Share of safe pairs that a tester finds unsafe.
        missing: Share of results that do not come back; of unsafe pairs twice as many.
        reporting: Share of damages that are reported.
        put_aside: Share of a pilot's shipments of unsafe pairs that a packing station sends in another package.
    """

    name: str
    options: Options
    unsafe: Flags
    shipped: Flags
    grams: Numbers
    trusted: Flags
    sensitivity: float = 1.0
    false_alarms: float = 0.0
    missing: float = 0.0
    reporting: float = 1.0
    put_aside: float = 0.0

    @property
    def damage_rate(self) -> Numbers:
        """(n, t) probability that a shipment breaks."""
        return np.where(self.unsafe, UNSAFE_RATE, SAFE_RATE)


@dataclass(frozen=True)
class Traits:
    """How a world differs from the plain one.

    Attributes:
        family: Mean size of families of products that break alike.
        equal_fits: Every product fits in every package.
        insight: Share of what the model does not know that the shipper knows and ships by.
        stretch: Factor on the log-odds of the model's risks; 1 is calibrated.
        shift: Added to the log-odds of the model's risks.
        by_type: Spread of an error of the log-odds by package type.
        drift: Added to the fragility of all products after the labels.
    """

    family: int = 1
    equal_fits: bool = False
    insight: float = 0.0
    stretch: float = 1.0
    shift: float = 0.0
    by_type: float = 0.0
    drift: float = 0.0


def make_world(name: str, products: int, rng: np.random.Generator, traits: Traits | None = None) -> World:
    """Draw a catalog.

    A product breaks in a package where its fragility is above the package's protection. The model knows the fragility
    but for a normal rest, so that its risks are exactly calibrated, unless the traits spoil them. Every second product
    ships in the lightest package that its shipper trusts; the others in the smallest box.

    Args:
        name: What is special about it.
        products: Number of products.
        rng: Draws it.
        traits: What is special about it.
    """
    special_ = traits or Traits()
    families = rng.integers(0, max(1, products // special_.family), products)
    known, rest = rng.normal(-2.0, 1.0, products)[families], UNKNOWN * rng.normal(0, 1, products)[families]
    litres = np.exp(rng.normal(0.5, 1.0, products))
    fits = np.ones((products, len(COST)), bool) if special_.equal_fits else litres[:, None] <= LITRES
    unsafe = fits & ((known + rest)[:, None] > PROTECTION)
    shipped = fits & ((known + rest + special_.drift)[:, None] > PROTECTION)
    true_risk = stats.norm.cdf((known[:, None] - PROTECTION) / UNKNOWN)
    errors = special_.shift + special_.by_type * rng.normal(0, 1, len(COST))
    risk = special.expit(special_.stretch * special.logit(np.clip(true_risk, 1e-9, 1 - 1e-9)) + errors)
    trusted = _trusted(fits, known + special_.insight * rest, special_.insight)
    today = _habits(fits, trusted, rng)
    price = np.exp(rng.normal(1.5, 0.8, products))[:, None]
    cost = COST + DAMAGE_COST * price * (SAFE_RATE + risk * (UNSAFE_RATE - SAFE_RATE))
    void = 1 - np.minimum(1, litres[:, None] / LITRES)
    options = Options(
        usable=fits,
        risk=risk,
        cost=cost,
        order=preference(cost, void, stats.rankdata(PROTECTION)),
        today=today,
        settled=~fits.any(axis=1),
        rejected=np.zeros(products, bool),
    )
    return World(name, options, unsafe, shipped, GRAMS, trusted)


def _trusted(fits: Flags, believed: Numbers, insight: float) -> Flags:
    spread = UNKNOWN * np.sqrt(1 - insight**2) if insight < 1 else 1e-9
    found: Flags = fits & (stats.norm.cdf((believed[:, None] - PROTECTION) / spread) <= 0.02)
    return found


def _habits(fits: Flags, trusted: Flags, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """(n,) places of today's packages."""
    boxes = fits & (PROTECTION >= 1.8)
    careful = np.where(boxes.any(axis=1), boxes.argmax(axis=1), len(COST) - 1)
    bold = np.where(trusted.any(axis=1), trusted.argmax(axis=1), careful)
    return np.where(rng.random(len(fits)) < 0.5, bold, careful)


def all_worlds(products: int, rng: np.random.Generator) -> list[World]:
    """Every world by name."""

    def world(name: str, traits: Traits | None = None, **more: float) -> World:
        return replace(make_world(name, products, rng, traits), **more)  # type: ignore[arg-type]

    return [
        world("one fit for all", Traits(equal_fits=True)),
        world("unequal fits"),
        world("families", Traits(family=15)),
        world("shipper knows more", Traits(insight=0.8)),
        world("risks too low", Traits(stretch=0.7, shift=-1.5)),
        world("risks too high", Traits(shift=1.5)),
        world("risks wrong by type", Traits(by_type=1.0)),
        world("tester errors", sensitivity=0.85, false_alarms=0.003),
        world("missing results", missing=0.003),
        world("under-reporting", reporting=0.7),
        world("fragile ones put aside", put_aside=0.95),
        world("drift after labels", Traits(drift=0.3)),
    ]

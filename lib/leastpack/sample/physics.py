"""The hidden truth: how often a journey damages a product in a package.

A story of a few mechanisms. On its way a parcel is dropped, stacked, hit and squeezed, each a random number of times
(Poisson), and how hard follows a Weibull tail. A product breaks at the first event harder than what it withstands; its
vendor's packing and the package multiply what it withstands, the air in a box lets it knock about: more events, and
harder ones. Damage is the chance that any mechanism strikes: 1 - prod(1 - p). All factors rise with protection and fall
with air, so that the truth is monotone. Not calibrated on anything real.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leastpack.config.packages import PackageType
from leastpack.sample.room import air

Floats = npt.NDArray[np.float64]

MECHANISMS = ("shock", "crush", "pierce", "leak", "mishap")
ATTRIBUTES = ("rigidity", "cushioning", "puncture", "seal")


@dataclass(frozen=True)
class Journey:
    """One mechanism of a journey: events a journey, typical hardness, exponent of the tail."""

    events: float
    usual: float
    tail: float


DROPS = Journey(2.0, 24.0, 2.0)  # cm
LOADS = Journey(1.2, 6.5, 1.6)  # kg
HITS = Journey(0.8, 1.4, 1.8)  # J
SQUEEZES = Journey(0.6, 0.9, 1.8)  # pressure over a usual journey's
MISHAP = 0.0006  # run over, soaked, torn open: strikes anything; walls help a little


def strike(journey: Journey, withstands: Floats, more_events: Floats | float = 1.0) -> Floats:
    """Chance that at least one event of a journey is harder than what the product withstands."""
    harder = np.exp(-((withstands / journey.usual) ** journey.tail))
    return np.asarray(-np.expm1(-journey.events * more_events * harder))


def mechanism_rates(withstands: Floats, protection: Floats, empty: Floats) -> Floats:
    """Chance of each mechanism.

    Args:
        withstands: (n, 4) what the packed products withstand of shock, crush, pierce and leak.
        protection: (4,) protection of one package in the order of ATTRIBUTES, each in [0, 1].
        empty: (n,) share of the package that holds air.

    Returns:
        (n, 5) probabilities in the order of MECHANISMS.
    """
    rigidity, cushioning, puncture, seal = protection
    passed_on = (1.0 - 0.76 * cushioning**1.4) * (1.0 - 0.25 * rigidity)
    knocking = 1.0 + 0.2 * empty
    shock = strike(DROPS, withstands[:, 0] / passed_on / knocking, 1.0 + 0.6 * empty)
    crush = strike(LOADS, withstands[:, 1] / (1.0 - 0.9 * rigidity * (1.0 - 0.15 * empty)))
    pierce = strike(HITS, withstands[:, 2] / (1.0 - 0.85 * puncture))
    leak = strike(SQUEEZES, withstands[:, 3] / (1.0 - 0.85 * seal))
    mishap = np.full(len(withstands), MISHAP * (1.0 - 0.7 * rigidity))
    return np.stack([shock, crush, pierce, leak, mishap], axis=1)


def protection_of(package: PackageType, attributes: Sequence[str]) -> Floats:
    """The package's protection in the order of ATTRIBUTES; an attribute that its file does not declare is 0."""
    declared = dict(zip(attributes, package.profile, strict=True))
    return np.array([declared.get(name, 0.0) for name in ATTRIBUTES])


def damage_by_mechanism(
    withstands: Floats, packed_cm: Floats, packages: Sequence[PackageType], attributes: Sequence[str]
) -> Floats:
    """Chance of each mechanism for every product in every package, as if forced in where it does not fit.

    Returns:
        (n, packages, 5) probabilities.
    """
    return np.stack(
        [
            mechanism_rates(withstands, protection_of(package, attributes), air(packed_cm, package))
            for package in packages
        ],
        axis=1,
    )


def any_damage(by_mechanism: Floats) -> Floats:
    """Chance that any mechanism strikes: 1 - prod(1 - p) over the last axis."""
    return np.asarray(1.0 - np.prod(1.0 - by_mechanism, axis=-1))

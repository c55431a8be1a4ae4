"""Certificates: what the calibration points of every cell allow to promise."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt

from leastpack.config.decisions import DecisionsConfig, PromiseConfig
from leastpack.decisions.cells import AUDIT, NO_PHOTOS, PHOTOS, SHIPPED, Cell, Histogram, Profile
from leastpack.decisions.sequence import Sequence as Tested
from leastpack.decisions.sequence import close_upward, run_sequence
from leastpack.decisions.statistics import hidden_selection, labels_needed, start_points
from leastpack.outcomes.bounds import upper_bounds
from leastpack.policy.exact import binomial_p_values


@dataclass(frozen=True)
class Points:
    """Calibration points of a cell.

    Attributes:
        n: (G + 1,) points by place on the grid, the last above every threshold.
        k: (G + 1,) bad ones among them.
        marketplaces: Marketplaces with labelled pairs in the cell, sorted: the population that the points speak of.
        labelled: Pairs that the points were drawn from.
    """

    n: Histogram
    k: Histogram
    marketplaces: tuple[str, ...] = ()
    labelled: int = 0


@dataclass(frozen=True)
class Terms:
    """What the promises of a run are made about.

    Attributes:
        config: Promises, grid, cap and seed.
        tau: Damage rate a shipment above which a pair is unsafe.
        reporting_rate: Share of damages that are reported.
        model_version: Model behind the risks.
        grid: (G,) risk thresholds.
    """

    config: DecisionsConfig
    tau: float
    reporting_rate: float
    model_version: str
    grid: npt.NDArray[np.float64]

    def tested_alpha(self, promise: PromiseConfig) -> float:
        """The bound for what is observed: of all damages only the reported ones are seen.

        An unsafe pair is told by comparing with tau times the reporting rate, so the pair promise needs no second
        correction.
        """
        return promise.alpha * (self.reporting_rate if promise.promise == "shipment" else 1.0)

    def monitored(self, promise: PromiseConfig) -> float:
        """m0: the reported damage probability a shipment that the promise implies.

        A share 1 - alpha of safe pairs breaks at tau at most, a share alpha of unsafe ones at 1 at most.
        """
        return (promise.alpha + (self.tau if promise.promise == "pair" else 0.0)) * self.reporting_rate


@dataclass(frozen=True)
class Certificate:
    """A row of table certificates, less the run; `pool` is `*` or the marketplace."""

    certificate_id: str
    pool: str
    model_version: str
    profile_hash: str
    marketplaces: tuple[str, ...]
    package_types: tuple[str, ...]
    stratum: str
    promise: str
    alpha: float
    delta: float
    threshold: float | None
    weighting: str
    slice: str
    n: int
    k: int
    upper_bound: float
    share_certified: float
    why_none: str | None
    labels_needed: int | None
    gamma: float | None
    m0: float


def certify(
    profiles: Sequence[Profile],
    catalog: Mapping[Cell, Mapping[str, Histogram]],
    points: Mapping[tuple[str, str], Mapping[Cell, Points]],
    terms: Terms,
) -> list[Certificate]:
    """Test every promise in every cell and close the thresholds upward.

    Args:
        profiles: All profiles.
        catalog: Cell to marketplace to (G + 1,) counts of the pairs that fit and have a risk.
        points: (promise, slice) to the calibration points of each cell.
        terms: Promises, tau, reporting rate, model, grid.

    Returns:
        One certificate a promise, profile and stratum, also where nothing is certified.
    """
    issued = []
    for promise in terms.config.promises:
        for stratum in (PHOTOS, NO_PHOTOS):
            for pool in sorted({profile.pool for profile in profiles}):
                own = [profile for profile in profiles if profile.pool == pool]
                issued += _certify_pool(own, stratum, promise, catalog, points, terms)
    return issued


def thresholds(certificates: Sequence[Certificate], certify_by: str) -> list[tuple[str, str, str, str, float, str]]:
    """The threshold of each cell and marketplace that certifies, and the certificate it stands on.

    Where both promises certify, each must hold: the stricter threshold counts.

    Returns:
        Rows of pool, profile_hash, stratum, marketplace, threshold, certificate_id, sorted.
    """
    promises = ("pair", "shipment") if certify_by == "both" else (certify_by,)
    given: dict[tuple[str, str, str, str], list[tuple[float, str]]] = {}
    for one in certificates:
        if one.promise in promises and one.threshold is not None:
            for marketplace in one.marketplaces:
                key = (one.pool, one.profile_hash, one.stratum, marketplace)
                given.setdefault(key, []).append((one.threshold, one.certificate_id))
    return sorted((*key, *min(found)) for key, found in given.items() if len(found) == len(promises))


def _certify_pool(
    profiles: Sequence[Profile],
    stratum: str,
    promise: PromiseConfig,
    catalog: Mapping[Cell, Mapping[str, Histogram]],
    points: Mapping[tuple[str, str], Mapping[Cell, Points]],
    terms: Terms,
) -> list[Certificate]:
    alpha = terms.tested_alpha(promise)
    slices, chosen, sequences = {}, {}, {}
    for profile in profiles:
        cell = (profile.pool, profile.profile_hash, stratum)
        name, own = _choose_slice(cell, promise.promise, points, start_points(alpha, promise.delta), len(terms.grid))
        slices[profile.profile_hash], chosen[profile.profile_hash] = name, own
        sequences[profile.profile_hash] = run_sequence(own.n[:-1], own.k[:-1], alpha, promise.delta)
    closed = close_upward(sequences, {profile.profile_hash: profile.stronger for profile in profiles})
    issued = []
    for profile in profiles:
        name = profile.profile_hash
        blank = _blank(profile, chosen[name].marketplaces, stratum, promise, slices[name], terms)
        by_market = catalog.get((profile.pool, name, stratum), {})
        counts = sum((by_market[name] for name in blank.marketplaces if name in by_market), _none(len(terms.grid)))
        last = closed[name]
        if last is None:
            filled = _refused(blank, sequences[name], int(counts.sum()), chosen[name].labelled, alpha, terms.grid)
        else:
            filled = _given(blank, sequences[name], last, counts, alpha, terms.grid)
        issued.append(replace(filled, certificate_id=_identity(filled, terms)))
    return issued


def _choose_slice(
    cell: Cell, promise: str, points: Mapping[tuple[str, str], Mapping[Cell, Points]], enough: int, size: int
) -> tuple[str, Points]:
    """The audit slice if it has enough points, else the shipped one if that has, else the larger one."""
    none = Points(_none(size), _none(size))
    found = {name: points.get((promise, name), {}).get(cell, none) for name in (AUDIT, SHIPPED)}
    sizes = {name: int(one.n[:-1].sum()) for name, one in found.items()}
    for name in (AUDIT, SHIPPED):
        if sizes[name] >= enough:
            return name, found[name]
    larger = max((AUDIT, SHIPPED), key=lambda name: sizes[name])
    return larger, found[larger]


def _none(size: int) -> Histogram:
    return np.zeros(size + 1, dtype=np.int64)


def _blank(
    profile: Profile, labelled: Sequence[str], stratum: str, promise: PromiseConfig, slice_: str, terms: Terms
) -> Certificate:
    types = [one for one in profile.types if one[0] in labelled] or profile.types
    return Certificate(
        certificate_id="",
        pool=profile.pool,
        model_version=terms.model_version,
        profile_hash=profile.profile_hash,
        marketplaces=tuple(sorted({marketplace for marketplace, _ in types})),
        package_types=tuple(sorted({name for _, name in types})),
        stratum=stratum,
        promise=promise.promise,
        alpha=promise.alpha,
        delta=promise.delta,
        threshold=None,
        weighting=f"pairs, at most {terms.config.group_cap} a group",
        slice=slice_,
        n=0,
        k=0,
        upper_bound=1.0,
        share_certified=0.0,
        why_none=None,
        labels_needed=None,
        gamma=None,
        m0=terms.monitored(promise),
    )


def _given(
    blank: Certificate, tested: Tested, last: int, counts: Histogram, alpha: float, grid: npt.NDArray[np.float64]
) -> Certificate:
    n, k = int(tested.n[last]), int(tested.k[last])
    return replace(
        blank,
        threshold=float(grid[last]),
        n=n,
        k=k,
        upper_bound=_upper(k, n, blank.delta),
        share_certified=float(counts[: last + 1].sum() / max(1, counts.sum())),
        gamma=hidden_selection(tested.n, tested.k, last, alpha, blank.delta) if blank.slice == SHIPPED else None,
    )


def _refused(
    blank: Certificate, tested: Tested, candidates: int, labelled: int, alpha: float, grid: npt.NDArray[np.float64]
) -> Certificate:
    at = len(grid) - 1 if tested.start is None else tested.start
    n, k = int(tested.n[at]), int(tested.k[at])
    needed = labels_needed(tested.n, tested.k, alpha, blank.delta)
    if candidates == 0:
        why = "no pair fits and has a risk"
        needed = None
    elif tested.start is None:
        why = f"{n} calibration points from {labelled} labelled pairs; "
        why += f"the sequence starts with {start_points(alpha, blank.delta)} points"
    elif tested.last is None:
        p_value = float(binomial_p_values(k, n, alpha))
        where = f"at or under the first threshold, {grid[at]:.4g}"
        why = f"{k} bad of {n} points {where}: p = {p_value:.2g}, not {blank.delta:g}"
        why += "" if needed else "; no threshold has a bad rate below alpha"
    else:
        why = f"a more protective type is certified only below {grid[at]:.4g}, where the sequence starts"
        needed = None
    return replace(blank, n=n, k=k, upper_bound=_upper(k, n, blank.delta), why_none=why, labels_needed=needed)


def _upper(k: int, n: int, delta: float) -> float:
    return float(upper_bounds(k, n, 1 - delta))


def _identity(certificate: Certificate, terms: Terms) -> str:
    """Hash of what the certificate depends on; the share of today's catalog that it covers is not part of that."""
    content = asdict(certificate) | {"seed": terms.config.seed, "grid": len(terms.grid), "tau": terms.tau}
    content |= {"reporting_rate": terms.reporting_rate}
    for name in ("certificate_id", "share_certified"):
        del content[name]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

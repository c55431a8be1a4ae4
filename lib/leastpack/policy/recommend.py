"""What each product ships in: the choice under its certificate, then what is proven of single pairs, with reasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leastpack.policy.choose import NONE, Choice, Flags, Numbers, Options, Places, best_allowed, choose

MOVED, FIRST, KEPT, SUSPENDED, AWAY = "moved", "first", "kept", "suspended", "away_from_rejected"
PROVEN_SAFE, SIZE_CONFLICT, SAFE_DEFAULT, NOTHING_FITS = "proven_safe", "size_conflict", "safe_default", "nothing_fits"
PINNED, BANNED = "pinned", "banned"
# Why a kept product does not move, in the order in which it is asked.
UNSCORED, NOTHING_LIGHTER, PROVEN_UNSAFE = "unscored", "nothing_lighter_fits", "proven_unsafe"
SAVING_TOO_SMALL, UNSUPPORTED, NO_CERTIFICATE = "saving_too_small", "unsupported", "no_certificate"
HELD_BACK, ABOVE_LEVEL, TYPE_WITHDRAWN = "held_back", "above_level", "type_withdrawn"


@dataclass(frozen=True)
class Known:
    """What counts beside the options, once a certificate stands.

    Attributes:
        level: (n,) certified level of the product's cell; NaN without a certificate.
        supported: (n,) labels of the cell are such that they could certify.
        fits: (n, t) the pair fits and its package is in use.
        scored: (n, t) the pair has a risk.
        safe: (n, t) pairs proven safe, by audits and pilots too.
        unsafe: (n, t) pairs proven unsafe, by audits and pilots too.
        pinned: (n,) a rule pins the product to `today`.
        banned: (n, t) pairs that a rule bans.
        misfit: (n,) the product's size does not fit into today's package.
        suspended: (n,) the product is back in the package before its last move.
        withdrawn: (n, t) pairs of types that labels of the product's cell contradict: no certified move goes to them.
            By cell: elsewhere the type may be what keeps the promise.
        unlisted: (n, t) pairs that are not on the frozen list of moves which the certificate is of: it says nothing of
            them.
        released: (n,) a move that is new may go out now; a share of each cell's products by hash, first packages alike,
            so that what goes out is like what was tested.
        in_use: (t,) types that are used today.
        shipped: (n,) place of the package that each ships in now; NONE where it never shipped.
        safe_default: (t,) types that may be used without a certificate.
    """

    level: Numbers
    supported: Flags
    fits: Flags
    scored: Flags
    safe: Flags
    unsafe: Flags
    pinned: Flags
    banned: Flags
    misfit: Flags
    suspended: Flags
    withdrawn: Flags
    unlisted: Flags
    released: Flags
    in_use: Flags
    shipped: Places
    safe_default: Flags


@dataclass(frozen=True)
class Recommendation:
    """The packages of n products.

    Attributes:
        package: (n,) place of the type; NONE where nothing fits.
        reason: (n,) why it is that one.
        why_not_moved: (n,) why a kept product does not move; empty otherwise.
        safe_default: (n,) place of the least costly safe default that may be used; NONE where there is none.
        certified: (n,) the product moves under the certificate: to the package that it chose, or from there to one
            proven safe. The promise is about all of these.
        by_proof: (n,) the product goes out in a package that is proven safe for it.
    """

    package: Places
    reason: npt.NDArray[np.str_]
    why_not_moved: npt.NDArray[np.str_]
    safe_default: Places
    certified: Flags
    by_proof: Flags


def recommend(options: Options, known: Known, least_saving: float = 0.0) -> Recommendation:
    """Recommend a package for every product.

    The certified policy chooses first. A chosen pair that is proven unsafe or banned, or whose type is withdrawn, does
    not go out, and nothing takes its place. A pair proven safe is used without a certificate, if it saves enough, or if
    today's is proven unsafe. Where neither has a package for a product that has none, or whose package is banned or not
    in use any more, the least costly safe default is used. Without any, it goes on in the package that it ships in. A
    pin stands above all of this.

    Args:
        options: The products' pairs.
        known: What else counts.
        least_saving: Saving a shipment from which a product moves.

    Returns:
        The recommendations.
    """
    rows, has = np.arange(len(options.today)), options.today != NONE
    settled = options.settled | known.suspended
    choice = choose(options, known.level, least_saving)
    stopped = (known.unsafe | known.withdrawn | known.banned | known.unlisted)[rows, choice.package]
    certified = choice.moves & ~settled & ~stopped & known.released
    package = np.where(certified, choice.package, options.today)
    proven, by_proof = _by_proof(options, known, package, least_saving)
    by_proof &= ~settled & (known.released | ~has)
    package = np.where(by_proof, proven, package)
    default = _default(options, known)
    banned = has & known.banned[rows, options.today] & ~known.pinned
    ended = has & ~known.in_use[options.today] & ~known.pinned
    by_default = ((package == NONE) | ((banned | ended) & ~certified & ~by_proof)) & (default != NONE)
    package = np.where(by_default, default, package)
    goes_on = (package == NONE) & (known.shipped != NONE)
    package = np.where(goes_on, known.shipped, package)
    away = options.rejected & has
    reason = np.select(
        [
            known.pinned,
            banned,
            known.suspended,
            known.misfit,
            by_proof,
            certified & ~has,
            certified & away,
            certified,
            by_default,
            has | goes_on,
        ],
        [PINNED, BANNED, SUSPENDED, SIZE_CONFLICT, PROVEN_SAFE, FIRST, AWAY, MOVED, SAFE_DEFAULT, KEPT],
        default=NOTHING_FITS,
    )
    why = np.where(reason == KEPT, _why_not_moved(options, known, choice, least_saving), "")
    return Recommendation(package, reason, why, default, certified, by_proof)


def _by_proof(options: Options, known: Known, package: Places, least_saving: float) -> tuple[Places, Flags]:
    """The best pair proven safe, and whether it is worth leaving `package` for."""
    rows = np.arange(len(package))
    best, some = best_allowed(options.order, options.usable & known.safe & ~known.unsafe & ~known.banned)
    saved = options.cost[rows, package] - options.cost[rows, best]
    better = (package == NONE) | ((saved >= least_saving) & (saved > 0))
    # Away from a package that must not go on, whatever it costs.
    unsound = options.rejected | known.unsafe[rows, package]
    stuck = unsound & (package == options.today) & (package != NONE)
    return best, some & (best != package) & (better | stuck)


def _default(options: Options, known: Known) -> Places:
    allowed = known.fits & known.safe_default & ~known.unsafe & ~known.banned & (options.usable | ~known.scored)
    best, some = best_allowed(options.order, allowed)
    return np.where(some, best, NONE)


def _why_not_moved(options: Options, known: Known, choice: Choice, least_saving: float) -> npt.NDArray[np.str_]:
    rows, has = np.arange(len(options.today)), options.today != NONE
    no_level = np.isnan(known.level)
    saved = options.cost[rows, options.today][:, None] - options.cost
    away = options.rejected[:, None] & (np.arange(options.cost.shape[1]) != options.today[:, None])
    lighter = known.fits & known.scored & ~known.banned & ((saved > 0) | away)
    usable = lighter & options.usable & ~known.unsafe
    worth = usable & ((saved >= least_saving) | away)
    return np.select(
        [
            ~(known.fits & known.scored).any(axis=1) | (has & np.isnan(options.cost[rows, options.today])),
            has & ~lighter.any(axis=1),
            has & ~usable.any(axis=1),
            has & ~worth.any(axis=1),
            no_level & ~known.supported,
            no_level,
            choice.moves & known.unsafe[rows, choice.package],
            choice.moves & known.withdrawn[rows, choice.package],
            choice.moves & known.banned[rows, choice.package],
            choice.moves & known.unlisted[rows, choice.package],
            choice.moves,
        ],
        [
            UNSCORED,
            NOTHING_LIGHTER,
            PROVEN_UNSAFE,
            SAVING_TOO_SMALL,
            UNSUPPORTED,
            NO_CERTIFICATE,
            PROVEN_UNSAFE,
            TYPE_WITHDRAWN,
            BANNED,
            UNSUPPORTED,
            HELD_BACK,
        ],
        default=ABOVE_LEVEL,
    )

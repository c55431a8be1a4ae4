"""Draws by hash of the key: the same on any number of cores, in any order, in any process."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.int64]
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def hashes(keys: Keys, *salts: int | str) -> npt.NDArray[np.uint64]:
    """One 64-bit hash a key under the given salts (the finaliser of splitmix64; Steele, Lea and Flood 2014).

    Args:
        keys: (n,) integers that identify the rows.
        *salts: What the draw is for, such as a seed, a name and an epoch; other salts give independent draws.

    Returns:
        (n,) hashes.
    """
    return _mix(_mix(keys.astype(np.int64).view(np.uint64)) ^ np.uint64(seed_of(*salts)))


def uniform(keys: Keys, *salts: int | str) -> npt.NDArray[np.float64]:
    """One number in [0, 1) a key under the given salts; see `hashes`."""
    return (hashes(keys, *salts) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def seed_of(*salts: int | str) -> int:
    """A seed in [0, 2**63) from the salts, the same in every process."""
    return int.from_bytes(hashlib.sha256(repr(salts).encode()).digest()[:8], "little") >> 1


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        mixed = (values ^ (values >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    result: npt.NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return result

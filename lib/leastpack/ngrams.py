"""Hashed words and character n-grams of a text, in any script, stable across processes, machines and versions.

A text is folded (`leastpack.words`), and every character that is no letter, mark or number becomes a space. From it:

- words: runs of characters, broken also where Han, Hiragana, Katakana and other scripts meet, since Japanese and
  Chinese write no spaces;
- character 3-, 4- and 5-grams inside the runs between spaces, one space on either side included.

Each is hashed with 64-bit integer arithmetic written out here and reduced to a bucket. A bucket counts once a text.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from leastpack.words import fold

Ints = npt.NDArray[np.int64]
_Hashes = npt.NDArray[np.uint64]

MAX_CHARACTERS = 8192  # longer texts are cut here, before and after normalisation, so that work and memory stay bounded
GRAMS = (3, 4, 5)

_SPACE = 0x20
_CHUNK = 128  # texts hashed at once: enough to be quick, few enough that the longest stay within some 100 MB
_CLASSES = 0x40000  # code points above hold no letters in use
_HAN, _HIRAGANA, _KATAKANA = 2, 3, 4
_SCRIPTS = {
    _HAN: ((0x3005, 0x3008), (0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32400)),
    _HIRAGANA: ((0x3041, 0x30A0),),
    _KATAKANA: ((0x30A1, 0x3100), (0x31F0, 0x3200)),
}
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def hashed_ids(text: str | None, buckets: int) -> Ints:
    """Buckets of one text's words and character n-grams.

    Args:
        text: Any text; only its first `MAX_CHARACTERS` characters count.
        buckets: Number of buckets.

    Returns:
        (k,) distinct buckets in increasing order, empty for no text.
    """
    return hashed_bags([text], buckets)[0]


def hashed_bags(texts: Sequence[str | None], buckets: int) -> tuple[Ints, Ints]:
    """`hashed_ids` of many texts at once.

    Args:
        texts: n texts.
        buckets: Number of buckets.

    Returns:
        ids: (total,) buckets of all texts, one text after the other.
        offsets: (n,) where each text's ids start.
    """
    ids, counts = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(texts), _CHUNK):
        chunk_ids, chunk_counts = _chunk(texts[start : start + _CHUNK], buckets)
        ids.append(chunk_ids)
        counts.append(chunk_counts)
    ends = np.cumsum(np.concatenate(counts))
    return np.concatenate(ids), np.concatenate([np.zeros(1, dtype=np.int64), ends])[: len(texts)]


def _chunk(texts: Sequence[str | None], buckets: int) -> tuple[Ints, Ints]:
    clean = [_normalised(text) for text in texts]
    # Each text stands between spaces, so no run and no n-gram crosses from one text into the next.
    lengths = np.fromiter((len(text) + 2 for text in clean), dtype=np.int64, count=len(clean))
    row = np.repeat(np.arange(len(clean), dtype=np.int64), lengths)
    joined = " " + "  ".join(clean) + " "
    raw = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    classes = _class_table()[np.minimum(raw, _CLASSES)]
    codes: _Hashes = np.where(classes == 0, _SPACE, raw).astype(np.uint64)
    found = [_word_hashes(codes, classes), *(_gram_hashes(codes, classes == 0, size) for size in GRAMS)]
    cells = np.concatenate([row[starts] * buckets + _reduce(hashes, buckets) for hashes, starts in found])
    distinct = np.unique(cells)
    ends = np.searchsorted(distinct, np.arange(1, len(clean) + 1) * buckets)
    return distinct % buckets, np.diff(ends, prepend=0)


def _normalised(text: str | None) -> str:
    return fold((text or "")[:MAX_CHARACTERS])[:MAX_CHARACTERS]


def _word_hashes(codes: _Hashes, classes: npt.NDArray[np.uint8]) -> tuple[_Hashes, Ints]:
    changes = np.ones(len(classes), dtype=bool)
    changes[1:] = classes[1:] != classes[:-1]
    starts = np.flatnonzero(changes)
    lengths = np.diff(np.append(starts, len(codes)))
    place = np.arange(len(codes)) - np.repeat(starts, lengths)
    # Polynomial in the characters of the run, arithmetic modulo 2**64.
    sums = np.add.reduceat(codes * _powers(int(lengths.max()))[place], starts)
    words = classes[starts] != 0
    return sums[words], starts[words]


def _gram_hashes(codes: _Hashes, spaces: npt.NDArray[np.bool_], size: int) -> tuple[_Hashes, Ints]:
    count = len(codes) - size + 1
    if count <= 0:
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
    inside = np.ones(count, dtype=bool)
    for place in range(1, size - 1):
        inside &= ~spaces[place : place + count]
    starts = np.flatnonzero(inside)
    powers = _powers(size)
    # The size goes in too, or a word and an n-gram of the same letters would be one.
    sums = np.full(len(starts), np.uint64(size) << np.uint64(32), dtype=np.uint64)
    for place in range(size):
        sums += codes[starts + place] * powers[place]
    return sums, starts


@functools.lru_cache(maxsize=32)
def _powers(count: int) -> _Hashes:
    factors = np.full(count, _BASE, dtype=np.uint64)
    factors[0] = 1
    powers: _Hashes = np.multiply.accumulate(factors)
    return powers


def _reduce(hashes: _Hashes, buckets: int) -> Ints:
    # The finaliser of splitmix64 (Steele, Lea and Flood 2014) spreads every bit before the modulus.
    mixed = (hashes ^ (hashes >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed % np.uint64(buckets)).astype(np.int64)


@functools.lru_cache(maxsize=1)
def _class_table() -> npt.NDArray[np.uint8]:
    """Class by code point: 0 no part of a word, 1 letters, marks and numbers, 2 to 4 scripts written without spaces."""
    table = np.zeros(_CLASSES + 1, dtype=np.uint8)
    table[:_CLASSES] = [unicodedata.category(chr(code))[0] in "LMN" for code in range(_CLASSES)]
    for script, ranges in _SCRIPTS.items():
        for start, stop in ranges:
            table[start:stop][table[start:stop] == 1] = script
    return table

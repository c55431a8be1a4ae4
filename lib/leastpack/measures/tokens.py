"""Cuts a `plain` text into numbers, words and signs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import gcd
from typing import Literal

import regex

from leastpack.measures.numbers import last_step, read_number

Kind = Literal["number", "word", "sign"]
_FRACTION = (
    r"(?<![\d.,/])(?<!/ )(?:(?P<whole>\d+)[ -]+)?(?P<top>\d+) ?/ ?"
    r"(?P<bottom>2|3|4|5|6|8|16|32|64)(?![\d.,]| ?/)"
)
_NUMBER = r"\d+(?:[.,]\d+)*(?:e[+-]?\d+(?![\p{L}\d]))?|(?<![\p{L}\d])[.,]\d+"
# Groups of thousands may be set apart by a space or an apostrophe, where these cannot part two numbers or mean feet.
_GROUPED = r"\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?(?!\d)|" + _NUMBER
# Scripts that are written without spaces.
_TOGETHER = r"[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Hangul}\p{Thai}]"
_REST = rf"(?P<word>{_TOGETHER}+|(?:(?!{_TOGETHER})[\p{{L}}\p{{M}}])+)|(?P<sign>\S)"
_TIGHT = regex.compile(rf"{_FRACTION}|(?P<number>{_NUMBER})|{_REST}")
_LOOSE = regex.compile(rf"{_FRACTION}|(?P<number>{_GROUPED})|{_REST}")
_UNSPACED = regex.compile(rf"{_TOGETHER}+")


@dataclass(frozen=True)
class Token:
    """A piece of a text.

    Attributes:
        kind: What it is.
        text: As it stands.
        value: Of a number; None where it cannot be read.
        step: What the last digit of a number counts.
    """

    kind: Kind
    text: str
    value: float | None = None
    step: float = 1.0


def tokens(
    text: str, decimal_comma: bool, known: Collection[str], *, glued: Collection[str] = (), grouped: bool = False
) -> list[Token]:
    """The pieces of a `plain` text.

    Args:
        text: The text.
        decimal_comma: The source writes decimal commas.
        known: Words that a run of letters without spaces is cut into, such as 3センチ程度.
        glued: Words that `x` may be written on to, such as 10cmx5cm.
        grouped: Spaces and apostrophes may group thousands.
    """
    found: list[Token] = []
    for match in (_LOOSE if grouped else _TIGHT).finditer(text):
        if match["top"]:
            found += _fraction(match, decimal_comma)
        elif match["number"]:
            value = read_number(match["number"], decimal_comma)
            found.append(Token("number", match["number"], value, last_step(match["number"], decimal_comma)))
        elif match["word"]:
            found += [Token("word", word) for word in _cut(match["word"], known, glued)]
        else:
            found.append(Token("sign", match["sign"]))
    return found


def _fraction(match: regex.Match[str], decimal_comma: bool) -> list[Token]:
    """7 1/2 is one number; 30/16, which nobody writes for a fraction, two with a sign between them."""
    top, bottom = int(match["top"][:9]), int(match["bottom"])
    if top < bottom and gcd(top, bottom) == 1:
        whole = read_number(match["whole"] or "0", decimal_comma)
        return [Token("number", match[0], None if whole is None else whole + top / bottom, 1 / bottom)]
    parts = [match["whole"], match["top"], "/", match["bottom"]]
    pieces = [part for part in parts if part]
    return [
        Token("sign", piece) if piece == "/" else Token("number", piece, read_number(piece, decimal_comma))
        for piece in pieces
    ]


def _cut(word: str, known: Collection[str], glued: Collection[str]) -> Iterator[str]:
    """Letters without spaces as the longest known words; the rest as it stands."""
    if word in known:
        yield word
    elif _UNSPACED.fullmatch(word):
        yield from _longest(word, known)
    else:
        for end in ("x", "х"):
            if word.endswith(end) and word[:-1] in glued:
                yield from (word[:-1], end)
                return
            if word.startswith(end) and word[1:] in glued:
                yield from (end, word[1:])
                return
        yield word


def _longest(word: str, known: Collection[str]) -> Iterator[str]:
    unknown, place = "", 0
    while place < len(word):
        end = next((end for end in range(len(word), place, -1) if word[place:end] in known), None)
        if end is None:
            unknown += word[place]
            place += 1
            continue
        if unknown:
            yield unknown
        yield word[place:end]
        unknown, place = "", end
    if unknown:
        yield unknown

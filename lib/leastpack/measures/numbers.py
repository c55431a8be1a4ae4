"""Numbers as people and systems write them: decimal commas, thousands in groups, exponents, fractions."""

from __future__ import annotations

import regex

_GROUP = regex.compile(r"(?<=\d)[ '](?=\d{3}(?!\d))")
_WHOLE = regex.compile(r"\d+")
_OF_OTHER = {True: regex.compile(r"[1-9]\d{0,2}\.\d{3}"), False: regex.compile(r"[1-9]\d{0,2},\d{3}")}
_ONE_MARK = regex.compile(r"\d*[.,]\d+|\d+[.,]")
_COMMAS = regex.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?")
_DOTS = regex.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d*)?")
_EXPONENT = regex.compile(r"(.+)e([+-]?\d+)")
# Nothing is measured in more; what is larger is no number of anything, and would overflow.
MOST = 1e15
# Most exports give most of their measures so.
_BARE = regex.compile(r"\s*([0-9]+(?:[.,][0-9]+)?)\s*")


def bare_number(text: str, decimal_comma: bool) -> float | None:
    """The number of a text that holds nothing else; None where it holds more, which then must be looked through."""
    bare = _BARE.fullmatch(text)
    return read_number(bare[1], decimal_comma) if bare else None


def read_number(token: str, decimal_comma: bool) -> float | None:
    """The number that a text of digits and separators means.

    The last of two different separators is the decimal one; one separator that repeats groups thousands. A single
    separator followed by three digits is the decimal one if it is the source's own (`0,350` with decimal commas), and
    groups thousands if it is the other (`1,234` without).

    Args:
        token: A text such as `1,234.50`, `12,99`, `1 246` or `1.25e7`.
        decimal_comma: The source writes decimal commas.

    Returns:
        The number, none below 0; None where the text is no number.
    """
    power = 0
    if exponent := _EXPONENT.fullmatch(token):
        token, power = exponent[1], int(exponent[2])
    canonical = _canonical(_GROUP.sub("", token), decimal_comma)
    if canonical is None or abs(power) > 30:
        return None
    value = float(f"{canonical}e{power}")
    return value if value <= MOST else None


def last_step(token: str, decimal_comma: bool) -> float:
    """What the last digit of a number counts: 0.1 of `2.5`, 1 of `25`."""
    found = _canonical(_GROUP.sub("", token), decimal_comma)
    return 1.0 if found is None or "." not in found else 10.0 ** -len(found.split(".")[1])


def _canonical(text: str, decimal_comma: bool) -> str | None:
    if _WHOLE.fullmatch(text):
        return text
    if _OF_OTHER[decimal_comma].fullmatch(text):
        return text.replace(",", "").replace(".", "")
    if _ONE_MARK.fullmatch(text):
        return text.replace(",", ".")
    if _COMMAS.fullmatch(text):
        return text.replace(",", "")
    if _DOTS.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return None

"""Prices and their currency out of texts."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

import regex

from leastpack.config.currencies import CURRENCIES
from leastpack.measures.cells import text_of_cell
from leastpack.measures.currencies import (
    NAMES,
    OTHER_NUMBERS,
    REMARKS,
    SHARED,
    SMALL_CODES,
    UNITS_A_DOLLAR,
    decimals,
)
from leastpack.measures.numbers import bare_number
from leastpack.measures.plain import plain
from leastpack.measures.tokens import Token, tokens
from leastpack.words import fold

PRICE_UNREADABLE = "PRICE_UNREADABLE"
ABSURD_PRICE = "ABSURD_PRICE"
CURRENCY_UNKNOWN = "CURRENCY_UNKNOWN"

MAX_PRICE = 1e6  # in units about as large as a dollar
_FILLER = regex.compile("9+")
_FILLER_NINES = 6
# A dash in the place of cents.
_NO_CENTS = regex.compile(r"(\d)([.,]) ?[-–—]+(?!\d)")
_THREE = regex.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_ODD = frozenset("%<>≤≥+~^")
_KNOWN = {*NAMES, *SHARED, *REMARKS, *OTHER_NUMBERS, *(code.lower() for code in CURRENCIES)}
_LARGE = regex.compile(r"(?<![\p{L}])[A-Z]{3}(?![\p{L}])")


Shared = tuple[str | None, ...]


@dataclass(frozen=True)
class Price:
    """What a text says of a price.

    Attributes:
        price: The price; None where there is none that can be one.
        currency: ISO code; None beside no price, and where it is not known.
        code: PRICE_UNREADABLE or ABSURD_PRICE beside no price, CURRENCY_UNKNOWN beside one without a known currency.
    """

    price: float | None
    currency: str | None
    code: str | None


UNREADABLE = Price(None, None, PRICE_UNREADABLE)


def read_price(text: str, declared: str | None, default: str | None, decimal_comma: bool) -> Price:
    """A price and its currency.

    The currency is the declared one, else the text's, else the source's. One that is declared or written and has no
    name here is unknown, and never the source's; so is one that is declared otherwise than written. A sign that several
    currencies share (`$`, `¥`, `kr`) means the source's where it is one of them. Six or more nines in a row, more
    in small currencies, are a filler, as absurd as a price of 0.

    Args:
        text: Such as `$1,234.50`, `12,99 €`, `1200` or JSON.
        declared: Declared currency, or None.
        default: The source's currency.
        decimal_comma: The source writes decimal commas.
    """
    if (bare := bare_number(text, decimal_comma)) is not None:
        money = _declared(declared, default) if declared else default
        value = _grouped(text.strip(), bare, money, decimal_comma)
        return UNREADABLE if value is None else _judged(value, money)
    written = text_of_cell(text, "price")
    if written is None:
        return UNREADABLE
    words = plain(_NO_CENTS.sub(r"\1\g<2>00", written))
    pieces = tokens(words, decimal_comma, _KNOWN, grouped=True)
    numbers = [place for place, piece in enumerate(pieces) if piece.kind == "number"]
    if len(numbers) != 1 or _is_of_something_else(pieces, numbers[0]):
        return UNREADABLE
    number = pieces[numbers[0]]
    named, shared = _named_in(pieces, written)
    if declared:
        meant = _declared(declared, default)
        money = meant if named <= {meant} and all(meant in one for one in shared) else None
    else:
        meant_by_signs = {default if default in one else one[0] for one in shared}
        possible = named or meant_by_signs or {default}
        money = possible.pop() if len(possible) == 1 else None
    value = number.value
    if value is not None:
        value = _grouped(number.text, value, money, decimal_comma, marked=bool(named or shared))
    if value is None:
        return UNREADABLE
    below = any(piece.text == "-" for piece in pieces)
    return _judged(-value if below else value, money)


def currency_words(text: str) -> str:
    """What a price text holds beside numbers, as a person would look for the currency in."""
    return " ".join(piece.text for piece in tokens(plain(text), False, _KNOWN) if piece.kind != "number").strip("-., '")


def _judged(value: float, money: str | None) -> Price:
    limit = MAX_PRICE * UNITS_A_DOLLAR.get(money or "", 1.0)
    whole = str(math.floor(value))
    # 999,999 rupiah are a price.
    nines = _FILLER_NINES + max(0, math.floor(math.log10(UNITS_A_DOLLAR.get(money or "", 1.0))) - 1)
    if not 0 < value <= limit or (len(whole) >= nines and _FILLER.fullmatch(whole)):
        return Price(None, None, ABSURD_PRICE)
    return Price(value, money, None if money else CURRENCY_UNKNOWN)


def _declared(declared: str, default: str | None) -> str | None:
    code = unicodedata.normalize("NFKC", declared).strip().upper()
    return code if code in CURRENCIES else _named(fold(declared).replace(" ", "").rstrip("."), default)


def _named(name: str, default: str | None) -> str | None:
    if name in NAMES:
        return NAMES[name]
    shared = SHARED.get(name)
    if shared is None:
        return None
    return default if default in shared else shared[0]


def _is_of_something_else(pieces: list[Token], place: int) -> bool:
    """Whether the number is a share, a bound, in cents or thousands, so much a kilogram, or in brackets."""
    behind = pieces[place + 1].text if place + 1 < len(pieces) else ""
    ahead = [piece.text for piece in pieces[:place]]
    odd = any(piece.text in _ODD for piece in pieces)
    so_much = "/" in (piece.text for piece in pieces[place:]) or "per" in (piece.text for piece in pieces[place:])
    return odd or so_much or behind in OTHER_NUMBERS or ahead.count("(") > ahead.count(")")


def _grouped(token: str, value: float, money: str | None, decimal_comma: bool, *, marked: bool = False) -> float | None:
    """The value, of which one separator before three digits may group thousands where its currency has fewer decimals.

    None where a currency of three decimals leaves open what is meant.
    """
    if not _THREE.fullmatch(token) or not (money or marked):
        return value
    own, places = ("," in token) == decimal_comma, decimals(money) if money else 2
    if places == 3:
        return value if own else None
    if places == 0 or marked or not own:
        return float(token.replace(",", "").replace(".", ""))
    return value


def _named_in(pieces: list[Token], text: str) -> tuple[set[str | None], list[Shared]]:
    """The currencies that a text names, None for a word that may be one, and what its shared signs may mean."""
    large = set(_LARGE.findall(unicodedata.normalize("NFKC", text)))
    words = _with_signs([piece.text for piece in pieces if piece.kind != "number"])
    others = [word for word in words if word not in REMARKS and any(map(_says_something, word))]
    found: set[str | None] = set()
    shared = [SHARED[word] for word in others if word in SHARED]
    for word in others:
        code = word.upper()
        if code in CURRENCIES and (code in large or word in SMALL_CODES):
            found.add(code)
        elif word in NAMES:
            found.add(NAMES[word])
        elif word not in SHARED:
            return {None}, shared  # a word for a currency, perhaps, that has no name here
    return found, shared


def _with_signs(words: list[str]) -> list[str]:
    """Letters that stand before a sign belong to it: `au $` is `au$`."""
    joined: list[str] = []
    for word in words:
        last = joined[-1] if joined else ""
        known = last + word in NAMES or last + word in SHARED
        if last and known and (not word.isalpha() or last not in {*NAMES, *REMARKS}):
            joined[-1:] = [last + word]
        else:
            joined.append(word)
    return joined


def _says_something(character: str) -> bool:
    return character.isalpha() or unicodedata.category(character) == "Sc"

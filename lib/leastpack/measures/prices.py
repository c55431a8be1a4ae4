"""Prices and their currency out of texts."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

import regex

from leastpack.config.currencies import CURRENCIES
from leastpack.measures.cells import text_of_cell
from leastpack.measures.currencies import NAMES, REMARKS, SHARED, SMALL_CODES, UNITS_A_DOLLAR
from leastpack.measures.numbers import bare_number
from leastpack.measures.plain import plain
from leastpack.measures.tokens import Token, tokens
from leastpack.words import fold

PRICE_UNREADABLE = "PRICE_UNREADABLE"
ABSURD_PRICE = "ABSURD_PRICE"
CURRENCY_UNKNOWN = "CURRENCY_UNKNOWN"

MAX_PRICE = 1e6  # in units about as large as a dollar
_FILLER = regex.compile("9{6,}")
_KNOWN = {*NAMES, *SHARED, *REMARKS, *(code.lower() for code in CURRENCIES)}
_LARGE = regex.compile(r"(?<![\p{L}])[A-Z]{3}(?![\p{L}])")


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


def read_price(text: str, declared: str | None, default: str | None, decimal_comma: bool) -> Price:
    """A price and its currency.

    The currency is the declared one, else the text's, else the source's. One that is declared or written and has no
    name here is unknown, and never the source's. A sign that several currencies share (`$`, `¥`, `kr`) means the
    source's where it is one of them. Six or more nines in a row are a filler, as absurd as a price of 0.

    Args:
        text: Such as `$1,234.50`, `12,99 €`, `1200` or JSON.
        declared: Declared currency, or None.
        default: The source's currency.
        decimal_comma: The source writes decimal commas.
    """
    if (bare := bare_number(text, decimal_comma)) is not None:
        return _judged(bare, _declared(declared, default) if declared else default)
    written = text_of_cell(text)
    pieces = tokens(plain(written or ""), decimal_comma, _KNOWN, grouped=True)
    numbers = [place for place, piece in enumerate(pieces) if piece.kind == "number"]
    value = pieces[numbers[0]].value if len(numbers) == 1 else None
    if value is None:
        return Price(None, None, PRICE_UNREADABLE)
    money = _declared(declared, default) if declared else _written(pieces, written or "", default)
    below = any(piece.text == "-" for piece in pieces[: numbers[0]])
    return _judged(-value if below else value, money)


def currency_words(text: str) -> str:
    """What a price text holds beside numbers, as a person would look for the currency in."""
    return " ".join(piece.text for piece in tokens(plain(text), False, _KNOWN) if piece.kind != "number").strip("-., '")


def _judged(value: float, money: str | None) -> Price:
    limit = MAX_PRICE * UNITS_A_DOLLAR.get(money or "", 1.0)
    if not 0 < value <= limit or _FILLER.fullmatch(str(math.floor(value))):
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


def _written(pieces: list[Token], text: str, default: str | None) -> str | None:
    large = set(_LARGE.findall(unicodedata.normalize("NFKC", text)))
    words = _with_signs([piece.text for piece in pieces if piece.kind != "number"])
    others = [word for word in words if word not in REMARKS and any(map(_says_something, word))]
    if not others:
        return default
    found = set()
    for word in others:
        code = word.upper()
        if code in CURRENCIES and (code in large or word in SMALL_CODES or others == [word]):
            found.add(code)
        elif word in NAMES:
            found.add(NAMES[word])
        elif word not in SHARED:
            return None  # a word for a currency, perhaps, that has no name here
    shared = [SHARED[word] for word in others if word in SHARED]
    if not found:
        meant = {default if default in one else one[0] for one in shared}
        return meant.pop() if len(meant) == 1 else None
    return found.pop() if len(found) == 1 else None


def _with_signs(words: list[str]) -> list[str]:
    """Letters that stand before a sign belong to it: `au $` is `au$`."""
    joined: list[str] = []
    for word in words:
        last = joined[-1] if joined else ""
        if last + word in NAMES and (not word.isalpha() or last not in {*NAMES, *REMARKS}):
            joined[-1:] = [last + word]
        else:
            joined.append(word)
    return joined


def _says_something(character: str) -> bool:
    return character.isalpha() or unicodedata.category(character) == "Sc"

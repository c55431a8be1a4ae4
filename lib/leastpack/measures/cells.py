"""What a cell of an export says, as the text that a person would write: quotes, HTML and JSON taken off."""

from __future__ import annotations

import ast
import html
import json
import math
from typing import Any, Literal

import regex

from leastpack.words import fold

Kind = Literal["length", "weight", "price"]
# Longer texts are no measure; looking through them would cost more than they are worth.
MOST_CHARACTERS = 400
_DECIMALS = 12

_QUOTED = regex.compile(r"=?\s*([\"'])(.*)\1", flags=regex.DOTALL)
_AS_TEXT = regex.compile(r"['’](?=[\p{N}\p{Sc}])")  # keeps a spreadsheet from counting with it
_TAG = regex.compile(r"<[/a-zA-Z][^<>]{0,60}>")
_LETTERS = regex.compile(r"[^\W\d_x×х]|[\"'″′]", flags=regex.IGNORECASE)

_SIDES = (
    "length l länge longueur largo lunghezza comprimento długość длина 长 長さ",
    "width w breite b largeur ancho larghezza largura szerokość ширина 宽 幅",
    "height h höhe hauteur alto altezza altura wysokość высота 高 高さ",
    "depth d tiefe profondeur fondo profondità profundidad profundidade głębokość глубина 深 奥行き",
)
_KEYS_OF_SIDES = [{fold(word) for word in words.split()} for words in _SIDES]
_WHOLE = {
    "length": (
        "dimensions", "dimension", "size", "sizes", "measurements", "packagedimensions", "itemdimensions", "item",
    ),
    "weight": ("weight", "itemweight", "packageweight", "gewicht", "peso", "poids"),
    "price": ("price", "preis", "prix", "precio", "prezzo"),
}  # fmt: skip
_VALUES = ("value", "amount", "magnitude")
# Of which kinds a key speaks that says so.
_OF_OTHERS = {
    "length": ("weight", "mass", "currency", "price"),
    "weight": ("dimension", "length", "size", "distance", "currency", "price"),
    "price": ("weight", "mass", "dimension", "length", "size", "distance"),
}
# An amount in these is not in whole units of its currency.
_SCALED = ("precision", "scale", "exponent", "minorunits", "centamount", "fractiondigits")
_NO_UNITS = {"each", "ea", "piece", "pieces", "pc", "pcs", "unit", "units", "none", "null", "n/a"}


class _UnreadableError(Exception):
    """JSON that says something else."""


def text_of_cell(text: str, kind: Kind) -> str | None:
    """What a cell says.

    Args:
        text: The cell.
        kind: What it is read for.

    Returns:
        The text without quotes around it and without HTML, `30 cm x 20 cm x 10 cm` or `0.5 kg` for JSON; None where it
        is too long to be a measure, or JSON of something else.
    """
    bare = text.strip()
    if len(bare) > MOST_CHARACTERS:
        return None
    if "&" in bare or "<" in bare:
        bare = _TAG.sub(" ", html.unescape(bare)).strip()
    if bare.startswith(("{", "[")) and bare.endswith(("}", "]")):
        return _of_json(bare, kind)
    if quoted := _QUOTED.fullmatch(bare):
        inner = quoted[2].strip()
        if quoted[1] not in inner.replace("\\" + quoted[1], "").replace(2 * quoted[1], ""):
            unescaped = inner.replace("\\" + quoted[1], quoted[1]).replace(2 * quoted[1], quoted[1])
            return _of_json(unescaped, kind) if unescaped.startswith(("{", "[")) else inner
    return _AS_TEXT.sub("", bare, count=1) if _AS_TEXT.match(bare) else bare


def _of_json(text: str, kind: Kind) -> str | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(text)  # as Python prints a dictionary
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None if text[0] == "{" else text[1:-1]  # brackets that are no JSON, such as [10 x 5 x 3 cm]
    try:
        return _text(found, kind, "")
    except (_UnreadableError, RecursionError):
        return None


def _text(found: Any, kind: Kind, unit: str) -> str:
    if isinstance(found, bool) or found is None:
        raise _UnreadableError
    if isinstance(found, int | float):
        if not math.isfinite(found):
            raise _UnreadableError
        # A point in JSON is decimal whatever the source's texts use; before three digits it might group thousands.
        number = f"{found:.{_DECIMALS}f}" if isinstance(found, float) else str(found)
        return f"{number} {unit}".strip()
    if isinstance(found, str):
        return f"{found} {unit}".strip() if unit and not _LETTERS.search(found) else found
    if isinstance(found, list | tuple):
        return " x ".join(_text(one, kind, unit) for one in found)
    if not isinstance(found, dict):
        raise _UnreadableError
    return _of_fields({_plain_key(key): value for key, value in found.items()}, kind, unit)


def _of_fields(named: dict[str, Any], kind: Kind, unit: str) -> str:
    own = _unit_of(named, kind) or unit
    if any(key in named for key in _SCALED):
        raise _UnreadableError
    for key in _WHOLE[kind]:
        if named.get(key) not in (None, {}, [], ""):
            return _text(named[key], kind, own)
    values = [named[key] for key in _VALUES if named.get(key) is not None]
    if len(values) == 1:
        return _text(values[0], kind, own)
    if kind == "length":
        there = {key: value for key, value in named.items() if value is not None}
        given = [[value for key, value in there.items() if key in keys] for keys in _KEYS_OF_SIDES]
        once = [one[0] for one in given if len(one) == 1]
        if len(once) in (2, 3) and all(len(one) <= 1 for one in given):
            return " x ".join(_text(one, kind, own) for one in once)
    raise _UnreadableError


def _unit_of(named: dict[str, Any], kind: Kind) -> str | None:
    """The unit, or currency, that some key names; an unreadable one must not give way to the source's."""
    found = set()
    for key, value in named.items():
        words = ("currency", "iso") if kind == "price" else ("unit", "uom", "measure")
        other = key in _WHOLE[kind] or any(other in key for other in _OF_OTHERS[kind])
        if other or value is None or not any(word in key for word in words):
            continue
        if not isinstance(value, str) or fold(value).strip() in _NO_UNITS:
            raise _UnreadableError
        found.add(value.strip())
    if len({fold(one) for one in found}) > 1:
        raise _UnreadableError
    return found.pop() if found else None


def _plain_key(key: object) -> str:
    return str(regex.sub(r"[\W_]+", "", fold(str(key))))

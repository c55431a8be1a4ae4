"""JSON in a cell of an export, as the text that a person would write for it."""

from __future__ import annotations

import json
from typing import Any

from leastpack.words import fold

_VALUES = ("value", "amount", "magnitude", "quantity", "number")
_UNITS = ("unit", "units", "uom", "unit_of_measure", "unitcode", "currency", "currency_code", "currencycode")
_SIDES = (
    ("length", "l", "länge", "longueur", "largo", "lunghezza"),
    ("width", "w", "breite", "b", "largeur", "ancho", "larghezza"),
    ("height", "h", "höhe", "hauteur", "alto", "altezza"),
    ("depth", "d", "tiefe", "profondeur", "fondo", "profondità"),
)
_WHOLE = ("dimensions", "dimension", "size", "sizes", "measurements", "sides", "package_dimensions", "item_dimensions")
_DECIMALS = 12


def text_of_cell(text: str) -> str | None:
    """The text itself, unless it is JSON: then `30 cm x 20 cm x 10 cm` or `0.5 kg` for what it holds.

    Returns:
        The text; None where JSON holds something else.
    """
    stripped = text.strip()
    if stripped[:1] not in "{[" or stripped[-1:] not in "}]":
        return text
    try:
        found = json.loads(stripped)
    except ValueError:
        return text  # brackets that are no JSON, such as [10 x 5 x 3 cm]
    return _text(found)


def _text(found: Any, unit: str = "") -> str | None:
    if isinstance(found, bool) or found is None:
        return None
    if isinstance(found, int | float):
        # A point in JSON is decimal whatever the source's texts use; before three digits it might group thousands.
        number = f"{found:.{_DECIMALS}f}" if isinstance(found, float) else str(found)
        return f"{number} {unit}".strip()
    if isinstance(found, str):
        return f"{found} {unit}".strip() if unit and not any(letter.isalpha() for letter in found) else found
    if isinstance(found, list):
        return _joined([_text(one, unit) for one in found])
    if not isinstance(found, dict):
        return None
    named = {fold(str(key)).strip().replace(" ", "_").replace("-", "_"): value for key, value in found.items()}
    units = [str(named[key]) for key in _UNITS if isinstance(named.get(key), str)]
    own = units[0] if units else unit
    for key in _WHOLE:
        if key in named:
            return _text(named[key], own)
    values = [named[key] for key in _VALUES if named.get(key) is not None]
    if len(values) == 1:
        return _text(values[0], own)
    sides = [[_text(named[key], own) for key in keys if named.get(key) is not None] for keys in _SIDES]
    named_once = [one[0] for one in sides if len(one) == 1]
    if len(named_once) in (2, 3) and all(len(one) <= 1 for one in sides):
        return _joined(named_once)
    return None


def _joined(texts: list[str | None]) -> str | None:
    known = [text for text in texts if text is not None]
    return " x ".join(known) if len(known) == len(texts) and known else None

"""Names for the columns of an export whose header leaves some empty, repeats some, or tells some apart by case only."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

# Around a name: spaces of all kinds, control characters, and what has no width, such as a byte order mark.
_AROUND = r"[\s\x00-\x1f\x7f\u00ad\u200b-\u200f\u2060\ufeff]+"
_EDGES = re.compile(rf"^{_AROUND}|{_AROUND}$")
# Of a Spark SQL expression: texts, names in back-ticks, and bare names that are neither functions nor parts of others.
_WORDS = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|`(?P<quoted>(?:[^`]|``)+)`|(?P<bare>(?<![\w.$])[^\W\d]\w*(?!\w|\s*\())"""
)


@dataclass(frozen=True)
class Header:
    """Names of the columns of an export.

    Attributes:
        names: One a column, of which no two differ by case only.
        spellings: What an expression may call a column whose name it does not bear.
        repeated: Names that the header gives to several columns; the first of them bears it.
    """

    names: tuple[str, ...]
    spellings: Mapping[str, str] = field(default_factory=dict)
    repeated: Collection[str] = ()


def name_columns(given: Sequence[str | None]) -> Header:
    """Give each column a name of its own.

    A name loses the spaces and invisible characters around it. The second column of a name is `<name>_2`, the third
    `<name>_3`; one without a name is `_c` and its place, from 0, as Spark has it. A name that differs from an earlier
    one by case only is still found by its own spelling.

    Args:
        given: The cells of the header, None where empty.
    """
    clean = [_EDGES.sub("", cell or "") for cell in given]
    reserved = {name.lower() for name in clean if name}
    taken: set[str] = set()
    names: list[str] = []
    spellings: dict[str, str] = {}
    repeated: list[str] = []
    for place, (cell, name) in enumerate(zip(given, clean, strict=True)):
        own = name or _free(f"_c{place}", taken | reserved)
        if own.lower() in taken:
            if name in names:
                repeated.append(name)
            own = _free(name, taken | reserved)
            if name not in names:
                spellings.setdefault(name, own)
        if cell and cell != name:
            spellings.setdefault(cell, own)
        taken.add(own.lower())
        names.append(own)
    return Header(tuple(names), spellings, tuple(dict.fromkeys(repeated)))


def respelled(expression: str, spellings: Mapping[str, str]) -> str:
    """The expression with every name of `spellings` replaced by the column's own."""
    if not spellings:
        return expression

    def own(found: re.Match[str]) -> str:
        name = found["bare"] or (found["quoted"] or "").replace("``", "`")
        return quoted(spellings[name]) if name in spellings else found[0]

    return _WORDS.sub(own, expression)


def mentions(expression: str, names: Collection[str]) -> list[str]:
    """Those of the names that the expression speaks of, in its order."""
    found = [hit["bare"] or (hit["quoted"] or "").replace("``", "`") for hit in _WORDS.finditer(expression)]
    return [name for name in dict.fromkeys(found) if name in names]


def quoted(name: str) -> str:
    """A column's name as Spark SQL takes it whatever is in it."""
    return "`" + name.replace("`", "``") + "`"


def _free(name: str, taken: Collection[str]) -> str:
    if name.startswith("_c") and name.lower() not in taken:
        return name
    number = 2
    while f"{name}_{number}".lower() in taken:
        number += 1
    return f"{name}_{number}"

"""How a CSV line is built, as patterns that find lines that are cut or that hold more cells than the header.

The patterns are those of Java. All repeats are possessive: they neither go back nor nest, however long a line is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from leastpack.catalog.reader_options import option

_ESCAPED = {r"\t": "\t", r"\\": "\\", r"\"": '"', r"\'": "'", r"\|": "|", "\\u0000": "\0"}
NEWLINES = r"\r\n|\r|\n"


@dataclass(frozen=True)
class Syntax:
    """Signs of a CSV file; an empty quote means that nothing is quoted."""

    separator: str
    quote: str
    escape: str

    @property
    def _sep(self) -> str:
        return java_quoted(self.separator)

    @property
    def _but_sep(self) -> str:
        """Any character that does not begin a separator."""
        return f"[^{self._sep}]" if len(self.separator) == 1 else f"(?:(?!{self._sep})[\\s\\S])"

    @property
    def _inside(self) -> str:
        """What may stand inside of quotes."""
        quote, escape = java_quoted(self.quote), java_quoted(self.escape)
        if self.escape in (self.quote, ""):
            return f"(?:[^{quote}]++|{quote}{quote})*+"
        return f"(?:[^{quote}{escape}]++|{escape}[\\s\\S])*+"

    @property
    def _cell(self) -> str:
        if not self.quote:
            return f"{self._but_sep}*+"
        quote = java_quoted(self.quote)
        return f"(?:{quote}{self._inside}{quote}{self._but_sep}*+|(?!{quote}){self._but_sep}*+)"

    @property
    def cut(self) -> str:
        """A line that ends within a quoted value, or that begins within one: a quoted newline was before or behind it.

        The second kind is a cell of which the only quote is its last character. Behind a digit it means inches.
        """
        quote = java_quoted(self.quote)
        begun = f"(?:(?!{quote}){self._but_sep})++(?<!\\p{{N}}){quote}(?={self._sep}|$)"
        sound = f"(?:{quote}{self._inside}{quote}{self._but_sep}*+|(?!{quote})(?!{begun}){self._but_sep}*+)"
        return f"^(?:{sound}{self._sep})*+(?:{quote}{self._inside}$|{begun})"

    def other_width(self, columns: int, named: int) -> str:
        """A record whose cells are fewer or more than its columns by empty ones alone, none of them under a name."""
        more = f"(?:{self._cell}{self._sep}){{{columns - 1}}}{self._cell}(?:{self._sep}\\s*+)++$"
        if named == columns or columns < 2:
            return f"^{more}"
        fewer = f"(?:{self._cell}{self._sep}){{{max(named - 1, 0)},{columns - 2}}}{self._cell}$"
        return f"^(?:{more}|{fewer})"

    @property
    def separators(self) -> str:
        """Separators of cells: in prose a space stands behind a comma."""
        return f"{self._sep}(?! )" if self.separator in ",;" else self._sep


def syntax_of(options: Mapping[str, str]) -> Syntax:
    """The signs that reader options name, after Spark's defaults."""
    separator = option(options, "sep", "delimiter") or ","
    quote = option(options, "quote")
    return Syntax(
        _ESCAPED.get(separator, separator),
        '"' if quote is None else _ESCAPED.get(quote, quote).strip("\0"),
        option(options, "escape") or "\\",
    )


def java_quoted(text: str) -> str:
    """A text as a pattern of Java, also inside of brackets."""
    return re.sub(r"([^\w\s])", r"\\\1", text)

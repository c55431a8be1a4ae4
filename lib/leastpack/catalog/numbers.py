"""Numbers out of texts: full-width digits, decimal commas, thousands in groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

# A number inside a text; groups of thousands may be set apart by a space or an apostrophe.
NUMBER = r"(?:(?<![\d.,])-)?(?:\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*|(?<![\p{L}\d])[.,]\d+)"
# The same without a group set apart: in sizes a space parts two numbers, and an apostrophe means feet.
TIGHT_NUMBER = r"(?:(?<![\d.,])-)?(?:\d+(?:[.,]\d+)*|(?<![\p{L}\d])[.,]\d+)"

_WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F))  # full-width ASCII, ! to ~
_NARROW = "".join(chr(code) for code in range(0x21, 0x7F))
_LOOKALIKE = "￥￡￦×✕✖∗−–—’‘′´“”″、\u00a0\u202f\u2009\u2007\u3000"
_MEANS = "¥£₩" + "xxx*---'" + "'''" + '"""' + "," + "     "
_JOINED = {"㎝": "cm", "㎜": "mm", "㎏": "kg", "½": " 1/2", "¼": " 1/4", "¾": " 3/4"}


def bind(value: Column, use: Callable[[Column], Column]) -> Column:
    """`use(value)`, with `value` computed once however often it is used."""
    return F.get(F.transform(F.array(value), use), F.lit(0))


def plain(text: Column) -> Column:
    """Lower-case text with ASCII digits, signs and spaces in place of their look-alikes."""
    column = F.translate(text, _WIDE + _LOOKALIKE, _NARROW + _MEANS)
    for sign, meaning in _JOINED.items():
        column = F.replace(column, F.lit(sign), F.lit(meaning))
    return F.trim(F.regexp_replace(F.lower(column), r"\s+", " "))


def number(token: Column, decimal_comma: bool) -> Column:
    """The number that a text of digits and separators means.

    The last of two different separators is the decimal one; one separator that repeats groups thousands. A single
    separator followed by three digits is the decimal one if it is the source's own (`0,350` with decimal commas), and
    groups thousands if it is the other (`1,234` without).

    Args:
        token: A text such as `1,234.50`, `12,99` or `1 246`.
        decimal_comma: The source writes decimal commas.

    Returns:
        A double, null where the text is no number.
    """
    other = r"\." if decimal_comma else ","

    def read(text: Column) -> Column:
        without_commas, without_dots = F.replace(text, F.lit(",")), F.replace(text, F.lit("."))
        canonical = (
            F.when(text.rlike(r"^-?\d+$"), text)
            .when(text.rlike(rf"^-?[1-9]\d{{0,2}}{other}\d{{3}}$"), F.translate(text, ".,", ""))
            .when(text.rlike(r"^-?(?:\d*[.,]\d+|\d+[.,])$"), F.translate(text, ",", "."))
            .when(text.rlike(r"^-?\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?$"), without_commas)
            .when(text.rlike(r"^-?\d{1,3}(?:\.\d{3})+(?:,\d*)?$"), F.translate(without_dots, ",", "."))
        )
        return canonical.try_cast("double")

    return bind(F.regexp_replace(token, r"(?<=\d)[ '](?=\d{3}(?!\d))", ""), read)


def only_number(text: Column, decimal_comma: bool) -> Column:
    """The number in a `plain` text that holds exactly one; null where it holds none or several."""
    found = F.regexp_extract_all(text, F.lit(NUMBER), F.lit(0))
    return bind(found, lambda tokens: F.when(F.size(tokens) == 1, number(F.get(tokens, F.lit(0)), decimal_comma)))


def word_pattern(words: Iterable[str]) -> str:
    """Regular expression that finds one of the words as group 1: Latin ones standing alone, signs anywhere."""
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    latin = "|".join(word for word in longest_first if word.isalpha() and word < "\u3000")
    signs = [word.replace("$", r"\$") for word in longest_first if not (word.isalpha() and word < "\u3000")]
    return "(" + "|".join([rf"(?<!\p{{IsLatin}})(?:{latin})(?!\p{{IsLatin}})", *signs]) + ")"


def lookup(words: Mapping[str, str], word: Column) -> Column:
    """What a word stands for; null where it stands for nothing."""
    table = F.create_map(*[F.lit(part) for pair in sorted(words.items()) for part in pair])
    return F.try_element_at(table, word)


def factor(unit: Column, factors: Mapping[str, float]) -> Column:
    """The factor of a unit; null where the unit is null or another."""
    table = F.create_map(*[F.lit(part) for pair in sorted(factors.items()) for part in pair])
    return F.try_element_at(table, unit)

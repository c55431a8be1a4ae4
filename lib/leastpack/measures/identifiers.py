"""Identifiers as exports and spreadsheets write them; trade item numbers by their check digit."""

from __future__ import annotations

from dataclasses import dataclass

import regex

from leastpack.words import fold

DAMAGED_UNIVERSAL_ID = "DAMAGED_UNIVERSAL_ID"

# What people fill an identifier's field with where there is none; it would link all products that share it.
_FILLERS = frozenset(
    fold(word)
    for word in (
        "n/a", "na", "none", "null", "nil", "nan", "unknown", "undefined", "missing", "tbd", "tba", "todo", "test",
        "xxx", "not applicable", "does not apply", "not available", "not known", "n a", "no gtin", "no ean",
        "no upc", "no isbn", "no code", "no barcode", "without", "exempt", "gtin exempt", "empty", "blank",
        "default", "dummy", "other", "tbc", "#ref!", "#value!", "#name?", "nat", "not provided", "not specified",
        "doesnotapply", "pending", "generic", "default title", "no parent", "keine", "kein", "kein ean",
        "keine angabe", "sem gtin", "sin ean", "brak ean", "keine ean", "unbekannt", "nicht vorhanden",
        "nicht zutreffend", "entfällt", "ohne", "k a", "aucun", "aucune", "inconnu", "non applicable", "sans objet",
        "sans", "ninguno", "ninguna", "desconocido", "no aplica", "sin codigo", "sin código", "nessuno",
        "sconosciuto", "non applicabile", "nenhum", "desconhecido", "não se aplica", "não aplicável", "geen",
        "onbekend", "nvt", "n v t", "brak", "nieznany", "nie dotyczy", "ingen", "okänd", "ukendt", "ukjent",
        "ei ole", "žádný", "neznámý", "yok", "bilinmiyor", "нет", "неизвестно", "не указано", "отсутствует", "なし",
        "無し", "無", "不明", "該当なし", "无", "没有", "未知", "不适用", "不適用", "없음", "해당없음", "알수없음",
        "لا يوجد", "غير معروف", "אין", "לא ידוע", "ไม่มี",
    )
)  # fmt: skip
_OTHERS = regex.compile(r"[^\p{L}\p{M}\p{N}/]+")
_NOUGHT = regex.compile(r"(0*|0\.0+|x+|/)")
_NEGATIVE = regex.compile(r"-[\d.]+")
# ="4006381333931" and '4006381333931 keep a spreadsheet from counting with digits.
_AS_TEXT = regex.compile(r"""=?["'’]?(\d[\d\s.-]*)["']?""")
# Longer ones are texts.
_MOST_CHARACTERS = 100
_WHOLE = regex.compile(r"(\d+)[.,]0+")
_ROUNDED = regex.compile(r"\d[.,]?\d*e\+?\d+", flags=regex.IGNORECASE)
_TRADE_LENGTHS = (8, 12, 13, 14)
# Examples of textbooks and forms, sound by their check digit.
_EXAMPLES = frozenset({"01234567890128", "00012345678905", "00123456789012", "00000012345670", "09999999999994"})


@dataclass(frozen=True)
class UniversalId:
    """An identifier shared across marketplaces.

    Attributes:
        value: The identifier, trade item numbers filled to 14 digits; None where there is none that can link products.
        damaged: There was a trade item number that lost digits or has a wrong one.
    """

    value: str | None
    damaged: bool = False


def universal_id(given: str) -> UniversalId:
    """Read an identifier that is to compare across marketplaces.

    Of 8, 12, 13 or 14 digits, and of 11 whose first nought a spreadsheet took, it is a trade item number, and damaged
    where its check digit is wrong. What a spreadsheet rounded (4.00638E+12) is damaged.
    """
    bare = given.strip()
    if len(bare) > _MOST_CHARACTERS:
        return UniversalId(real_identifier(given))
    if _NEGATIVE.fullmatch(bare):
        return UniversalId(None)
    if _ROUNDED.fullmatch(bare):
        return UniversalId(None, True)
    quoted = _AS_TEXT.fullmatch(bare)
    inner = quoted[1].strip() if quoted else bare
    whole = _WHOLE.fullmatch(inner)
    digits = whole[1] if whole else regex.sub(r"[\s-]", "", inner)
    if not (digits.isascii() and digits.isdigit()):
        return UniversalId(real_identifier(given))
    if not digits.strip("0") or (len(set(digits)) == 1 and len(digits) in _TRADE_LENGTHS):
        return UniversalId(None)
    filled = digits.zfill(14)
    if len(digits) > max(_TRADE_LENGTHS):
        return UniversalId(None, True)
    if len(digits) in _TRADE_LENGTHS or (len(digits) == 11 and is_trade_item_number(filled)):
        if filled in _EXAMPLES or _is_of_a_shop(digits, filled):
            return UniversalId(None)
        return UniversalId(filled) if is_trade_item_number(filled) else UniversalId(None, True)
    return UniversalId(digits)


def _is_of_a_shop(digits: str, filled: str) -> bool:
    """Whether each shop gives out such numbers itself (GS1 General Specifications, section 1.4)."""
    if len(digits) == 8:
        return digits[0] in "02"
    return filled[0] == "0" and (filled[1:3] in ("02", "04") or filled[1] == "2")


def is_trade_item_number(digits: str) -> bool:
    """Whether 14 digits are a trade item number by their check digit (GS1 General Specifications, section 7.9)."""
    weighted = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(digits[:-1]))
    return len(digits) == 14 and (10 - weighted % 10) % 10 == int(digits[-1])


def real_identifier(given: str) -> str | None:
    """The identifier; None where the field holds a word or signs for having none."""
    bare = _OTHERS.sub(" ", fold(given)).strip()
    if _NEGATIVE.fullmatch(given.strip()):
        return None
    return None if bare in _FILLERS or _NOUGHT.fullmatch(bare) else given

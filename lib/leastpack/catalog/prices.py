"""Prices and their currency out of texts and numbers."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from leastpack.catalog.limits import MAX_PRICE
from leastpack.catalog.numbers import bind, factor, lookup, only_number, plain, word_pattern

PRICE_UNREADABLE = "PRICE_UNREADABLE"
ABSURD_PRICE = "ABSURD_PRICE"
CURRENCY_UNKNOWN = "CURRENCY_UNKNOWN"

ISO_CODES = (
    "USD", "EUR", "GBP", "JPY", "CNY", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "MXN", "BRL", "CLP", "COP", "ARS",
    "CHF", "SEK", "NOK", "DKK", "ISK", "PLN", "CZK", "HUF", "RON", "BGN", "TRY", "RUB", "UAH", "INR", "PKR", "KRW",
    "THB", "VND", "IDR", "MYR", "PHP", "ILS", "AED", "SAR", "EGP", "ZAR", "NGN", "KES",
)  # fmt: skip
# Signs of one currency; the first in the text counts, the longest of those that begin there.
SIGNS = {
    "us$": "USD", "c$": "CAD", "ca$": "CAD", "au$": "AUD", "a$": "AUD", "nz$": "NZD", "hk$": "HKD", "s$": "SGD",
    "nt$": "TWD", "mx$": "MXN", "r$": "BRL", "€": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "円": "JPY",
    "yen": "JPY", "元": "CNY", "zł": "PLN", "kč": "CZK", "ft": "HUF", "lei": "RON", "лв": "BGN", "₺": "TRY",
    "₽": "RUB", "₴": "UAH", "₹": "INR", "rs": "INR", "₩": "KRW", "원": "KRW", "฿": "THB", "₫": "VND", "rp": "IDR",
    "rm": "MYR", "₱": "PHP", "₪": "ILS", "fr": "CHF", "sfr": "CHF",
    **{code.lower(): code for code in ISO_CODES},
}  # fmt: skip
# Signs that several currencies share: the source's currency if it is one of them, else the first, or none.
SHARED: dict[str, tuple[str | None, ...]] = {
    r"\$": ("USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "MXN", "CLP", "COP", "ARS"),
    "¥": ("JPY", "CNY"),
    "kr": (None, "SEK", "NOK", "DKK", "ISK"),
}
# Units worth about a dollar, where a dollar is tens of units or more; only the limit of the absurd uses them.
_UNITS_A_DOLLAR = {
    "JPY": 100.0, "INR": 100.0, "PKR": 100.0, "RUB": 100.0, "ISK": 100.0, "HUF": 100.0, "CLP": 1000.0, "KRW": 1000.0,
    "ARS": 1000.0, "NGN": 1000.0, "COP": 1000.0, "IDR": 10000.0, "VND": 10000.0, "KES": 100.0,
}  # fmt: skip
SIGN_PATTERN = word_pattern(SIGNS)


def read_price(price: Column, currency: Column, default: str | None, decimal_comma: bool) -> Column:
    """A price and its currency.

    The currency is the declared one where it is an ISO code, else the text's sign, else the source's. A sign that
    several currencies share (`$`, `¥`, `kr`) means the source's currency where it is one of them. Six or more nines
    in a row are a filler, as absurd as a price of 0.

    Args:
        price: Such as `$1,234.50`, `12,99 €` or `1200`.
        currency: Declared currency, or null.
        default: The source's currency.
        decimal_comma: The source writes decimal commas.

    Returns:
        struct<price: double, currency: string, code: string>: PRICE_UNREADABLE or ABSURD_PRICE beside a null price,
        CURRENCY_UNKNOWN beside a null currency of a price. Without a price there is no currency.
    """
    declared = F.upper(F.trim(currency))
    declared = F.when(declared.isin(*ISO_CODES), declared)

    def read(text: Column) -> Column:
        number = only_number(text, decimal_comma)
        value = F.when(text.startswith("-"), -F.abs(number)).otherwise(number)
        money = F.coalesce(declared, _currency(text, default))
        limit = MAX_PRICE * F.coalesce(factor(money, _UNITS_A_DOLLAR), F.lit(1.0))
        filler = F.floor(value).cast("string").rlike("^9{6,}$")
        plausible = (value > 0) & (value <= limit) & ~filler
        code = (
            F.when(text.isNull(), F.lit(None).cast("string"))
            .when(value.isNull(), F.lit(PRICE_UNREADABLE))
            .when(~plausible, F.lit(ABSURD_PRICE))
            .when(money.isNull(), F.lit(CURRENCY_UNKNOWN))
        )
        kept = F.when(plausible, value)
        return F.struct(kept.alias("price"), F.when(kept.isNotNull(), money).alias("currency"), code.alias("code"))

    return bind(plain(price), read)


def _currency(text: Column, default: str | None) -> Column:
    def named(sign: Column) -> Column:
        found = F.when(sign != "", lookup(SIGNS, sign))
        for shared, currencies in SHARED.items():
            meant = default if default in currencies else currencies[0]
            found = found.when(text.rlike(shared), F.lit(meant))
        return found.otherwise(F.lit(default))

    # Most exports give bare numbers: those need no search for signs.
    bare = F.when(text.rlike(r"^[-\d.,' ]*$"), F.lit(default))
    return bare.otherwise(bind(F.regexp_extract(text, SIGN_PATTERN, 1), named))

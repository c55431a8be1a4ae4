from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.measures.prices import Price, read_price

# text, price, currency, code; read without a currency of the source and with decimal points
BARE = [
    ("$1,234.50", 1234.5, "USD", None),
    ("CA$12", 12.0, "CAD", None),
    ("A$ 5", 5.0, "AUD", None),
    ("AU $ 5", 5.0, "AUD", None),
    ("C $20.50", 20.5, "CAD", None),
    ("MX $8", 8.0, "MXN", None),
    ("5.00 $ US", 5.0, "USD", None),
    ("R$ 5,50", 5.5, "BRL", None),
    ("1200円", 1200.0, "JPY", None),
    ("￥１，２００", 1200.0, "JPY", None),
    ("¥1,200(税込)", 1200.0, "JPY", None),
    ("CHF 1'234.50", 1234.5, "CHF", None),
    ("USD 3", 3.0, "USD", None),
    ("3 OMR", 3.0, "OMR", None),
    ("Rs.500", 500.0, "INR", None),
    ("₩ 12,000", 12000.0, "KRW", None),
    ("zł 5", 5.0, "PLN", None),
    ("5000 ₸", 5000.0, "KZT", None),
    ("1.25E7 VND", 12500000.0, "VND", None),
    ('{"amount": 12.125, "currency": "EUR"}', 12.125, "EUR", None),
    ("99 kr", 99.0, None, "CURRENCY_UNKNOWN"),
    ("12.5", 12.5, None, "CURRENCY_UNKNOWN"),
    ("5 € NZD", 5.0, None, "CURRENCY_UNKNOWN"),
    ("€1.299,-", 1299.0, "EUR", None),
    ("Rp12.000", 12000.0, "IDR", None),
    ("12.000 Ft", 12000.0, None, "CURRENCY_UNKNOWN"),
    ("599p", None, None, "PRICE_UNREADABLE"),
    ("99¢", None, None, "PRICE_UNREADABLE"),
    ("$12K", None, None, "PRICE_UNREADABLE"),
    ("15%", None, None, "PRICE_UNREADABLE"),
    ("($12.99)", None, None, "PRICE_UNREADABLE"),
    ("$5/lb", None, None, "PRICE_UNREADABLE"),
    ("<$20", None, None, "PRICE_UNREADABLE"),
    ("$12⁹⁹", None, None, "PRICE_UNREADABLE"),
    ('{"amount": 1250, "currency": "USD", "precision": 2}', None, None, "PRICE_UNREADABLE"),
    ('{"quantity": 3, "price": 12.5, "currency_id": "ARS"}', 12.5, "ARS", None),
    ("9" * 500, None, None, "PRICE_UNREADABLE"),
    ("$10.99 - $15.99", None, None, "PRICE_UNREADABLE"),
    ("free", None, None, "PRICE_UNREADABLE"),
    ("", None, None, "PRICE_UNREADABLE"),
    ("$0.00", None, None, "ABSURD_PRICE"),
    ("-$5", None, None, "ABSURD_PRICE"),
    ("$-5", None, None, "ABSURD_PRICE"),
    ("$2,000,000", None, None, "ABSURD_PRICE"),
    ("¥2,000,000", 2000000.0, "JPY", None),
    ("¥9,999,999", None, None, "ABSURD_PRICE"),
    ("Rp 999,999", 999_999.0, "IDR", None),
    ("IDR 999,999,999", None, None, "ABSURD_PRICE"),
    ("$999,999", None, None, "ABSURD_PRICE"),
]
EURO = [
    ("12,99 €", 12.99, "EUR", None),
    ("£9.50", 9.5, "GBP", None),
    ("1.299,00", 1299.0, "EUR", None),
    ("1.299", 1299.0, "EUR", None),
    ("12,-", 12.0, "EUR", None),
    ("ab 12,99 inkl. MwSt.", 12.99, "EUR", None),
    ("99 kr", 99.0, None, "CURRENCY_UNKNOWN"),
    ("99 som", 99.0, None, "CURRENCY_UNKNOWN"),
    ("99 ₿", 99.0, None, "CURRENCY_UNKNOWN"),
]


@pytest.mark.parametrize(("cases", "default", "comma"), [(BARE, None, False), (EURO, "EUR", True)])
def test_p8_prices_with_signs(cases: list[tuple[str, float, str, str]], default: str | None, comma: bool) -> None:
    found = [(case[0], read_price(case[0], None, default, comma)) for case in cases]
    assert found == [(text, Price(price, money, code)) for text, price, money, code in cases]


def test_a_shared_sign_means_the_currency_of_the_source() -> None:
    assert [read_price("$5", None, money, False).currency for money in ("CAD", "EUR")] == ["CAD", "USD"]
    assert [read_price("¥5", None, money, False).currency for money in ("CNY", "EUR")] == ["CNY", "JPY"]
    assert read_price("5 kr", None, "SEK", False).currency == "SEK"


def test_p14_a_declared_currency_wins_and_one_without_a_name_is_not_the_source_s() -> None:
    assert read_price("5", " gbp ", "EUR", False).currency == "GBP"
    assert read_price("$5", "cad", "EUR", False).currency == "CAD"
    assert read_price("$5", "GBP", "EUR", False).currency is None
    assert read_price("5 EUR", "USD", "USD", False).currency is None
    assert read_price("5", "RMB", "EUR", False).currency == "CNY"
    assert read_price("5", "shells", "EUR", False) == Price(5.0, None, "CURRENCY_UNKNOWN")


SIGNS = {
    "USD": ["$", "US$", "US $", "USD "], "EUR": ["€", "EUR ", "Euro "], "GBP": ["£", "GBP "], "AUD": ["AU $", "A$"],
    "JPY": ["¥", "JPY ", "円"], "PLN": ["zł ", "PLN "], "INR": ["₹", "Rs. "], "KWD": ["KWD "], "TND": ["TND "],
}  # fmt: skip


@settings(max_examples=1000, deadline=None)
@given(
    st.integers(1, 10**8),
    st.sampled_from(sorted(SIGNS)),
    st.integers(0, 99),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_a_price_written_in_any_way_is_read_back(
    cents: int, money: str, style: int, comma: bool, behind: bool, grouped: bool
) -> None:
    number = f"{cents / 100:,.2f}" if grouped else f"{cents / 100:.2f}"
    written = number.translate(str.maketrans(",.", ".,")) if comma else number
    sign = SIGNS[money][style % len(SIGNS[money])]
    text = f"{written} {sign.strip()}" if behind else f"{sign}{written}"
    found = read_price(text, None, "CHF", comma)
    if found.code != "ABSURD_PRICE":  # more nines than a price has
        assert (found.price, found.currency) == (pytest.approx(cents / 100), money), text

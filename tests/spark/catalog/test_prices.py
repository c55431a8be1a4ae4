from __future__ import annotations

import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F
from tests.spark.catalog.columns import over

from leastpack.catalog.prices import read_price

# text, price, currency, code; read without a currency of the source and with decimal points
BARE = [
    ("$1,234.50", 1234.5, "USD", None),
    ("CA$12", 12.0, "CAD", None),
    ("A$ 5", 5.0, "AUD", None),
    ("R$ 5,50", 5.5, "BRL", None),
    ("1200円", 1200.0, "JPY", None),
    ("￥１，２００", 1200.0, "JPY", None),
    ("¥1,200(税込)", 1200.0, "JPY", None),
    ("CHF 1'234.50", 1234.5, "CHF", None),
    ("USD 3", 3.0, "USD", None),
    ("Rs.500", 500.0, "INR", None),
    ("₩ 12,000", 12000.0, "KRW", None),
    ("zł 5", 5.0, "PLN", None),
    ("99 kr", 99.0, None, "CURRENCY_UNKNOWN"),
    ("12.5", 12.5, None, "CURRENCY_UNKNOWN"),
    ("$10.99 - $15.99", None, None, "PRICE_UNREADABLE"),
    ("free", None, None, "PRICE_UNREADABLE"),
    ("$0.00", None, None, "ABSURD_PRICE"),
    ("-$5", None, None, "ABSURD_PRICE"),
    ("$-5", None, None, "ABSURD_PRICE"),
    ("$2,000,000", None, None, "ABSURD_PRICE"),
    ("¥2,000,000", 2000000.0, "JPY", None),
    ("¥9,999,999", None, None, "ABSURD_PRICE"),
    (None, None, None, None),
]
EURO = [
    ("12,99 €", 12.99, "EUR", None),
    ("£9.50", 9.5, "GBP", None),
    ("1.299,00", 1299.0, "EUR", None),
    ("1.299", 1299.0, "EUR", None),
    ("12,-", 12.0, "EUR", None),
    ("99 kr", 99.0, None, "CURRENCY_UNKNOWN"),
]


def read(default: str | None, comma: bool, currency: str | None = None):
    def use(text: Column) -> Column:
        return read_price(text, F.lit(currency).cast("string"), default, comma)

    return use


@pytest.mark.parametrize(("cases", "default", "comma"), [(BARE, None, False), (EURO, "EUR", True)])
def test_p8_prices_with_signs(spark: SparkSession, cases: list, default: str | None, comma: bool) -> None:
    found = over(spark, read(default, comma), [case[0] for case in cases])
    assert [(row["price"], row["currency"], row["code"]) for row in found] == [case[1:] for case in cases]


def test_a_shared_sign_means_the_currency_of_the_source(spark: SparkSession) -> None:
    assert [over(spark, read(money, False), ["$5"])[0]["currency"] for money in ("CAD", "EUR")] == ["CAD", "USD"]
    assert [over(spark, read(money, False), ["¥5"])[0]["currency"] for money in ("CNY", "EUR")] == ["CNY", "JPY"]
    assert over(spark, read("SEK", False), ["5 kr"])[0]["currency"] == "SEK"


def test_a_declared_currency_wins_where_it_is_one(spark: SparkSession) -> None:
    assert over(spark, read("EUR", False, " gbp "), ["$5"])[0]["currency"] == "GBP"
    assert over(spark, read("EUR", False, "pounds"), ["5"])[0]["currency"] == "EUR"

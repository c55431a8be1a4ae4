from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from leastpack.catalog.buckets import bucket_columns
from leastpack.catalog.text import text_column, text_key_column, text_of

part = st.none() | st.text(alphabet=" \t\n .aé茶\u3000\u00a0", max_size=8)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(part, part, part, part), min_size=20, max_size=40))
def test_the_text_is_the_same_in_spark_and_in_python(spark: SparkSession, rows: list[tuple[str | None, ...]]) -> None:
    df = spark.createDataFrame(rows, "title string, brand string, category string, description string")
    found = [row[0] for row in df.select(text_column()).collect()]
    assert found == [text_of(*row) for row in rows]


def test_no_text_has_no_key(spark: SparkSession) -> None:
    df = spark.sql("SELECT ' ' title, '' brand, CAST(NULL AS STRING) category, '\\n' description")
    assert df.select(text_key_column()).first()[0] is None


def test_buckets_grow_with_what_they_measure_and_zero_is_unknown(spark: SparkSession) -> None:
    rows = [(None, None, None, "USD"), (0.0, 0.0, 0.0, "USD"), (1.0, 1.0, 1.0, "USD"), (2.0, 2.0, 2.0, "USD")]
    rows += [(1e9, 1e9, 1e9, "USD"), (1e-9, 1e-9, 1e-9, "USD"), (2.0, 2.0, 200.0, "JPY"), (2.0, 2.0, 2.0, "XXX")]
    df = spark.createDataFrame(rows, "length_cm double, weight_g double, price double, currency string")
    df = df.selectExpr("*", "length_cm AS width_cm", "length_cm AS height_cm")
    columns = bucket_columns({"USD": 1.0, "JPY": 0.01})
    names = ("length_bucket", "weight_bucket", "price_bucket")
    found = [tuple(row) for row in df.select(*[columns[name].alias(name) for name in names]).collect()]
    assert found == [(0, 0, 0), (0, 0, 0), (17, 1, 28), (21, 5, 32), (63, 95, 95), (1, 1, 1), (21, 5, 32), (21, 5, 0)]

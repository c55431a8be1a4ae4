"""Reason codes are compared as all words are."""

from __future__ import annotations

import random

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.reasons import plain_reason, reason_verdict
from leastpack.words import fold

LETTERS = "aAbBiIİıßäÄöÖçÇşŞéÉzZ019_-ａＡｉＩ０＿"


def test_codes_are_folded_as_words_are(spark: SparkSession) -> None:
    draw = random.Random(1)
    codes = ["".join(draw.choices(LETTERS, k=6)) for _ in range(1000)]
    rows = spark.createDataFrame([(code,) for code in codes], "code string")
    found = rows.select("code", plain_reason(F.col("code")).alias("plain")).collect()
    assert {row["code"]: row["plain"] for row in found} == {code: fold(code).upper() for code in codes}


def test_a_code_means_damage_in_any_case_and_width(spark: SparkSession) -> None:
    config = OutcomesConfig(damage_reasons=["kırık", "DMG*"], other_reasons=["defect"])
    codes = ["KIRIK", "kirik", "ｄｍｇ＿１", " Defect ", "late"]
    rows = spark.createDataFrame([(code,) for code in codes], "code string")
    found = [row[0] for row in rows.select(reason_verdict(F.col("code"), config)).collect()]
    assert found == ["damage", "damage", "damage", "not_damage", "unmapped_reason"]

"""A queue goes out as a sheet and comes back as human tests, once, however often the sheet is read."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from PIL import Image
from pyspark.sql import SparkSession
from structlog.testing import capture_logs
from tests.spark.outcomes.shop import by_key, config, write_catalog
from tests.spark.rows import put_rows

from leastpack.config import Config
from leastpack.config.encoders import EncodersConfig, FetchConfig
from leastpack.errors import ConfigError, InputError
from leastpack.outcomes.label import label_outcomes
from leastpack.queue.export import export_queue
from leastpack.queue.take_back import import_results
from leastpack.tables import Tables

TODAY = datetime.datetime.now(datetime.UTC).date()
QUEUED = [("mug", "bag", "random", 0.25), ("mug", "mailer", "doubtful", None), ("vase", "bag", "doubtful", None)]


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Config:
    made, pictures = config(tmp_path_factory.mktemp("shop"), {}), tmp_path_factory.mktemp("pictures")
    fetch = FetchConfig(roots=[str(pictures)])
    made = made.model_copy(update={"encoders": EncodersConfig(fetch=fetch)})
    Image.new("RGB", (640, 480), "red").save(pictures / "0.jpg")
    mug = {
        "product_id": "mug",
        "family_id": "mug",
        "title": "=Mug",
        "length_cm": 10.0,
        "width_cm": 8.0,
        "height_cm": 8.0,
    }
    tables = write_catalog(spark, made, [{**mug, "weight_g": 300.0}, "vase"])
    queue = [
        {
            "marketplace": "NA", "product_id": product, "package_type": package, "test_id": f"t-{rank}", "rank": rank,
            "why": why, "draw_probability": drawn, "draw_round": "queue-3" if drawn else None,
        }
        for rank, (product, package, why, drawn) in enumerate(QUEUED, start=1)
    ]  # fmt: skip
    put_rows(tables, "test_queue", queue)
    photos = [
        {
            "marketplace": "NA",
            "product_id": "mug",
            "view": f"tunnel_{i}",
            "kind": "tunnel",
            "uri": str(pictures / f"{i}.jpg"),
        }
        for i in range(5)
    ]
    put_rows(tables, "product_images", photos)
    return made


def lines_of(sheet: Path) -> list[dict[str, Any]]:
    head, *rows = load_workbook(sheet)["tests"].iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


def filled_in(sheet: Path, results: dict[str, Any]) -> Path:
    """The sheet with results by test_id."""
    book = load_workbook(sheet)
    page = book["tests"]
    place = {cell.value: cell.column for cell in page[1]}
    for row in range(2, page.max_row + 1):
        result = results.get(page.cell(row, place["test_id"]).value)
        if result is not None:
            page.cell(row, place["result"]).value = result
            page.cell(row, place["tested_on"]).value = TODAY
    stream = io.BytesIO()
    book.save(stream)
    back = sheet.with_name(f"back-{'-'.join(results)}.xlsx")
    back.write_bytes(stream.getvalue())
    return back


@pytest.fixture(scope="module")
def sheet(spark: SparkSession, shop: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheets") / "tests.xlsx"
    assert export_queue(spark, shop, str(path)) == 3
    return path


def test_a_sheet_tells_a_tester_what_to_test(spark: SparkSession, shop: Config, sheet: Path, tmp_path: Path) -> None:
    first, second, third = lines_of(sheet)
    assert [first["test_id"], second["test_id"], third["test_id"]] == ["t-1", "t-2", "t-3"]
    assert (first["title"], first["length_cm"], first["weight_g"], first["package_type"]) == ("=Mug", 10, 300, "bag")
    assert first["procedure"] == "ISTA 6-Amazon.com Over Boxing"
    assert len(first["photos"].splitlines()) == 3
    assert first["photos"].splitlines()[0].endswith("0.jpg")
    assert (third["title"], third["photos"], third["result"]) == (None, None, None)
    # The mug's, beside both of its lines.
    pictures = load_workbook(sheet)["tests"]._images
    assert [(one.anchor._from.row, one.width, one.height) for one in pictures] == [(1, 128, 96), (2, 128, 96)]
    assert export_queue(spark, shop, str(tmp_path / "short.csv"), most=1) == 1
    assert len((tmp_path / "short.csv").read_text(encoding="utf-8-sig").splitlines()) >= 2


def test_results_come_back_once_and_count_as_human_tests(spark: SparkSession, shop: Config, sheet: Path) -> None:
    tables = Tables(spark, shop.tables)
    back = filled_in(sheet, {"t-1": "unsafe", "t-2": "SAFE"})
    (taken,) = import_results(spark, shop, [str(back)]).values()
    assert (len(taken.results), dict(taken.aside), taken.faulty) == (2, {"no_result": 1}, [])
    version = tables.version("test_results")
    import_results(spark, shop, [str(back), str(filled_in(sheet, {"t-1": "SAFE"}))])  # against what is known
    assert tables.version("test_results") == version
    last = tables.read("runs").where("step = 'queue'").orderBy("started_at").collect()[-1]
    assert json.loads(last["account"])["inputs"][str(back)] == {
        "rows_in": 3, "used": 2, "set_aside": {"no_result": 1}, "quarantined": 0,
    }  # fmt: skip

    label_outcomes(spark, shop)
    tests = by_key(tables.read("human_tests"), "test_id")
    assert {name: (row["product_id"], row["package_type"], row["result"]) for name, row in tests.items()} == {
        "t-1": ("mug", "bag", "UNSAFE"),
        "t-2": ("mug", "mailer", "SAFE"),
    }
    assert (tests["t-1"]["draw_round"], tests["t-1"]["draw_probability"]) == ("queue-3", 0.25)
    assert tests["t-2"]["draw_round"] is None
    labels = by_key(tables.read("pair_tests"), "package_type")
    assert {name: row["label"] for name, row in labels.items()} == {"bag": "UNSAFE", "mailer": "SAFE"}


def test_rows_that_cannot_be_used_are_in_quarantine_and_unknown_tests_are_told(
    spark: SparkSession, shop: Config, sheet: Path, tmp_path: Path
) -> None:
    tables = Tables(spark, shop.tables)
    other = tmp_path / "other.csv"
    head = "test_id,marketplace,product_id,package_type,result,tested_on\n"
    other.write_text(
        head + f"t-9,NA,mug,bag,SAFE,{TODAY}\nt-3,NA,mug,bag,SAFE,{TODAY}\nt-3,NA,vase,bag,FINE,{TODAY}\n", "utf-8"
    )
    with capture_logs() as told:
        (taken,) = import_results(spark, shop, [str(other)]).values()
    assert [one.code for one in taken.faulty] == ["UNKNOWN_TEST", "OTHER_PAIR", "IMPOSSIBLE_RESULT"]
    assert [one["rows"] for one in told if one["event"] == "results of tests that no sheet asked for"] == [1]
    kept = tables.read("quarantine").where(f"source = '{other}'").collect()
    assert sorted(row["code"] for row in kept) == ["IMPOSSIBLE_RESULT", "OTHER_PAIR", "UNKNOWN_TEST"]
    assert all(row["why"] for row in kept)


def test_what_cannot_be_written_or_read_is_named(spark: SparkSession, shop: Config, sheet: Path) -> None:
    with pytest.raises(ConfigError, match=r"sheet\.ods"):
        export_queue(spark, shop, "sheet.ods")
    with pytest.raises(InputError, match=r"there is no file gone\.xlsx"):
        import_results(spark, shop, ["gone.xlsx"])
    with pytest.raises(ConfigError, match="there already"):
        export_queue(spark, shop, str(sheet))

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from structlog.testing import capture_logs

from leastpack.catalog.counting import Delivered, count_exports
from leastpack.catalog.sources import read_exports, with_content
from leastpack.config.sources import SourceConfig
from leastpack.errors import InputError


def source(path: Path, **rest: Any) -> SourceConfig:
    base = {"name": "shop", "kind": "products", "format": "csv", "path": str(path), "marketplace": "NA"}
    return SourceConfig.model_validate({"columns": {"product_id": "id", "title": "title"}, **base, **rest})


def read(spark: SparkSession, given: SourceConfig) -> tuple[Delivered, list[Row]]:
    """What is counted and the rows in order of their raw text."""
    exports = read_exports(spark, [given])
    counts = count_exports(exports, [given])["shop"]
    found = with_content(exports["shop"]).orderBy("raw").collect()
    assert counts.rows == len(found) + sum(counts.aside.values())
    return counts, found


def fields(found: list[Row], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in found if not row["malformed"]]


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


HEADERS = {
    "an index of pandas": (",id,title\n0,1,mug\n", {}),
    "a name twice": ("id,title,note,note\n1,mug,a,b\n", {"description": "note", "brand": "note_2"}),
    "names that differ by case": ("ID,id,TITLE,title\nx,1,y,mug\n", {"description": "TITLE", "brand": "`ID`"}),
    "a comma behind the header": ("id,title,\n1,mug\n2,cup,\n", {}),
    "commas behind every line": ("id,title,,,\n1,mug,,,\n2,cup,,,\n", {}),
    "commas behind the rows": ("id,title\n1,mug,\n2,cup,,\n", {}),
    "back-ticks": ("id,we`ight (`kg`),title\n1,2,mug\n", {"weight": "`we``ight (``kg``)`"}),
    "spaces around names": (
        "\ufeffid , title,\u200bbrand\n1,mug,Acme\n",
        {"brand": "brand", "description": "` title`"},
    ),
    "lines of three systems": ("title,id\nmug,1\r\ncup,2\rbowl,3\n", {}),
    "only CR": ("title,id\rmug,1\rcup,2\r", {}),
}


@pytest.mark.parametrize("lines", ["false", "true"])
def test_headers_of_every_shape_are_read(spark: SparkSession, tmp_path: Path, lines: str) -> None:
    expected = {
        "a name twice": [("1", "mug", "a", "b")],
        "names that differ by case": [("1", "mug", "y", "x")],
        "a comma behind the header": [("1", "mug", None, None), ("2", "cup", None, None)],
        "commas behind every line": [("1", "mug", None, None), ("2", "cup", None, None)],
        "commas behind the rows": [("1", "mug", None, None), ("2", "cup", None, None)],
        "spaces around names": [("1", "mug", "mug", "Acme")],
        "lines of three systems": [("1", "mug", None, None), ("2", "cup", None, None), ("3", "bowl", None, None)],
        "only CR": [("1", "mug", None, None), ("2", "cup", None, None)],
    }
    for name, (text, mapped) in HEADERS.items():
        if lines == "true" and name not in ("a name twice", "commas behind the rows", "only CR"):
            continue
        columns = {"product_id": "id", "title": "title", **mapped}
        given = source(written(tmp_path / "a.csv", text), columns=columns, options={"multiLine": lines})
        _, found = read(spark, given)
        assert not [row["raw"] for row in found if row["malformed"]], name
        told = sorted(fields(found, "product_id", "title", "description", "brand"))
        assert told == expected.get(name, [("1", "mug", None, None)]), name


def test_a_mapped_name_of_two_columns_is_warned_of(spark: SparkSession, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "id,title,title\n1,mug,cup\n")
    with capture_logs() as logs:
        _, found = read(spark, source(path))
    assert fields(found, "product_id", "title") == [("1", "mug")]
    assert [(one["field"], one["column"]) for one in logs if "several columns" in one["event"]] == [("title", "title")]


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("windows-1252", "Größe „M“ 5 €"),
        ("Shift_JIS", "表示ソ能、コップ"),
        ("GB18030", "中文€𠮷"),
        ("UTF-16", "Größe 表\n2"),
        ("UTF-16LE", "Größe 表\n2"),
    ],
)
def test_other_encodings_are_read(spark: SparkSession, tmp_path: Path, encoding: str, title: str) -> None:
    python = {"windows-1252": "cp1252"}.get(encoding, encoding)
    path = written(tmp_path / "a.csv", f'id;title\r\n1;"{title}"\r\n2;x\r\n', python)
    counts, found = read(spark, source(path, options={"sep": ";", "encoding": encoding}))
    assert fields(found, "product_id", "title") == [("1", title), ("2", "x")]
    assert counts.not_utf_8 == {}


def test_p14_a_quoted_newline_is_no_row_where_lines_are_rows(spark: SparkSession, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'id,title\n1,"Blue mug\nfor tea, and"\n2,7" pan\n3,"a ""b"""\n4,"Green, cup\n')
    with capture_logs() as logs:
        counts, found = read(spark, source(path))
    assert fields(found, "product_id", "title") == [("2", '7" pan'), ("3", 'a "b"')]
    assert (counts.rows, counts.cut) == (5, 3)
    assert [(one["lines"], "multiLine" in one["todo"]) for one in logs if "inside of quotes" in one["event"]] == [
        (3, True)
    ]


def test_a_description_of_several_lines_is_read_with_multi_line(spark: SparkSession, tmp_path: Path) -> None:
    text = "".join(
        f'{n},"Mug, no. {n}\r\n\r\n- red, or blue\n- holds 3, 4 or 5 cups, it says",{n}.50\r\n' for n in range(9)
    )
    path = written(tmp_path / "a.csv", f"id,title,price\r\n{text}")
    given = source(
        path, columns={"product_id": "id", "title": "title", "price": "price"}, options={"multiLine": "true"}
    )
    counts, found = read(spark, given)
    assert counts.rows == len(fields(found, "product_id")) == 9
    assert found[8]["price"] == "8.50"
    assert found[8]["title"].endswith("it says")


@pytest.mark.parametrize(
    "text",
    [
        'id,title,price\n1,mug,3\n2,"Grandma plate,4\n3,cup,5\n4,pan 7",6\n5,jug,7\n',
        'id,title,price\n1,mug,3\n2,"Grandma plate,4\n3,cup,5\n4,pan,6\n',
        'id,title\n1,"Stoneware bowl, blue\n2,cup\n3,7" pan\n4,jug\n',
    ],
)
def test_p14_rows_inside_of_a_stray_quote_refuse_the_source(spark: SparkSession, tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "a.csv", text)
    with pytest.raises(InputError) as raised:
        read(spark, source(path, options={"multiLine": "true"}))
    assert [word for word in ("shop", "a.csv", "lines", "records", "multiLine") if word not in str(raised.value)] == []


def test_p14_few_rows_inside_of_a_stray_quote_are_in_quarantine(spark: SparkSession, tmp_path: Path) -> None:
    text = "".join(f"{n},mug,{n}\n" for n in range(400)) + '400,"plate,1\n401,7" pan,2\n'
    path = written(tmp_path / "a.csv", f"id,title,price\n{text}")
    counts, found = read(spark, source(path, options={"multiLine": "true"}))
    assert counts.rows == 401
    assert [row["raw"] for row in found if row["malformed"]] == [r'{"_corrupt_record":"400,\"plate,1\n401,7\" pan,2"}']


def test_tab_separated_files_do_not_quote(spark: SparkSession, tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", 'id\ttitle\n1\t"Bowl, blue\n2\t7" pan\n3\t"vase"\n')
    for sep in ("\t", r"\t"):
        _, found = read(spark, source(path, options={"delimiter": sep}))
        assert fields(found, "title") == [('"Bowl, blue',), ('7" pan',), ('"vase"',)]
    _, found = read(spark, source(path, options={"sep": "\t", "quote": '"'}))
    assert fields(found, "title") == [('7" pan',), ("vase",)]


def test_files_of_a_source_with_its_own_columns_and_without_a_header(spark: SparkSession, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "1,mug,3\n2,cup,x\n")
    _, found = read(spark, source(path, options={"header": "false"}, row_schema="id string, title string, n int"))
    assert fields(found, "product_id", "title") == [("1", "mug")]
    _, found = read(spark, source(path, options={"header": "false"}, columns={"product_id": "_c0", "title": "_c1"}))
    assert fields(found, "product_id", "title") == [("1", "mug"), ("2", "cup")]
    path = written(tmp_path / "b.csv", "id,titel\n1,mug\n")
    with pytest.raises(InputError, match="not that of `row_schema`"):
        read(spark, source(path, row_schema="id string, title string"))


def test_rows_that_are_not_wanted_are_set_aside(spark: SparkSession, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "id,title,Status\n1,mug,active\n2,cup,draft\n3,jug,\n4,too,many,cells\n")
    counts, found = read(spark, source(path, where="status = 'active'"))
    assert (counts.rows, counts.aside["not_wanted"]) == (4, 2)
    assert [(row["product_id"], row["malformed"]) for row in found if not row["malformed"]] == [("1", False)]
    assert sum(row["malformed"] for row in found) == 1
    for where, word in (
        ("state = 'active'", "does not resolve"),
        ("Status", "is no condition"),
        ("(", "does not resolve"),
    ):
        with pytest.raises(InputError, match=word) as raised:
            read(spark, source(path, where=where))
        assert "where" in str(raised.value)


def test_p14_no_alias_of_ours_hides_a_missing_column(spark: SparkSession, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "id,title\n1,mug\n")
    for name in ("universal_id", "malformed", "raw", "lines", "file"):
        with pytest.raises(InputError, match="does not resolve"):
            read(spark, source(path, columns={"product_id": "id", "title": "title", "category": name}))

from pathlib import Path

import pytest

from leastpack.config.sources import FIELDS
from leastpack.reference import config_page, tables_page, write_pages
from leastpack.tables.schemas import ALL

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize(("name", "page"), [("tables.md", tables_page), ("config.md", config_page)])
def test_the_written_pages_say_what_the_code_says(name, page):
    assert (DOCS / name).read_text(encoding="utf-8") == page(), f"docs/{name} is stale: run `make docs`"


def test_every_column_of_every_table_has_its_row_and_meaning():
    page = tables_page()
    for table in ALL:
        section = page.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
        for column in table.columns:
            assert f"\n| `{column.name}` | `{column.type}` | " in section
    assert "|  |" not in page


def test_every_config_key_and_source_field_has_a_meaning():
    page = config_page()
    assert "|  |" not in page
    for kind, fields in FIELDS.items():
        section = page.split(f"\n### {kind}\n")[-1].split("\n### ")[0]
        assert all(f"\n| `{field}` | " in section for field in fields)
    for heading in ("top level", "outcomes.split", "encoders.image", "sources[]", "certify", "types[]"):
        assert f"\n### {heading}\n" in page


def test_both_pages_are_written(tmp_path):
    assert [path.read_text(encoding="utf-8") for path in write_pages(tmp_path)] == [tables_page(), config_page()]

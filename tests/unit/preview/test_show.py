"""A preview on the console, from rows as Spark gives them."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from leastpack.preview.catalog import size_in_words, weight_in_words
from leastpack.preview.findings import Month, Preview, mapped_fields, row_outcomes, units_found
from leastpack.preview.show import show


def shown(*previews: Preview) -> str:
    out = StringIO()
    show(Console(file=out, width=160), previews)
    return out.getvalue()


def test_data_that_looks_like_markup_is_shown_as_it_is() -> None:
    rows = [{"title": "[bold]Mug[/bold] [/]", "unreadable": []}, {"title": None, "unreadable": ["title"]}]
    found = Preview("shop", "products", "in/[a-z]*.csv", rows=2, fields=mapped_fields(rows, {"title": "[name]"}))
    text = shown(found)
    assert "[bold]Mug[/bold] [/]" in text
    assert "in/[a-z]*.csv" in text
    assert "50%" in text


def test_each_code_has_its_rows_and_at_most_three_examples() -> None:
    rows = [{"row_hash": i, "fault": "MISSING_ID" if i < 5 else None, "set_aside": None} for i in range(6)]
    used, faulty = row_outcomes(rows, {i: f"raw {i}" for i in range(6)})
    assert (used.fate, used.rows, list(used.examples)) == ("used", 1, [])
    assert (faulty.code, faulty.rows, list(faulty.examples)) == ("MISSING_ID", 5, ["raw 0", "raw 1", "raw 2"])


def test_rates_have_their_shipments_and_interval() -> None:
    text = shown(Preview("s", "shipments", "in", rows=1000, months=[Month("NA", "2024-01", 1000, 7)]))
    # Clopper-Pearson of 7 in 1000.
    assert "0.70%" in text
    assert "0.28% to 1.44%" in text


def test_an_error_and_an_empty_export_are_told() -> None:
    text = shown(Preview("a", "tunnel", "in", error="nothing to read at in"), Preview("b", "tunnel", "in"))
    assert "nothing to read at in" in text
    assert "the export is empty" in text


def test_units_count_rows_by_field_and_word() -> None:
    first, second = units_found([("weight", "", "g"), ("weight", "lb", "lb"), ("weight", "lb", "lb")])
    assert (first.word, first.rows, second.word, second.rows) == ("lb", 2, "", 1)


def test_sizes_and_weights_in_words() -> None:
    assert size_in_words([19.3, 12.2, None]) == "19.3 x 12.2 x ? cm"
    assert size_in_words([None, None, None]) == ""
    assert (weight_in_words(350.0), weight_in_words(12345.6), weight_in_words(None)) == ("350 g", "12,346 g", "")

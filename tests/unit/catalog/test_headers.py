from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leastpack.catalog.headers import mentions, name_columns, quoted, respelled


def test_every_column_gets_a_name_of_its_own() -> None:
    header = name_columns(["id", "", "Title", "title", "note", "note", " note", "\ufeffprice ", None, "note_2"])
    assert header.names == ("id", "_c1", "Title", "title_2", "note", "note_3", "note_4", "price", "_c8", "note_2")
    assert header.spellings == {"title": "title_2", " note": "note_4", "\ufeffprice ": "price"}
    assert header.repeated == ("note",)


@given(st.lists(st.sampled_from(["", "a", "A", "a_2", "_c0", "_c1", " a", "b", None])))
def test_no_two_names_differ_by_case_only(cells: list[str | None]) -> None:
    header = name_columns(cells)
    assert len({name.lower() for name in header.names}) == len(cells)


def test_expressions_find_a_column_by_its_spelling() -> None:
    spellings = {"title": "title_2", "left": "left_2", " x": "x"}
    told = "concat(title, 'title', Title, a.title, left(`title`, 1), `left`, ` x`, \"title\")"
    expected = "concat(`title_2`, 'title', Title, a.title, left(`title_2`, 1), `left_2`, `x`, \"title\")"
    assert respelled(told, spellings) == expected
    assert respelled(told, {}) == told
    assert mentions(told, {"title", "Title", "a", "concat"}) == ["title", "Title", "a"]


def test_a_name_is_quoted_whatever_is_in_it() -> None:
    assert quoted("we`ight") == "`we``ight`"

"""Checks the configured tables: who may write to them, repeated keys, languages that the text encoder does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from leastpack.config.root import Config
from leastpack.doctor import Check
from leastpack.encoders.languages import MOST_UNKNOWN, WHAT_TO_DO, poorly_read

if TYPE_CHECKING:
    from leastpack.tables import Tables


def check_tables(config: Config) -> list[Check]:
    """The lease, languages, and one check for each table with repeated keys, or one for all; starts the session."""
    from leastpack.session import make_session
    from leastpack.tables import Tables
    from leastpack.tables.places import place_of
    from leastpack.tables.repeated import all_repeated

    try:
        tables = Tables(make_session(config.spark), config.tables)
        lease, _ = place_of(tables).read()
        found = all_repeated(tables)
        figures = _encode_figures(tables)
    except Exception as error:
        told = str(error).splitlines() or [""]
        todo = "check tables.root or tables.schema_name, and the rights to read there"
        return [Check("tables", "fail", f"{type(error).__name__}: {told[0]}", "tables that can be read", todo)]
    held = lease is not None and lease.is_held()
    writer = Check("writer of the tables", "ok", lease.told() if lease and held else "nobody", "at most one run")
    languages = [_check_languages(figures)] if figures is not None else []
    if not found:
        return [writer, *languages, Check("keys of the tables", "ok", "none is there twice", "one row a key")]
    return [
        writer,
        *languages,
        *[
            Check(
                f"keys of {one.table}",
                "fail",
                f"{one.keys} keys have more than one row, {one.rows} rows are too many",
                "one row a key",
                f"leastpack repair {one.table} with the same configuration, then with --apply",
            )
            for one in found
        ],
    ]


def _encode_figures(tables: Tables) -> Mapping[str, float] | None:
    """Figures of the newest run of encode; None where it never ran."""
    if not tables.exists("runs"):
        return None
    runs = tables.read("runs").where("step = 'encode' AND status = 'done'").orderBy("started_at", ascending=False)
    rows = runs.select("figures").limit(1).collect()
    return rows[0]["figures"] if rows else None


def _check_languages(figures: Mapping[str, float]) -> Check:
    poor = poorly_read(figures)
    expected = f"at most {MOST_UNKNOWN:.0%} unknown tokens"
    if not poor:
        return Check("languages of the texts", "ok", "known to the text encoder", expected)
    found = ", ".join(f"{language}: {share:.1%}" for language, share in poor.items())
    return Check("languages of the texts", "warn", f"unknown tokens in {found}", expected, WHAT_TO_DO)

"""A preview as tables on the console."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from leastpack.outcomes.bounds import lower_bounds, upper_bounds
from leastpack.preview.findings import Month, Outcome, Preview

# Two-sided: a bound at each end.
CONFIDENCE = 0.975
LONGEST = 160


def show(console: Console, previews: Iterable[Preview]) -> None:
    """Print one panel a source."""
    for preview in previews:
        console.print(
            Panel(Group(*_parts(preview)), title=Text(f"{preview.source} ({preview.kind})"), title_align="left")
        )
    console.print("no table was touched")


def _parts(preview: Preview) -> list[RenderableType]:
    path = Text(preview.path, style="dim")
    if preview.error is not None:
        return [path, Text(preview.error, style="red")]
    empty = f", {preview.no_element:,} of them without an element" if preview.no_element else ""
    unwanted = f", {preview.not_wanted:,} of them not wanted" if preview.not_wanted else ""
    parts: list[RenderableType] = [path, Text(f"the first {preview.rows:,} rows{empty}{unwanted}")]
    if not preview.rows:
        return [path, Text("the export is empty", style="red")]
    parts.append(_fields(preview))
    if preview.units:
        units = [(unit.field, unit.word or "(none named)", unit.meaning, f"{unit.rows:,}") for unit in preview.units]
        parts.append(_table("units", ("field", "as the text has it", "taken as", "rows"), units))
    parts.append(_outcomes(preview.outcomes, preview.rows))
    if preview.became:
        columns = tuple(preview.became[0])
        rows = [[row[column] for column in columns] for row in preview.became]
        parts.append(_table("what rows become", columns, rows))
    if preview.months:
        parts.append(_months(preview.months))
    if preview.unmapped:
        codes = [(code, f"{rows:,}") for code, rows in preview.unmapped.items()]
        parts.append(_table("reason codes that no rule maps: they count as no damage", ("code", "rows"), codes))
    return parts + [Text(remark) for remark in preview.remarks]


def _fields(preview: Preview) -> Table:
    of = preview.rows - preview.no_element - preview.not_wanted
    rows = [
        (
            field.name,
            field.expression,
            f"{field.filled / of:.0%}" if of else "",
            f"{field.unreadable:,}" if field.unreadable else "",
            " | ".join(_short(example) for example in field.examples),
        )
        for field in preview.fields
    ]
    return _table("mapped fields", ("field", "from", "filled", "unreadable", "commonest values"), rows)


def _outcomes(outcomes: Sequence[Outcome], total: int) -> Table:
    rows = [
        (
            one.fate.replace("_", " "),
            one.code,
            f"{one.rows:,}",
            f"{one.rows / total:.1%}",
            "\n".join(_short(example) for example in one.examples),
        )
        for one in outcomes
    ]
    return _table("what becomes of rows", ("", "code", "rows", "share", "such as"), rows)


def _months(months: Sequence[Month]) -> Table:
    if months[0].placed is not None:
        return _table(
            "reports by month",
            ("marketplace", "month", "reports", "tell of damage", "charged to a shipment"),
            [(one.marketplace, one.month, f"{one.rows:,}", f"{one.damaged:,}", f"{one.placed:,}") for one in months],
        )
    k, n = [one.damaged for one in months], [one.rows for one in months]
    low, high = lower_bounds(k, n, CONFIDENCE), upper_bounds(k, n, CONFIDENCE)
    counted = [
        (one.marketplace, one.month, f"{one.rows:,}", f"{one.damaged:,}", f"{one.damaged / one.rows:.2%}",
         f"{low[i]:.2%} to {high[i]:.2%}")
        for i, one in enumerate(months)
    ]  # fmt: skip
    return _table(
        "reported damage by month",
        ("marketplace", "month", "shipments", "damaged", "rate", "95 % interval"),
        counted,
    )


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(*columns, title=title, title_justify="left", expand=False)
    for row in rows:
        # Data may look like markup.
        table.add_row(*[Text(cell, overflow="fold") for cell in row])
    return table


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

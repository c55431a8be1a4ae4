"""What a preview says of a source, and how it is counted from the rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

EXAMPLES = 3
Row = Mapping[str, Any]
Fate = Literal["used", "set_aside", "quarantined", "note"]


@dataclass(frozen=True)
class Field:
    """A mapped field.

    Attributes:
        name: Our field.
        expression: What the source maps to it.
        filled: Rows with a value that could be read.
        unreadable: Rows with a value that is not of the field's type.
        examples: Values, the commonest first.
    """

    name: str
    expression: str
    filled: int
    unreadable: int
    examples: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """What became of rows.

    Attributes:
        fate: `note` where a row is used and something is remarked of it.
        code: The code, as `quarantine`, `runs` or `products.notes` have it; empty for rows that are used.
        rows: Rows it befell.
        examples: Raw rows.
    """

    fate: Fate
    code: str
    rows: int
    examples: Sequence[str]


@dataclass(frozen=True)
class Unit:
    """A word or sign that was read as a unit or currency.

    Attributes:
        field: Our field.
        word: As the text has it, in lower case; empty where the text names none.
        meaning: The unit or currency that is taken.
        rows: Rows.
    """

    field: str
    word: str
    meaning: str
    rows: int


@dataclass(frozen=True)
class Month:
    """Damage in a month.

    Attributes:
        marketplace: Marketplace.
        month: yyyy-MM.
        rows: Shipments, or reports.
        damaged: Of these, damaged shipments, or reports that tell of damage.
        placed: Of the reports that tell of damage, those that are charged to a shipment; None for shipments.
    """

    marketplace: str
    month: str
    rows: int
    damaged: int
    placed: int | None = None


@dataclass
class Preview:
    """All that is said of one source.

    Attributes:
        source: Its name.
        kind: Its kind.
        path: Where it lies.
        rows: Rows looked at; of an exploded source elements.
        no_element: Of these, rows whose exploded array is empty.
        not_wanted: Of these, rows that do not meet the source's `where`.
        fields: Mapped fields.
        units: Units and currencies found.
        outcomes: What the rows become.
        became: Examples of what is kept of rows, by column.
        months: Damage by month.
        unmapped: Reason codes that no rule maps, with rows.
        remarks: What else is to be known, in sentences.
        error: Why it could not be looked at; None where it could.
    """

    source: str
    kind: str
    path: str
    rows: int = 0
    no_element: int = 0
    not_wanted: int = 0
    fields: list[Field] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    became: list[dict[str, str]] = field(default_factory=list)
    months: list[Month] = field(default_factory=list)
    unmapped: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    error: str | None = None


def mapped_fields(rows: Sequence[Row], columns: Mapping[str, str]) -> list[Field]:
    """How far each mapped field is filled.

    Args:
        rows: Rows of `read_rows`.
        columns: Our field to its expression.
    """
    found = []
    for name, expression in columns.items():
        values = Counter(str(row[name]) for row in rows if row[name] is not None)
        unreadable = sum(name in (row["unreadable"] or ()) for row in rows)
        common = [value for value, _ in values.most_common(EXAMPLES)]
        found.append(Field(name, expression, values.total(), unreadable, common))
    return found


def row_outcomes(rows: Sequence[Row], raw: Mapping[int, str]) -> list[Outcome]:
    """Count what became of rows: used ones first, then by fate, the commonest code first.

    Args:
        rows: Each with row_hash, fault, set_aside, and notes where there are any.
        raw: Hash to the raw row.
    """
    counts: Counter[tuple[Fate, str]] = Counter()
    examples: dict[tuple[Fate, str], list[str]] = defaultdict(list)
    for row in rows:
        for key in _fates(row):
            counts[key] += 1
            if key[0] != "used" and len(examples[key]) < EXAMPLES and row["row_hash"] in raw:
                examples[key].append(raw[row["row_hash"]])
    order = ("used", "set_aside", "quarantined", "note")
    ordered = sorted(counts.items(), key=lambda one: (order.index(one[0][0]), -one[1], one[0][1]))
    return [Outcome(fate, code, n, examples[fate, code]) for (fate, code), n in ordered]


def units_found(words: Iterable[tuple[str, str, str]]) -> list[Unit]:
    """Count units by field and word.

    Args:
        words: Field, word (empty where the text has none) and meaning, one a row and word.
    """
    counts = Counter(words)
    ordered = sorted(counts.items(), key=lambda one: (one[0][0], -one[1], one[0]))
    return [Unit(field_, word, meaning, n) for (field_, word, meaning), n in ordered]


def _fates(row: Row) -> list[tuple[Fate, str]]:
    if row["fault"] is not None:
        return [("quarantined", row["fault"])]
    if row["set_aside"] is not None:
        return [("set_aside", row["set_aside"])]
    notes: list[tuple[Fate, str]] = [("note", note) for note in row.get("notes") or ()]
    return [("used", ""), *notes]

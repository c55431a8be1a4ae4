"""Writes docs/tables.md from the table schemas and docs/config.md from the config models.

`python -m leastpack.reference docs` writes both; a test keeps the written pages true.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from leastpack.config.packages import PackageFile
from leastpack.config.root import Config
from leastpack.config.sources import FIELDS
from leastpack.tables.schemas import ALL, Table

Schema = dict[str, Any]
TYPES = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false", "null": "null"}
LIST_SHOWN = 8
LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def tables_page() -> str:
    """docs/tables.md: every table, its key and its columns."""
    page = [
        "# Tables",
        "",
        "Written by `make docs` from `lib/leastpack/tables/schemas.py`: change it there.",
        "Every table is Delta, and Delta lets every column be null; what is null when, stands beside it.",
        "",
        "| table | written by | a row is |",
        "|---|---|---|",
        *(f"| [{table.name}](#{table.name}) | {table.step} | {_cell(table.doc)} |" for table in ALL),
    ]
    for table in ALL:
        page += ["", *_table_section(table)]
    return "\n".join(page) + "\n"


def config_page() -> str:
    """docs/config.md: every key, its type, default and meaning."""
    page = [
        "# Configuration",
        "",
        "Written by `make docs` from the models in `lib/leastpack/config`: change it there.",
        "",
        "`conf/base.yaml` is loaded first, then every `--config FILE` in order, then every `--set key=value`. Later",
        "ones win; mappings are merged, lists are replaced. An unknown key is an error that names the nearest known",
        "one. The whole resolved configuration is stored with every run.",
        "",
        "The key of `--set` is dotted: `training.epochs=3`. Where a section lets you choose the keys yourself, as",
        "`spark.conf` does, all that follows is one key, dots and all: `spark.conf.spark.sql.shuffle.partitions=8`",
        "sets `spark.sql.shuffle.partitions`. The value is read as YAML, such as `null` or `[a, b]`.",
        "",
        "## Keys",
        *_model_sections(Config, ""),
        "",
        "## Fields of the sources",
        "",
        "`sources[].columns` maps each of these fields to a Spark SQL expression over the export's own columns.",
    ]
    for kind, fields in FIELDS.items():
        rows = [f"| `{field}` | {_cell(meaning)} |" for field, meaning in fields.items()]
        page += ["", f"### {kind}", "", "| field | meaning |", "|---|---|", *rows]
    page += ["", "## Package files", "", "The files that `packages` names, one a marketplace."]
    page += _model_sections(PackageFile, "")
    return "\n".join(page) + "\n"


def write_pages(folder: Path) -> list[Path]:
    """Write both pages into a folder and return their paths."""
    pages = {"tables.md": tables_page(), "config.md": config_page()}
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in pages]


def _table_section(table: Table) -> list[str]:
    key = ", ".join(f"`{name}`" for name in table.key) or "none; rows are only ever appended"
    parts = f" Partitioned by {', '.join(f'`{name}`' for name in table.partition_by)}." if table.partition_by else ""
    return [
        f"## {table.name}",
        "",
        f"{table.doc} Written by: {table.step}. Key: {key}.{parts}",
        "",
        "| column | type | meaning |",
        "|---|---|---|",
        *(f"| `{column.name}` | `{column.type}` | {_cell(column.doc)} |" for column in table.columns),
    ]


def _model_sections(model: type[BaseModel], path: str) -> list[str]:
    """The section itself, then every section below it under its dotted path; `[]` marks a list of sections."""
    schema = model.model_json_schema()
    properties, required = schema["properties"], schema.get("required", [])
    lines = ["", f"### {path or 'top level'}", "", str(schema.get("description", "")), ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    below = []
    for name, field in model.model_fields.items():
        kinds = dict.fromkeys(_type(option) for option in properties[name].get("anyOf", [properties[name]]))
        default = "required" if name in required else _default(field.get_default(call_default_factory=True))
        cells = [f"`{name}`", " or ".join(kinds), default, field.description or ""]
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
        if section := _section_of(field.annotation):
            many = "[]" if any(kind.startswith("list") for kind in kinds) else ""
            below += _model_sections(section, f"{path}.{name}{many}".removeprefix("."))
    return lines + below


def _section_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section_of(part))), None)


def _type(option: Schema) -> str:
    """A JSON schema type in plain words, with its limits."""
    if "$ref" in option:
        return "section"
    if "enum" in option:
        return ", ".join(f"`{value}`" for value in option["enum"])
    if "const" in option:
        return f"`{option['const']}`"
    if "prefixItems" in option:
        return f"list of {len(option['prefixItems'])}: {_type(option['prefixItems'][0])}"
    if option["type"] == "array":
        return f"list of {_type(option['items'])}"
    if option["type"] == "object":
        values = option.get("additionalProperties")
        return f"mapping of text to {_type(values)}" if isinstance(values, dict) else "mapping"
    if option.get("format") == "date":
        return "date"
    limits = [f"{sign} {option[limit]:g}" for limit, sign in LIMITS.items() if limit in option]
    return " ".join([TYPES[option["type"]], ", ".join(limits)]).strip()


def _default(value: object) -> str:
    if isinstance(value, BaseModel):
        return "as below"
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        return f"`{json.dumps([item.model_dump(mode='json') for item in value])}`"
    if isinstance(value, list) and len(value) > LIST_SHOWN:
        return f"`{json.dumps(value[:LIST_SHOWN], ensure_ascii=False)[:-1]}, ...]`, {len(value)} in all"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    for written in write_pages(Path(sys.argv[1])):
        print(written)

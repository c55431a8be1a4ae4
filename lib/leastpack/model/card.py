"""The model card: what a person should know of a model, as plain Markdown in its directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from leastpack.errors import ModelError
from leastpack.files import is_file, write_bytes
from leastpack.model.folder import DESCRIPTION, open_model

CARD = "model_card.md"


def write_model_card(directory: str | Path, fields: Mapping[str, object]) -> None:
    """Write model_card.md into a model directory; it does not enter the model_version.

    Args:
        directory: An existing model directory, a path or a URI.
        fields: Heading to content: a mapping becomes a table of two columns, a list bullets, anything else a paragraph.

    Raises:
        ModelError: There is no model.
    """
    files = open_model(directory)
    if not is_file(files, DESCRIPTION):
        raise ModelError(
            f"{directory} has no model", expected="a model directory", todo="save the model before its card"
        )
    sections = [f"## {heading}\n\n{_content(value)}" for heading, value in fields.items()]
    text = "\n\n".join(["# Model card", *sections]) + "\n"
    write_bytes(files, CARD, text.encode())


def _content(value: object) -> str:
    if isinstance(value, Mapping):
        rows = [f"| {_cell(key)} | {_cell(item)} |" for key, item in value.items()]
        return "\n".join(["| | |", "|---|---|", *rows])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(f"- {_cell(item)}" for item in value)
    return _shown(value)


def _cell(value: object) -> str:
    return " ".join(_shown(value).split()).replace("|", "\\|")


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""Says what is wrong with a configuration, where, and what was perhaps meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from leastpack.config.yaml_file import Document, Where


def explain(error: ValidationError, model: type[BaseModel], documents: Sequence[Document]) -> list[str]:
    """A line for each problem: the key, what is wrong with it, and the file and line where it stands.

    Args:
        error: What pydantic found.
        model: What was validated.
        documents: The files it was read from; the last one that has a key decides.
    """
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"]) or "(top level)"
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(problem["loc"][-1]), _known_keys(model, problem["loc"][:-1]), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            said = f"unknown key {where}{hint}"
        else:
            said = f"{where}: {problem['msg'].removeprefix('Value error, ')}"
        lines.append(said + _place(problem["loc"], documents))
    return lines


def _known_keys(model: type[BaseModel], path: Iterable[int | str]) -> list[str]:
    section: type[BaseModel] | None = model
    for part in path:
        if section is None:
            return []
        if isinstance(part, int):
            continue
        field = section.model_fields.get(part)
        section = section_of(field.annotation) if field else None
    return list(section.model_fields) if section else []


def _place(where: Where, documents: Sequence[Document]) -> str:
    found = [(*document.line_of(where), document.path) for document in documents]
    deepest = max((depth for depth, _, _ in found), default=0)
    if not deepest:
        return ""
    _, line, path = [one for one in found if one[0] == deepest][-1]
    return f" ({path}, line {line})"


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The config section that a field holds, alone, in a list or where it is given; None if it holds none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := section_of(arg))), None)

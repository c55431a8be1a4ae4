"""What is wrong in a configuration, with file and line; and how its keys are found."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from leastpack.config.root import Config
from leastpack.config.strict_yaml import Document


def explain(error: ValidationError, section: type[BaseModel], document: Document) -> list[str]:
    """One sentence a fault: where it is written, which key, what is wrong. Values are not shown: they may be secret.

    Args:
        error: What pydantic found.
        section: The section at the document's top.
        document: What was checked.
    """
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        key = problem["loc"]
        place = document.place(key)
        where = ".".join(str(part) for part in key) or "(top level)"
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(key[-1]), _known_keys(section, key[:-1]), n=1)
            said = f"unknown key {where}" + (f"; did you mean {near[0]!r}?" if near else "")
        else:
            said = f"{where}: {problem['msg'].removeprefix('Value error, ')}"
            if problem["type"] == "string_type" and problem["input"] is not None:
                said += f", not {_plainly(problem['input'])}"
        lines.append(f"{place}: {said}" if place else said)
    return lines


def split_key(key: str) -> list[str]:
    """The parts of a dotted key. Below a mapping whose keys are anyone's, such as spark.conf, the rest is one key."""
    parts = key.split(".")
    for end in range(1, len(parts)):
        if _is_open(parts[:end]):
            rest = ".".join(parts[end:])
            quoted = len(rest) > 1 and rest[0] == rest[-1] and rest[0] in "'\""
            return [*parts[:end], rest[1:-1] if quoted else rest]
    return parts


def _plainly(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false (YAML reads on, off, yes and no so: put it in quotes)"
    if isinstance(value, dict | list):
        return f"a {'mapping' if isinstance(value, dict) else 'list'}"
    return "a number or day: put it in quotes"


def _is_open(path: list[str]) -> bool:
    *above, last = path
    section = _section_at(Config, above)
    field = section.model_fields.get(last) if section else None
    return field is not None and get_origin(field.annotation) is dict


def _known_keys(section: type[BaseModel], path: Iterable[int | str]) -> list[str]:
    found = _section_at(section, path)
    return list(found.model_fields) if found else []


def _section_at(section: type[BaseModel] | None, path: Iterable[int | str]) -> type[BaseModel] | None:
    for part in path:
        if section is None:
            return None
        if isinstance(part, int):
            continue
        field = section.model_fields.get(part)
        section = _section_of(field.annotation) if field else None
    return section


def _section_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _section_of(arg))), None)

"""YAML read strictly: no key twice, only text as keys, only dates that exist; and the line each value stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from leastpack.errors import ConfigError

Key = tuple[int | str, ...]
MERGE = "tag:yaml.org,2002:merge"
TEXT = "tag:yaml.org,2002:str"


@dataclass(frozen=True)
class Document:
    """What a YAML file says, and where.

    Attributes:
        content: The mapping at its top.
        places: File and line (`conf/demo.yaml, line 12`) of each value, by the keys that lead to it.
    """

    content: dict[str, Any] = field(default_factory=dict)
    places: dict[Key, str] = field(default_factory=dict)

    def place(self, key: Key) -> str:
        """File and line of a value, or of the nearest thing around it that is written down; empty if nothing is."""
        return next((self.places[key[:end]] for end in range(len(key), 0, -1) if key[:end] in self.places), "")

    def under(self, high: Document) -> Document:
        """This document with another one over it: mappings are merged, everything else is replaced."""
        places = dict(self.places)
        for key in high.places:
            if not (isinstance(_at(self.content, key), Mapping) and isinstance(_at(high.content, key), Mapping)):
                places = {one: place for one, place in places.items() if one[: len(key)] != key}
        return Document(_merged(self.content, high.content), places | high.places)


def read_document(path: Path, what: str) -> Document:
    """Read a YAML file.

    Args:
        path: The file, UTF-8 with or without a byte order mark.
        what: What it is, such as `config file`, for errors.

    Raises:
        ConfigError: The file is missing or cannot be read, is not UTF-8, is no single YAML mapping, repeats a key, or
            holds a value that does not exist, such as 30 February.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else ""
        raise ConfigError(
            f"{what} {path} {'is no file' if found else 'does not exist'}", found=found, todo="check the path"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read: {error.strerror}", todo="check its rights") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{what} {path}, line {data[: error.start].count(10) + 1} is not UTF-8",
            found=f"byte 0x{data[error.start]:02x}",
            todo="save the file as UTF-8",
        ) from None
    node, content = _parse(text, f"{what} {path}")
    if node is None:
        return Document()
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(f"{what} {path}", node, "the top of the file is no mapping", "keys with values")
    return Document(content, dict(_places(node, str(path), ())))


def parse_value(text: str, what: str) -> Any:
    """Read a YAML value that stands alone, as strictly as a file.

    Raises:
        ConfigError: It is no YAML, repeats a key, or does not exist.
    """
    return _parse(text, what)[1]


class _Loader(yaml.SafeLoader):
    """SafeLoader that says where a value is that cannot be made, such as a date that does not exist."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)  # type: ignore[no-untyped-call]
        except (ValueError, OverflowError) as error:
            value = node.value if isinstance(node, yaml.ScalarNode) else ""
            raise yaml.constructor.ConstructorError(
                None, None, f"{value!r} does not exist ({error})", node.start_mark
            ) from None


def _parse(text: str, what: str) -> tuple[yaml.Node | None, Any]:
    loader: _Loader | None = None
    try:
        # The loader looks for characters that YAML forbids as soon as it is made.
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        _check_keys(node, what, ())
        return node, loader.construct_document(node)  # type: ignore[no-untyped-call]
    except yaml.reader.ReaderError as error:
        line = text[: int(error.position)].count("\n") + 1
        raise ConfigError(f"{what}, line {line}: a character that YAML does not allow ({error.reason})") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{what}{at} is not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{what} is not valid YAML: {error}") from None
    finally:
        if loader is not None:
            loader.dispose()  # type: ignore[no-untyped-call]


def _check_keys(node: yaml.Node, what: str, inside: tuple[int, ...]) -> None:
    """Refuse keys that repeat or are no text. Merged keys (`<<`) are not spread yet: one's own may hide them."""
    if id(node) in inside:
        raise _wrong(what, node, "an anchor holds itself", "values that end")
    inside = (*inside, id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item, what, inside)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag not in (TEXT, MERGE):
            shown = key.value if isinstance(key, yaml.ScalarNode) else "a list or mapping"
            raise _wrong(what, key, f"the key {shown} is no text", "text; put it in quotes")
        if key.value in lines:
            raise _wrong(
                what, key, f"the key {key.value!r} is there already, in line {lines[key.value]}", "each key once"
            )
        lines[key.value] = key.start_mark.line + 1
        _check_keys(value, what, inside)


def _places(node: yaml.Node, file: str, at: Key) -> Iterator[tuple[Key, str]]:
    # Merged keys stand before a mapping's own once it is made, so that of two lines of a key the one that counts wins.
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*at, key.value), f"{file}, line {key.start_mark.line + 1}"
            yield from _places(value, file, (*at, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield (*at, position), f"{file}, line {item.start_mark.line + 1}"
            yield from _places(item, file, (*at, position))


def _wrong(what: str, node: yaml.Node, found: str, expected: str) -> ConfigError:
    return ConfigError(f"{what}, line {node.start_mark.line + 1}: {found}", expected=expected)


def _at(content: Any, key: Key) -> Any:
    for part in key:
        if not isinstance(content, Mapping) or part not in content:
            return None
        content = content[part]
    return content


def _merged(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        before = merged.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(before, value) if both else value  # type: ignore[arg-type]
    return merged

"""Package type files: conf/packages/<marketplace>.yaml."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from leastpack.config.base import Currency, Day, Section, Share
from leastpack.config.explain import explain
from leastpack.config.strict_yaml import read_document
from leastpack.errors import ConfigError

PackageKind = Literal["own_container", "bag", "mailer", "box"]
Name = Annotated[str, Field(min_length=1)]
Side = Annotated[float, Field(gt=0)]


class PackageType(Section):
    """One package type of a marketplace."""

    name: Name = Field(description="Name, unique in its marketplace.")
    kind: PackageKind = Field(description="Decides how fit and void are computed.")
    profile: list[Share] = Field(description="Protection by attribute, 0..1, in the order of `attributes`.")
    inner_cm: tuple[Side, Side, Side] | None = Field(
        None,
        description="Inner sides, above 0, null for an own container; a flat mailer's depth is that of the thickest "
        "product it takes.",
    )
    void_filled: bool = Field(False, description="The empty space is filled.")
    max_weight_g: float | None = Field(None, gt=0, description="Heaviest content.")
    tare_g: float = Field(ge=0, description="Weight of the empty package.")
    cost: float = Field(ge=0, description="Cost of one package.")
    safe_default: bool = Field(False, description="May be used where nothing is certified.")
    valid_from: Day = Field(description="First day of use.")
    valid_to: Day | None = Field(None, description="First day it is no longer used; null while it is.")

    @model_validator(mode="after")
    def _consistent(self) -> PackageType:
        if (self.kind == "own_container") != (self.inner_cm is None):
            raise ValueError(f"{self.name}: inner_cm is needed for every kind but own_container")
        if self.kind == "own_container" and any(self.profile):
            raise ValueError(f"{self.name}: an own container protects nothing, its profile is all 0")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError(f"{self.name}: valid_to {self.valid_to} is not after valid_from {self.valid_from}")
        return self

    @property
    def profile_hash(self) -> str:
        """SHA-256 of kind, profile and void filling, first 16 hex digits."""
        content = json.dumps([self.kind, [float(x) for x in self.profile], self.void_filled])
        return hashlib.sha256(content.encode()).hexdigest()[:16]


class PackageFile(Section):
    """All package types of one marketplace."""

    marketplace: Name = Field(description="Marketplace code.")
    currency: Currency = Field(description="ISO code of the costs.")
    attributes: list[Name] = Field(min_length=1, description="Protection attributes, the same in every file.")
    types: list[PackageType] = Field(min_length=1, description="The package types.")

    @field_validator("attributes")
    @classmethod
    def _each_attribute_once(cls, attributes: list[str]) -> list[str]:
        if len(set(attributes)) != len(attributes):
            raise ValueError("attributes must be unique")
        return attributes

    @field_validator("types")
    @classmethod
    def _consistent(cls, types: list[PackageType], info: ValidationInfo) -> list[PackageType]:
        names = [package.name for package in types]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"package type names must be unique; repeated: {', '.join(twice)}")
        attributes = info.data.get("attributes")
        for package in types:
            if attributes is not None and len(package.profile) != len(attributes):
                raise ValueError(f"{package.name}: profile needs {len(attributes)} numbers, one an attribute")
        if not any(package.safe_default for package in types):
            raise ValueError("no type has `safe_default: true`: where nothing is certified, no package is left")
        return types


def load_packages(patterns: Sequence[str]) -> list[PackageFile]:
    """Read every package file that the patterns name, in order of path.

    Raises:
        ConfigError: No file matches, a file is wrong, or files disagree about the attributes.
    """
    paths = sorted({path for pattern in patterns for path in _matching(pattern)})
    if not paths:
        raise ConfigError(
            f"no package file matches {list(patterns)}",
            expected="YAML files as in conf/packages",
            todo="set `packages`",
        )
    files = [_load(path) for path in paths]
    if len({tuple(file.attributes) for file in files}) > 1:
        raise ConfigError(
            "package files must declare the same attributes in the same order", found=", ".join(map(str, paths))
        )
    marketplaces = [file.marketplace for file in files]
    if len(set(marketplaces)) != len(marketplaces):
        raise ConfigError("each marketplace has one package file", found=", ".join(marketplaces))
    return files


def _matching(pattern: str) -> list[Path]:
    anchor = Path(pattern).anchor
    return [path for path in Path(anchor or ".").glob(str(Path(pattern).relative_to(anchor))) if path.is_file()]


def _load(path: Path) -> PackageFile:
    document = read_document(path, "package file")
    try:
        return PackageFile.model_validate(document.content)
    except ValidationError as error:
        raise ConfigError(
            f"package file {path} is wrong:\n"
            + "\n".join(f"  - {line}" for line in explain(error, PackageFile, document)),
            todo="correct the keys above; docs/config.md lists every key",
        ) from None

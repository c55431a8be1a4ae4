"""The strict model every config section derives from."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from leastpack.config.currencies import known_currency
from leastpack.locations import local_path


def _written_as_day(value: Any) -> Any:
    # A plain number would be taken for seconds since 1970.
    iso = isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip())
    if isinstance(value, datetime.date | None) or iso:
        return value.strip() if isinstance(value, str) else value
    raise ValueError("a day is written as 2024-02-29")


def _on_this_machine(location: str) -> str:
    here = local_path(location)
    if here is None:
        raise ValueError("a folder of this machine is needed: a path or a file: URI (dbfs:/x is mounted as /dbfs/x)")
    return str(here)


Share = Annotated[float, Field(ge=0.0, le=1.0)]
OpenShare = Annotated[float, Field(gt=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]
Currency = Annotated[str, BeforeValidator(known_currency)]
LocalFolder = Annotated[str, AfterValidator(_on_this_machine)]
Day = Annotated[datetime.date, BeforeValidator(_written_as_day)]


class Section(BaseModel):
    """A config section: unknown keys are rejected, values do not change once loaded, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_yes_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        # YAML reads yes, no, on and off as true and false, which would count as 1 and 0.
        written = str(cls.model_fields[info.field_name or ""].annotation)
        if re.search(r"float|int\b", written) and "bool" not in written and _holds_truth(value):
            raise ValueError("a number is needed, found yes or no (YAML reads on, off, yes and no so)")
        return value


def _holds_truth(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_truth(one) for one in value.values())
    return isinstance(value, bool) or (isinstance(value, list | tuple) and any(map(_holds_truth, value)))

"""The strict model every config section derives from."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
OpenShare = Annotated[float, Field(gt=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A config section: unknown keys are rejected, values do not change once loaded."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

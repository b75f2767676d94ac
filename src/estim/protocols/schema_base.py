"""What all models of a protocol file share: nothing unknown, nothing converted, nothing changed afterwards."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Strict(BaseModel):
    """Unknown keys are refused, types are not converted (`"50"` and `true` are no numbers), values don't change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _arrays(cls, given: Any) -> Any:
        """TOML has arrays only; what is a tuple here is one there."""
        if not isinstance(given, dict):
            return given
        return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}


def rule(name: str, message: str) -> ValueError:
    """A broken rule between keys: `name` becomes the problem's rule."""
    return ValueError(f"[{name}] {message}")

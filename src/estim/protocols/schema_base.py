"""What all models of a protocol file share: nothing unknown, nothing converted, nothing changed afterwards."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


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


def rule(name: str, message: str, *, at: str = "") -> ValueError:
    """A broken rule between keys: `name` becomes the problem's rule, `at` the key that is named."""
    return ValueError(f"[{name}@{at}] {message}" if at else f"[{name}] {message}")


def exactly(*allowed: int) -> BeforeValidator:
    """One of these whole numbers: `true` and `1.0` equal 1 in Python, and are none in a file."""

    def check(value: Any) -> Any:
        if type(value) is not int or value not in allowed:
            words = " or ".join(str(number) for number in allowed)
            raise PydanticCustomError("literal_error", "one of {expected}", {"expected": words})
        return value

    return BeforeValidator(check)


def _printable(text: str) -> str:
    """Texts are shown on terminals: control characters could move the cursor or hide a line."""
    if any((ord(sign) < 32 and sign not in "\n\t") or 127 <= ord(sign) < 160 for sign in text):
        raise rule("text", "a text may not hold control characters")
    return text


Text = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_printable)]

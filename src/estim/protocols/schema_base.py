"""What all models of a protocol file share: nothing unknown, nothing converted, nothing changed afterwards."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

NUMBER_MAX = 10**9  # 31 years in s, 17 minutes in µs; in µs still below 2^53, where records end


class Strict(BaseModel):
    """Unknown keys are refused, types are not converted (`"50"` and `true` are no numbers), values don't change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        """TOML has arrays only; what is a tuple here is one there. No text or number that nobody means."""
        if not isinstance(given, dict):
            return given
        for key in given.keys() & cls.model_fields.keys():
            for value in given[key] if isinstance(given[key], list) else [given[key]]:
                _refuse_unmeant(key, value)
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


def _refuse_unmeant(key: str, value: Any) -> None:
    if isinstance(value, str):  # texts are shown on terminals, where control characters move the cursor or hide a line
        if any((ord(sign) < 32 and sign not in "\n\t") or 127 <= ord(sign) < 160 for sign in value):
            raise rule("text", "a text may not hold control characters", at=key)
    elif isinstance(value, int | float) and NUMBER_MAX < abs(value) < math.inf:
        raise rule("number", f"no number of a protocol is greater than {NUMBER_MAX}", at=key)


Text = Annotated[str, Field(min_length=1, max_length=2_000)]

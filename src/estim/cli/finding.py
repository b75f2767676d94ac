"""One line of `estim doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """`bad` means that a session should not begin here, `warn` that something is less than it could be.

    Attributes:
        cure: the command that cures it, "" where nothing needs one or none can.
    """

    part: str
    state: State
    text: str
    cure: str = ""


def found(part: str, state: State, text: str, cure: str = "") -> Diagnosis:
    """The same, written shorter."""
    return Diagnosis(part=part, state=state, text=text, cure=cure)

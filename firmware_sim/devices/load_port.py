"""What hangs on an output: the load as the output stage meets it."""

from __future__ import annotations

from typing import Protocol


class Load(Protocol):
    """Anything that current can be driven through."""

    def test_ohm(self, now_us: int) -> int:
        """Resistance that a test pulse sees; very large for an open lead."""

    def deliver(self, current_ua: int, width_us: int, interphase_us: int, now_us: int) -> int:
        """Current in µA that really flows when the output stage asks for `current_ua` for `width_us`.

        Never more than asked; less where the output voltage does not suffice.
        """


class ResistiveLoad:
    """A plain resistor behind a limited output voltage."""

    def __init__(self, ohm: int = 1_000, *, compliance_v: int = 150) -> None:
        self._ohm = max(1, ohm)
        self._limit_ua = compliance_v * 1_000_000 // self._ohm

    def test_ohm(self, now_us: int) -> int:  # noqa: ARG002
        """The resistor's value."""
        return self._ohm

    def deliver(self, current_ua: int, width_us: int, interphase_us: int, now_us: int) -> int:  # noqa: ARG002
        """All of it, up to what the voltage drives through the resistor."""
        return min(current_ua, self._limit_ua)


class OpenLoad(ResistiveLoad):
    """A lead that hangs in the air: no current flows."""

    def __init__(self) -> None:
        super().__init__(100_000_000)

"""Electrodes: the pads through which current enters, and their area, without which nothing may be armed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from estim.safety.errors import quoted
from estim.safety.units import SquareMm, plain_number

_PAIR = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*[x×]\s*(\d+(?:\.\d+)?)\s*$", re.ASCII)
_ROUND = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*$", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Electrode:
    """One pad.

    Attributes:
        id: name within the session; two channels naming the same id share the pad, so their squares add (L7).
        width_mm, height_mm: sides of a rectangular pad; a round one has its diameter in both and `is_round`.
        placement: where it goes, in the protocol's words.
    """

    id: str
    width_mm: int
    height_mm: int
    is_round: bool = False
    placement: str = ""

    @property
    def area_mm2(self) -> SquareMm:
        """Conductive area, rounded down: a smaller area only tightens what is allowed."""
        if self.is_round:
            return SquareMm(math.floor(math.pi * self.width_mm * self.width_mm / 4))
        return SquareMm(self.width_mm * self.height_mm)


def electrode_from_cm(id: str, size_cm: tuple[float, ...], *, placement: str = "") -> Electrode:  # noqa: A002
    """A pad from its size in cm: one number is a round pad's diameter, two are a rectangle's sides.

    Raises:
        ValueError: not one or two positive numbers.
    """
    if len(size_cm) not in (1, 2) or not all(math.isfinite(side) and side > 0 for side in size_cm):
        raise ValueError(f"pad size {list(size_cm)} cm: give [diameter] of a round pad or [width, height], above 0")
    sides = [int(round(side * 10, 6)) for side in size_cm]
    return Electrode(id=id, width_mm=sides[0], height_mm=sides[-1], is_round=len(size_cm) == 1, placement=placement)


def parse_size_cm(text: str) -> tuple[float, ...]:
    """`7.6x12.7` or `3.2` as sizes in cm.

    Raises:
        ValueError: any other text, with the two forms that are allowed.
    """
    if match := _PAIR.match(text):
        return plain_number(match[1]), plain_number(match[2])
    if match := _ROUND.match(text):
        return (plain_number(match[1]),)
    raise ValueError(f"pad size {quoted(text)}: write 7.6x12.7 (cm) for a rectangle or 3.2 for a round pad's diameter")

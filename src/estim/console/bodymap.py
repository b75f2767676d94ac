"""A small figure with a mark where the pads go: seen as in a mirror, so the patient's left is on the left. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from estim.console.language import ENGLISH, Words

_FIGURE = (
    "      ___      ",
    "     (   )     ",
    "   ___) (___   ",
    "  /         \\  ",
    " / /|     |\\ \\ ",
    " | ||     || | ",
    " | | \\___/ | | ",
    " V  |  |  |  V ",
    "    |  |  |    ",
    "    |  |  |    ",
    "    |  |  |    ",
    "    |__|__|    ",
)
"""Left half is the patient's left in this mirror view."""

_PLACES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {  # row, column on the left side; the right side is mirrored
        "shoulder": (3, 3),
        "upper-arm": (4, 1),
        "forearm": (5, 1),
        "hand": (7, 1),
        "upper-back": (4, 5),
        "low-back": (5, 6),
        "buttock": (6, 6),
        "thigh": (8, 5),
        "shank": (10, 5),
        "foot": (11, 5),
    }
)


def figure(region: str, side: str, say: Words = ENGLISH) -> tuple[str, ...]:
    """The figure with `●` at region and side; without a mark where either is not known."""
    rows = [list(row) for row in _FIGURE]
    place = _PLACES.get(region)
    if place is not None and side in {"left", "right"}:
        row, column = place
        rows[row][column if side == "left" else len(rows[row]) - 1 - column] = "●"
    labels = f"{say('side.left'):<8}{say('side.right'):>7}"
    return (*("".join(row) for row in rows), labels)

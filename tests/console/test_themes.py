"""Colours can be read: 4.5 to 1 or more (WCAG 2.1, 1.4.3) between words and ground, in every theme."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from estim.console.themes import THEMES

LEAST = 4.5
LINES = 3.0  # 1.4.11: borders and grounds; `primary` colours no word


def luminance(colour: str) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4

    rgb = Color.parse(colour)
    return 0.2126 * linear(rgb.r) + 0.7152 * linear(rgb.g) + 0.0722 * linear(rgb.b)


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_words_stand_out_from_their_ground(theme: Theme) -> None:
    words = {name: getattr(theme, name) for name in ("foreground", "secondary", "warning", "error", "accent")}
    grounds = {name: getattr(theme, name) for name in ("background", "surface")}
    weak = {
        f"{word} on {ground}": round(contrast(colour, under), 2)
        for word, colour in words.items()
        for ground, under in grounds.items()
        if colour and under and contrast(colour, under) < LEAST
    }
    assert weak == {}
    assert contrast(str(theme.primary), str(theme.background)) >= LINES
    assert contrast(theme.variables["stim-text"], theme.variables["stim"]) >= LEAST

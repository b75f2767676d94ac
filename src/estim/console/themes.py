"""Colours: dark, light, highest contrast, colour-blind-safe, monochrome. Each state has a word and a shape beside its
colour, so that no colour is needed to tell states apart (16 colours, NO_COLOR).

The colour-blind-safe set is Okabe and Ito's (2008, "Color Universal Design"): its eight colours stay apart under
protanopia, deuteranopia and tritanopia.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from textual.theme import Theme

SIGNAL_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "stim": "#ffb000",  # amber, steady: the 60601-2-10 output lamp is yellow
        "stim-text": "#000000",
        "alarm-high": "#d00000",
        "alarm-medium": "#f5d90a",
        "alarm-low": "#00b7c7",
    }
)

THEMES: tuple[Theme, ...] = (
    Theme(
        name="estim-dark",
        primary="#4c9be8",
        secondary="#7aa2c9",
        warning="#f5d90a",
        error="#ff5d5d",
        success="#5fb878",
        accent="#ffb000",
        foreground="#e6e6e6",
        background="#10151c",
        surface="#19212b",
        panel="#232e3b",
        dark=True,
        variables=dict(SIGNAL_COLOURS),
    ),
    Theme(
        name="estim-light",
        primary="#0b5cad",
        secondary="#3d6485",
        warning="#8a6d00",
        error="#b00020",
        success="#1b6e3a",
        accent="#a35c00",
        foreground="#14191f",
        background="#f7f8fa",
        surface="#ffffff",
        panel="#e4e9ef",
        dark=False,
        variables={**SIGNAL_COLOURS, "stim": "#a35c00", "stim-text": "#ffffff"},
    ),
    Theme(
        name="estim-contrast",
        primary="#ffffff",
        secondary="#ffffff",
        warning="#ffff00",
        error="#ff6060",
        success="#00a000",
        accent="#ffff00",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#202020",
        dark=True,
        variables={**SIGNAL_COLOURS, "stim": "#ffff00"},
    ),
    Theme(
        name="estim-colour-blind",
        primary="#0072b2",
        secondary="#56b4e9",
        warning="#f0e442",
        error="#d55e00",
        success="#009e73",
        accent="#e69f00",
        foreground="#ffffff",
        background="#000000",
        surface="#141414",
        panel="#2a2a2a",
        dark=True,
        variables={
            "stim": "#e69f00",
            "stim-text": "#000000",
            "alarm-high": "#b34700",  # vermilion, darkened until white can be read on it
            "alarm-medium": "#f0e442",
            "alarm-low": "#56b4e9",
        },
    ),
    Theme(
        name="estim-mono",
        primary="#6a6a6a",
        secondary="#9a9a9a",
        warning="#ffffff",
        error="#ffffff",
        success="#6a6a6a",
        accent="#ffffff",
        foreground="#e8e8e8",
        background="#000000",
        surface="#121212",
        panel="#303030",
        dark=True,
        variables={
            "stim": "#ffffff",
            "stim-text": "#000000",
            "alarm-high": "#5a5a5a",
            "alarm-medium": "#d0d0d0",
            "alarm-low": "#909090",
        },
    ),
)
THEME_NAMES: tuple[str, ...] = tuple(theme.name for theme in THEMES)

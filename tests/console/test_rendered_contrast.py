"""What is really drawn can be read: each word against the ground it stands on, in every theme, with current on too."""

from __future__ import annotations

import pytest

from estim.console.draft import Stage
from estim.console.themes import THEMES
from estim.safety.reports import ChannelFault

from .conftest import Bench, Make, settle
from .test_themes import LEAST, contrast


def _weak(b: Bench) -> dict[str, float]:
    """Words below 4.5 : 1; dim ones say what may not act now or is of another day: left out (WCAG: inactive)."""
    found: dict[str, float] = {}
    for strip in b.app.screen._compositor.render_strips():
        for segment in strip:
            style, text = segment.style, segment.text.strip()
            words = any(letter.isalnum() for letter in text)  # not a scroll bar's end
            if style is None or not words or style.dim or style.color is None or style.bgcolor is None:
                continue
            if style.color.triplet is None or style.bgcolor.triplet is None:
                continue
            ratio = contrast(style.color.triplet.hex, style.bgcolor.triplet.hex)
            if ratio < LEAST:
                found[text[:40]] = round(ratio, 2)
    return found


@pytest.mark.parametrize("stage", ["home", "plan", "device", "treat", "lead-off"])
async def test_every_word_that_is_drawn_stands_out(bench: Make, stage: str) -> None:
    async with bench() as b:
        if stage in {"home", "plan"}:
            await b.to(Stage(stage))
        elif stage == "device":
            await b.jump(Stage.DEVICE)
        else:
            await b.running()
        if stage == "lead-off":
            b.session.world.extra.append(ChannelFault(channel=1, kind="electrode", text="open"))
            await b.look(0.3)
        weak: dict[str, float] = {}
        for theme in THEMES:
            b.app.theme = theme.name
            await settle(b.app)
            b.app.draw()
            await settle(b.app)
            weak |= {f"{theme.name}: {text}": ratio for text, ratio in _weak(b).items()}
        assert weak == {}

"""The moving picture of a practice session: whole, small, nothing from outside, still where nothing may move."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools.cast import FRAMES, MOST_BYTES, STILL, cast

KEPT = (Path(__file__).resolve().parents[2] / "docs" / "pictures" / "session.svg").read_text("utf-8")
SCREEN = (
    '<svg class="rich-terminal" viewBox="0 0 994 635.6" xmlns="http://www.w3.org/2000/svg">'
    "<style>.matrix { font-size: 20px; }\n.r1 { fill: #%s }\n</style>"
    '<defs><clipPath id="clip"><rect/></clipPath></defs><g clip-path="url(#clip)"><text class="r1">%s</text></g></svg>'
)


def test_the_kept_one_has_every_frame_and_asks_for_nothing_from_outside() -> None:
    ElementTree.fromstring(KEPT)  # noqa: S314 - our own file
    assert len(KEPT.encode()) <= MOST_BYTES
    assert re.findall(r"\d of \d · ([^<]+)</title>", KEPT) == list(FRAMES.values())
    assert not re.findall(r"(?:href|src)=|url\((?!#)|@import|<script", KEPT)
    assert KEPT.count(" still") == 1


def test_frames_keep_their_own_colours_and_one_stands_still() -> None:
    made = cast({name: SCREEN % (f"{number:06x}", name) for number, name in enumerate(FRAMES)})
    ElementTree.fromstring(made)  # noqa: S314
    for number, name in enumerate(FRAMES):
        assert f".f{number}r1 {{ fill: #{number:06x} }}" in made
        assert f'<text class="f{number}r1">{name}</text>' in made
        assert f"url(#f{number}-clip)" in made
    assert f'class="frame still" style="animation-delay:{3 * list(FRAMES).index(STILL)}s"' in made
    assert "prefers-reduced-motion" in made


def test_one_that_no_page_should_load_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed are"):
        cast({"home": SCREEN % ("0", "x" * MOST_BYTES)})

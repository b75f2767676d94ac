"""A practice session as one moving picture for the pages: an SVG that needs no player, no script and no network.

Its frames are screens of the console at 80×24, walked to as in `tools.pictures`. Where nothing moves (paper, a reader
who asked for less motion) it shows the contraction alone.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import re
from pathlib import Path

from tools.pictures import FOLDER, SMALL, picture

FRAMES: dict[str, str] = {
    "home": "Signed in: who comes today",
    "plan": "The condition, and the protocols for it",
    "screening": "What speaks against current, one question at a time",
    "pads": "Where the pads go",
    "levels": "The level is found from 0 mA, one key a step",
    "treat": "A contraction; Space stops, everywhere and always",
    "lead-off": "A pad comes off: output is off",
    "sign": "What was given, before it is signed",
}
STILL = "treat"
SHOWN_S = 3.0
MOST_BYTES = 200_000  # the longest that a page should load for one picture
CAPTION = 34  # height of the line below the screen


def framed(name: str, number: int, svg: str) -> tuple[str, str, float, float]:
    """Style, body and size of one screen, its names made its own so that frames do not colour each other."""
    style, body = re.search(r"<style>(.*?)</style>", svg, re.DOTALL), re.search(r"</style>(.*)</svg>", svg, re.DOTALL)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if style is None or body is None or size is None:
        raise ValueError(f"{name}: not a screen as Textual draws it")
    own = re.sub(r"\.r(\d+)\b", rf".f{number}r\1", style[1])
    rules = re.findall(rf"^\s*\.f{number}r\d+ \{{.*?\}}", own, re.MULTILINE)
    drawn = re.sub(r'class="r(\d+)"', rf'class="f{number}r\1"', body[1])
    drawn = re.sub(r'id="([\w-]+)"', rf'id="f{number}-\1"', drawn)
    drawn = re.sub(r"url\(#([\w-]+)\)", rf"url(#f{number}-\1)", drawn)
    return "\n".join(rule.strip() for rule in rules), drawn.strip(), float(size[1]), float(size[2])


def cast(screens: dict[str, str]) -> str:
    """The moving picture of named screens, in their order.

    Raises:
        ValueError: it is larger than a page should load.
    """
    count, whole_s = len(screens), SHOWN_S * len(screens)
    shown = 100 / count
    styles, bodies = [], []
    wide = high = 0.0
    for number, (name, svg) in enumerate(screens.items()):
        style, body, width, height = framed(name, number, svg)
        wide, high = max(wide, width), max(high, height)
        styles.append(style)
        said = html.escape(f"{number + 1} of {count} · {FRAMES[name]}")
        still = " still" if name == STILL else ""
        words = f'<text class="said" x="{width / 2:g}" y="{height + 22:g}">{said}</text>'
        began = f'<g class="frame{still}" style="animation-delay:{number * SHOWN_S:g}s">'
        bodies.append(f"{began}\n<title>{said}</title>\n{body}\n{words}\n</g>")
    matrix = re.search(r"\.matrix \{.*?\}", next(iter(screens.values())), re.DOTALL)
    text = "\n".join(
        (
            f'<svg class="rich-terminal" viewBox="0 0 {wide:g} {high + CAPTION:g}"',
            ' xmlns="http://www.w3.org/2000/svg" role="img">',
            "<title>A practice session with a simulated stimulator</title>",
            "<style>rect{shape-rendering:crispEdges}",
            matrix[0] if matrix is not None else "",
            ".title{font-size:18px;font-weight:bold;font-family:arial}",
            ".said{font:18px arial,sans-serif;text-anchor:middle;fill:#7a8794}",
            f".frame{{visibility:hidden;animation:shown {whole_s:g}s step-end infinite}}",
            f"@keyframes shown{{0%{{visibility:visible}}{shown:g}%{{visibility:hidden}}}}",
            "@media print,(prefers-reduced-motion:reduce){.frame{animation:none}.still{visibility:visible}}",
            *styles,
            "</style>",
            *bodies,
            "</svg>\n",
        )
    )
    if len(text.encode()) > MOST_BYTES:
        raise ValueError(f"a moving picture of {len(text.encode())} bytes; allowed are {MOST_BYTES}")
    return text


async def screens() -> dict[str, str]:
    """Each frame's screen."""
    return {name: await picture(name, size=SMALL) for name in FRAMES}


def main() -> int:
    """Write docs/pictures/session.svg."""
    parser = argparse.ArgumentParser(prog="python -m tools.cast", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write, by default docs/pictures")
    given = parser.parse_args()
    text = cast(asyncio.run(screens()))
    (given.folder / "session.svg").write_text(text, encoding="utf-8")
    print(f"session: {len(text.encode())} bytes, {len(FRAMES)} frames")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

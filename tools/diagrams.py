"""The diagrams of the pages, drawn from what they show: layers, states, frames, the record's chain.

    python -m tools.diagrams

`parts.svg` is the import contract of pyproject.toml, `states.svg` the session's table, `wire.svg` two frames as the
drivers encode them, `chain.svg` what docs/records.md says of the chains. tests/docs/test_diagrams.py keeps them so.
"""

from __future__ import annotations

import html
import math
import tomllib
from collections import defaultdict
from pathlib import Path

from estim.drivers.framing import encode2, encode34
from estim.session.state import TABLE, Phase

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
INK, QUIET, FILL, SIGNED = "#1b1f23", "#57606a", "#eef3f8", "#fff3d6"
Point = tuple[float, float]
# Where each state stands; a state without a place stops this script.
PLACES = {
    Phase.DISCONNECTED: (110, 90), Phase.READY: (350, 90), Phase.CONFIGURED: (580, 90), Phase.ARMED: (900, 90),
    Phase.RUNNING: (900, 270), Phase.STOPPING: (580, 270), Phase.PAUSED: (740, 420), Phase.FAULT: (110, 270),
}  # fmt: skip
HALF_W, HALF_H = 66, 20


def text(x: float, y: float, said: str, *, size: int = 13, anchor: str = "middle", colour: str = INK) -> str:
    """A line of text."""
    words = html.escape(said)
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def box(x: float, y: float, w: float, h: float, said: str, *, fill: str = FILL, dashed: bool = False) -> str:
    """A box with its name in the middle."""
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    frame = f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="5" fill="{fill}" stroke="{INK}"{dash}/>'
    return frame + text(x + w / 2, y + h / 2 + 4.5, said)


def arrow(a: Point, b: Point, said: str = "", *, bend: float = 0, shift: float = 0) -> str:
    """From `a` to `b`; `bend` lifts its middle, `shift` moves the whole aside."""
    length = math.dist(a, b)
    aside = ((a[1] - b[1]) / length, (b[0] - a[0]) / length)
    a, b = ((p[0] + aside[0] * shift, p[1] + aside[1] * shift) for p in (a, b))
    middle = ((a[0] + b[0]) / 2 - aside[0] * bend, (a[1] + b[1]) / 2 - aside[1] * bend)
    path = f"M{a[0]:.1f} {a[1]:.1f} Q{middle[0]:.1f} {middle[1]:.1f} {b[0]:.1f} {b[1]:.1f}"
    line = f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="1.4" marker-end="url(#tip)"/>'
    if not said:
        return line
    side = 1 if shift >= 0 else -1
    x = (a[0] + b[0] + 2 * middle[0]) / 4 + aside[0] * 13 * side
    y = (a[1] + b[1] + 2 * middle[1]) / 4 + aside[1] * 10 * side + 4
    anchor = "middle" if abs(aside[1]) > 0.97 else "start" if aside[0] * side > 0 else "end"
    return line + text(x, y, said, size=12, anchor=anchor, colour=QUIET)


def page(width: int, height: int, title: str, parts: list[str]) -> str:
    """The picture: its own light ground, so that it is read on a dark page too."""
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0 L8 4 L0 8 Z" fill="{INK}"/></marker></defs>'
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="{html.escape(title)}" font-family="sans-serif">'
    )
    ground = f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{html.escape(title)}</title>", tip, ground, *parts, "</svg>"]) + "\n"


def parts() -> str:
    """The layers as pyproject.toml holds them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    drawn = []
    for row, layer in enumerate(layers):
        names = [name.strip() for name in layer.split("|")]
        width = 600 / len(names)
        drawn += [
            box(20 + n * width + 4, 20 + row * 50, width - 8, 38, name.strip("()")) for n, name in enumerate(names)
        ]
    bottom = 20 + len(layers) * 50
    drawn.append(arrow((650, 30), (650, bottom - 16)))
    drawn += [text(664, 44, "imports only", anchor="start"), text(664, 62, "what stands below", anchor="start")]
    drawn.append(box(664, bottom - 108, 150, 88, "firmware_sim", dashed=True))
    drawn.append(text(739, bottom - 40, "shares no code", size=12, colour=QUIET))
    return page(830, bottom + 10, "The parts of estim: each layer imports only what stands below it", drawn)


def edge(place: Point, towards: Point) -> Point:
    """Where a line to `towards` leaves the box around `place`."""
    dx, dy = towards[0] - place[0], towards[1] - place[1]
    scale = min(HALF_W / abs(dx) if dx else math.inf, HALF_H / abs(dy) if dy else math.inf)
    return place[0] + dx * scale, place[1] + dy * scale


def states() -> str:
    """The session's table; `fail` leads from every state to FAULT and is said beside it."""
    ways: dict[tuple[Phase, Phase], list[str]] = defaultdict(list)
    for (phase, turn), target in TABLE.items():
        if target is not Phase.FAULT and phase is not target:
            ways[phase, target].append(turn.value)
    drawn = []
    for (phase, target), turns in ways.items():
        a, b = PLACES[phase], PLACES[target]
        far = abs(a[0] - b[0]) > 400 and a[1] == b[1]
        begin, end = ((a[0], a[1] - HALF_H), (b[0], b[1] - HALF_H)) if far else (edge(a, b), edge(b, a))
        both = (target, phase) in ways
        drawn.append(arrow(begin, end, ", ".join(turns), bend=-70 if far else 0, shift=9 if both else 0))
    for phase, (x, y) in PLACES.items():
        drawn.append(box(x - HALF_W, y - HALF_H, 2 * HALF_W, 2 * HALF_H, phase.value))
    drawn.append(text(110, 312, "from every state: fail", size=12, colour=QUIET))
    return page(990, 460, "The session's states and what leads from one to the next", drawn)


def frame(y: float, name: str, data: bytes, fields: list[tuple[str, int]]) -> list[str]:
    """Bytes in boxes; below, what so many of them are."""
    drawn, x = [text(20, y - 12, name, anchor="start")], 20.0
    values = iter(data)
    for field, count in fields:
        for _ in range(count):
            drawn.append(box(x, y, 50, 30, f"{next(values):02X}"))
            x += 52
        left = x - 52 * count
        drawn.append(f'<path d="M{left + 2:g} {y + 36:g} H{x - 4:g}" stroke="{QUIET}" stroke-width="1.5"/>')
        drawn.append(text((left + x) / 2 - 1, y + 52, field, size=11, colour=QUIET))
    if next(values, None) is not None:
        raise ValueError(f"{name}: bytes that no field names")
    return drawn


def wire() -> str:
    """A question without data, in both families of frames, as the drivers encode it."""
    new, old = encode34(5, 1), encode2(5, 1)
    drawn = frame(50, "ScienceMode3 and 4: packet 5, command 1", new, [
        ("start", 1), ("length, each byte escaped", 4), ("CRC, each byte escaped", 4), ("packet, command", 2),
        ("end", 1),
    ])  # fmt: skip
    drawn += frame(160, "ScienceMode2: packet 5, command 1", old, [
        ("start", 1), ("check", 2), ("length", 2), ("packet", 1), ("command", 1), ("end", 1),
    ])  # fmt: skip
    return page(40 + 52 * max(len(new), len(old)), 230, "Two frames on the wire, byte by byte", drawn)


def chain() -> str:
    """A record's lines, the home's chain, and what lies outside."""
    drawn, names = [], ["line 0", "line 1", "line 2", "checkpoint", "line 4", "seal"]
    for n, name in enumerate(names):
        signed = name in {"checkpoint", "seal"}
        x = 20 + n * 135
        drawn.append(box(x, 50, 110, 54, name, fill=SIGNED if signed else FILL))
        drawn.append(text(x + 55, 98, "signed" if signed else "", size=11, colour=QUIET))
        if n:
            drawn.append(arrow((x, 77), (x - 25, 77)))
    drawn += [text(20, 34, "record.jsonl: each line holds the hash of the one before it", anchor="start")]
    for n, name in enumerate(("opened", "sealed: head, lines", "opened", "…")):
        x = 20 + n * 200
        drawn.append(box(x, 180, 170, 40, name, fill=SIGNED if n < 3 else FILL))
        if n:
            drawn.append(arrow((x, 200), (x - 30, 200)))
    drawn += [arrow((75, 180), (75, 106)), arrow((305, 180), (715, 108))]
    said = "master.jsonl: signed when a session begins and ends"
    drawn.append(text(490, 170, said, anchor="start", size=11))
    drawn.append(box(20, 290, 250, 40, "anchor, kept elsewhere", dashed=True))
    drawn.append(box(300, 290, 250, 40, "witness: another machine", dashed=True))
    drawn.append(box(580, 290, 235, 40, "an authority's time stamp", dashed=True))
    drawn += [arrow((x, 290), (x, 222)) for x in (145, 425, 640)]
    drawn.append(
        text(20, 352, "They say how far the chain was: what was cut or made anew since then is found", anchor="start")
    )
    return page(840, 370, "How a record is chained, and who vouches for the chain", drawn)


DIAGRAMS = {"parts.svg": parts, "states.svg": states, "wire.svg": wire, "chain.svg": chain}


def main() -> None:
    """All of them, into docs/pictures."""
    for name, draw in DIAGRAMS.items():
        (PICTURES / name).write_text(draw(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

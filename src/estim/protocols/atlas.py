"""Where pads lie, as points on outlines of the body: one source for terminal, report and leaflet. Pure.

A muscle's places stand in the vocabulary as words that a hand can follow; the points here are read from those words and
are schematic: the words decide. Outlines are the patient's right side as the therapist faces it (the outer side is at
x = 0); the left side is its mirror image. Coordinates are shares of the picture, y downwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

Point = tuple[float, float]
Line = tuple[Point, ...]

_LIMBS: Mapping[str, tuple[Line, ...]] = MappingProxyType(
    {
        "thigh": (
            ((0.12, 0.0), (0.08, 0.2), (0.14, 0.55), (0.24, 0.85), (0.26, 1.0)),
            ((0.88, 0.0), (0.86, 0.15), (0.78, 0.55), (0.72, 0.85), (0.74, 1.0)),
            ((0.38, 0.9), (0.46, 0.86), (0.54, 0.86), (0.62, 0.9), (0.58, 0.98), (0.42, 0.98), (0.38, 0.9)),
        ),
        "shank": (
            ((0.24, 0.0), (0.2, 0.08), (0.12, 0.3), (0.2, 0.6), (0.34, 0.88), (0.32, 1.0)),
            ((0.74, 0.0), (0.78, 0.1), (0.86, 0.32), (0.78, 0.6), (0.64, 0.88), (0.66, 1.0)),
            ((0.3, 0.1), (0.26, 0.13), (0.3, 0.16), (0.34, 0.13), (0.3, 0.1)),
        ),
        "foot": (
            ((0.34, 0.0), (0.36, 0.3), (0.2, 0.6), (0.16, 0.85), (0.3, 1.0), (0.7, 1.0), (0.78, 0.85), (0.7, 0.5),
             (0.64, 0.3), (0.66, 0.0)),
        ),
        "buttock": (
            ((0.08, 0.0), (0.1, 0.4), (0.06, 0.75), (0.14, 1.0)),
            ((0.92, 0.0), (0.92, 0.95)),
            ((0.14, 0.8), (0.4, 0.9), (0.7, 0.86), (0.92, 0.74)),
        ),
        "forearm": (
            ((0.2, 0.0), (0.14, 0.18), (0.2, 0.5), (0.34, 0.86), (0.3, 1.0)),
            ((0.8, 0.0), (0.84, 0.2), (0.76, 0.5), (0.66, 0.86), (0.7, 1.0)),
        ),
        "hand": (
            ((0.34, 0.0), (0.3, 0.2), (0.16, 0.4), (0.1, 0.62), (0.2, 0.66), (0.3, 0.5), (0.32, 0.98), (0.42, 1.0),
             (0.44, 0.66), (0.52, 1.0), (0.6, 0.98), (0.6, 0.64), (0.72, 0.94), (0.78, 0.9), (0.72, 0.5), (0.68, 0.2),
             (0.66, 0.0)),
        ),
        "upper-arm": (
            ((0.16, 0.0), (0.12, 0.25), (0.2, 0.6), (0.28, 1.0)),
            ((0.84, 0.1), (0.82, 0.35), (0.78, 0.6), (0.74, 1.0)),
        ),
        "shoulder": (
            ((0.0, 0.3), (0.2, 0.08), (0.5, 0.0), (1.0, 0.0)),
            ((0.0, 0.3), (0.04, 0.7), (0.1, 1.0)),
            ((0.46, 1.0), (0.42, 0.7), (0.5, 0.5)),
        ),
        "upper-back": (
            ((0.0, 0.2), (0.3, 0.1), (0.42, 0.0)), ((1.0, 0.2), (0.7, 0.1), (0.58, 0.0)),
            ((0.06, 1.0), (0.02, 0.5), (0.0, 0.2)), ((0.94, 1.0), (0.98, 0.5), (1.0, 0.2)),
            ((0.5, 0.05), (0.5, 1.0)),
        ),
        "low-back": (
            ((0.08, 0.0), (0.14, 0.4), (0.06, 1.0)), ((0.92, 0.0), (0.86, 0.4), (0.94, 1.0)), ((0.5, 0.0), (0.5, 0.8)),
        ),
    }
)  # fmt: skip
_BODY: tuple[Line, ...] = (
    ((0.44, 0.0), (0.56, 0.0), (0.58, 0.06), (0.54, 0.11), (0.46, 0.11), (0.42, 0.06), (0.44, 0.0)),
    ((0.46, 0.11), (0.46, 0.14), (0.3, 0.17), (0.24, 0.3), (0.18, 0.48), (0.14, 0.56)),
    ((0.54, 0.11), (0.54, 0.14), (0.7, 0.17), (0.76, 0.3), (0.82, 0.48), (0.86, 0.56)),
    ((0.34, 0.26), (0.36, 0.42), (0.32, 0.54), (0.34, 0.74), (0.38, 0.96), (0.3, 1.0)),
    ((0.66, 0.26), (0.64, 0.42), (0.68, 0.54), (0.66, 0.74), (0.62, 0.96), (0.7, 1.0)),
    ((0.5, 0.56), (0.47, 0.74), (0.46, 0.96)),
    ((0.5, 0.56), (0.53, 0.74), (0.54, 0.96)),
    ((0.34, 0.26), (0.28, 0.36), (0.22, 0.52)),
    ((0.66, 0.26), (0.72, 0.36), (0.78, 0.52)),
)
_ON_BODY: Mapping[str, Point] = MappingProxyType(
    {"thigh": (0.4, 0.64), "shank": (0.41, 0.84), "foot": (0.36, 0.98), "buttock": (0.4, 0.54), "forearm": (0.21, 0.44),
     "hand": (0.15, 0.55), "upper-arm": (0.28, 0.28), "shoulder": (0.32, 0.19), "upper-back": (0.44, 0.24),
     "low-back": (0.45, 0.44)}
)  # fmt: skip
_BEHIND = re.compile(r"\b(back of|behind|calf|posterior|hamstring|buttock|gluteal|spine|scapula|triceps|spinous)\b")
_Y = (
    (
        re.compile(
            r"(proximal|upper|below the (knee|elbow|knob|head)|fibular head|near the groin|origin|hand's width)"
        ),
        0.24,
    ),
    (re.compile(r"(distal|lower|above .{0,24}patella|wrist|ankle|tendon|third down|insertion)"), 0.76),
    (re.compile(r"(middle|half way|halfway|belly|mid)"), 0.5),
)
_X = ((re.compile(r"(outer|lateral|outside|radial)"), 0.28), (re.compile(r"(inner|medial|inside|ulnar)"), 0.7))


@dataclass(frozen=True, slots=True)
class View:
    """A limb with its pads, drawn for one side.

    Attributes:
        region, side: what is drawn; behind: seen from the back.
        lines: the outline. pads: the two places. spot: where on the whole body it is.
    """

    region: str
    side: str
    behind: bool
    lines: tuple[Line, ...]
    pads: tuple[Point, ...]
    body: tuple[Line, ...]
    spot: Point | None


def view_of(region: str, side: str, places: Sequence[str]) -> View:
    """The picture for a region, a side and the places' words; no pads where no place is named."""
    text = " ".join(places).casefold()
    behind = bool(_BEHIND.search(text)) or region in {"upper-back", "low-back", "buttock"}
    turned = (side == "left") is not behind  # from the back, left and right change places in the picture
    pads = _points([place.casefold() for place in places])
    spot = _ON_BODY.get(region)
    return View(
        region=region, side=side, behind=behind, lines=tuple(_turn(line, turned) for line in _LIMBS.get(region, ())),
        pads=_turn(pads, turned) if side else (), body=_BODY,
        spot=_turn((spot,), turned)[0] if spot is not None and side else None,
    )  # fmt: skip


def _turn(line: Line, turned: bool) -> Line:  # noqa: FBT001  # which of two pictures
    return tuple((1.0 - x, y) for x, y in line) if turned else line


def _points(places: Sequence[str]) -> Line:
    found: list[Point] = []
    for index, place in enumerate(places[:2]):
        y = next((at for words, at in _Y if words.search(place)), 0.3 if index == 0 else 0.7)
        x = next((at for words, at in _X if words.search(place)), 0.5)
        found.append((x, y))
    if len(found) == 2 and abs(found[0][1] - found[1][1]) < 0.2 and abs(found[0][0] - found[1][0]) < 0.2:
        middle = (found[0][1] + found[1][1]) / 2
        found = [(found[0][0], max(0.15, middle - 0.18)), (found[1][0], min(0.85, middle + 0.18))]
    return tuple(found)


def svg(view: View, *, title: str, words: Sequence[str], colour: str = "#a35c00") -> str:
    """The limb with its numbered pads as a whole SVG document, with its title for those who hear it."""
    size = 320

    def path(line: Line) -> str:
        return " ".join(f"{'M' if n == 0 else 'L'}{x * size / 2:.1f} {y * size:.1f}" for n, (x, y) in enumerate(line))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -30 {size} {size + 50}" role="img">',
        f"<title>{_plain(title)}</title>",
        f'<text x="0" y="-12" font-size="14" font-family="sans-serif">{_plain(title)}</text>',
    ]
    parts += [f'<path d="{path(line)}" fill="none" stroke="#444" stroke-width="2"/>' for line in view.lines]
    for n, ((x, y), place) in enumerate(zip(view.pads, [*words, "", ""], strict=False), start=1):
        left, top = x * size / 2 - 14, y * size - 14
        parts.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="28" height="28" rx="4" fill="{colour}"/>')
        parts.append(f'<text x="{left + 9:.1f}" y="{top + 20:.1f}" font-size="16" fill="#fff">{n}</text>')
        parts.append(f'<text x="{size / 2 + 12}" y="{y * size:.1f}" font-size="11">{n}: {_plain(place)[:60]}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")

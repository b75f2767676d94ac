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
# "Behind the fibular head" is seen from the front, "the front spine of the iliac crest" too.
_BEHIND = re.compile(
    r"\b(back of|back-|calf|posterior|hamstring|gluteal|scapula\w*|triceps|spinous|sole|extensor (muscles|belly))"
)
_FRONT = re.compile(r"\b(front|tibialis anterior|palm|thenar|patella)\b")
_WHOLE = re.compile(r"upper arm|front spine")  # names of parts, not of heights
_Y = (
    (re.compile(r"above .{0,40}patella|above the (elbow|olecranon|knee|wrist|heel|inner ankle)"), 0.76),
    (re.compile(r"one third down"), 0.38),
    (re.compile(r"mid-calf"), 0.5),
    (re.compile(r"proximal|upper|below the (knee|elbow|knob|head)|fibular head|groin|origin|hand's width"), 0.24),
    (re.compile(r"distal|lower|wrist|ankle|tendon|thirds down|insertion"), 0.76),
    (re.compile(r"middle|half way|halfway|belly|mid"), 0.5),
)
_X = (
    (re.compile(r"outer|lateral|outside|radial|fibula|tibialis anterior"), 0.28),
    (re.compile(r"inner|medial|inside|ulnar"), 0.7),
    (re.compile(r"beside the spin"), 0.4),
)
_TRUNK = frozenset({"upper-back", "low-back"})  # both sides in one picture, the spine in the middle
_FROM_FIRST = re.compile(r"(?:(\d+) to )?(\d+) cm (lower|higher)")
APART = 0.18  # so far apart two pads are told from one another in the smallest picture
_CM = 0.022  # of a limb's picture: about 45 cm


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
    """The picture for a region, a side and the places' words; no pads where no place is named, or where it would
    show one of them wrong.
    """
    text = "\n".join(places).casefold()
    on_back = region in _TRUNK or region == "buttock"
    behind = on_back or bool(_BEHIND.search(text))
    turned = (side == "left") is not behind  # from the back, left and right change places in the picture
    # Where one pad lies in front and the other behind, one picture would show one of them wrong: the words alone do.
    sides = {bool(_BEHIND.search(place)) for place in text.split("\n") if _BEHIND.search(place) or _FRONT.search(place)}
    two_sided = len(sides) == 2
    pads = () if two_sided or (region == "buttock" and "front" in text) else _points(text.split("\n"), region)
    spot = _ON_BODY.get(region)
    return View(
        region=region, side=side, behind=behind, lines=tuple(_turn(line, turned) for line in _LIMBS.get(region, ())),
        pads=_turn(pads, turned) if side else (), body=_BODY,
        spot=_turn((spot,), turned)[0] if spot is not None and side else None,
    )  # fmt: skip


def _turn(line: Line, turned: bool) -> Line:  # noqa: FBT001  # which of two pictures
    return tuple((1.0 - x, y) for x, y in line) if turned else line


def _points(places: Sequence[str], region: str) -> Line:
    found: list[Point] = []
    for index, named in enumerate(place for place in places[:2] if place):
        place = _WHOLE.sub("", named)
        y = next((at for words, at in _Y if words.search(place)), 0.3 if index == 0 else 0.7)
        x = next((at for words, at in _X if words.search(place)), 0.5)
        if region in _TRUNK:
            x = 0.2 + x * 0.3  # never on the spine or over it: 0.28 is far out, 0.41 beside it
        if region == "foot" and "ankle" in place:
            y = 0.14  # the foot's picture begins there
        if index and (far := _FROM_FIRST.search(place)):
            by = int(far[2]) * _CM * (1 if far[3] == "lower" else -1)
            y = min(0.9, max(0.06, found[0][1] + by))
            x = x if any(words.search(place) for words, _ in _X) else found[0][0]
        found.append((x, y))
    if len(found) == 2 and abs(found[0][0] - found[1][0]) < APART and abs(found[0][1] - found[1][1]) < APART:
        middle = min(0.9 - APART / 2, max(0.1 + APART / 2, (found[0][1] + found[1][1]) / 2))
        low = found[0][1] <= found[1][1]  # which of the two is the upper one stays so
        heights = (middle - APART / 2, middle + APART / 2) if low else (middle + APART / 2, middle - APART / 2)
        found = [(x, y) for (x, _), y in zip(found, heights, strict=True)]
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

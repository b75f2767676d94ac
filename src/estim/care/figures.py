"""Pictures drawn by the program: a body in the position of an exercise, and where two pads lie. SVG, pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

Point = tuple[int, int]
# Joints of a stick figure in a field of 200 × 140: head, neck, hip, knee, foot, other knee, other foot, elbow, hand.
POSES: Mapping[str, tuple[Point, ...]] = MappingProxyType(
    {
        "lying": ((30, 100), (48, 104), (105, 108), (130, 78), (150, 110), (134, 80), (154, 112), (75, 112), (95, 114)),
        "side-lying": (
            (30, 98),
            (48, 102),
            (105, 106),
            (138, 108),
            (168, 110),
            (134, 96),
            (160, 92),
            (70, 94),
            (88, 106),
        ),
        "prone": (
            (30, 104),
            (48, 106),
            (105, 108),
            (138, 109),
            (170, 110),
            (138, 109),
            (170, 110),
            (40, 112),
            (24, 112),
        ),
        "quadruped": (
            (52, 58),
            (66, 66),
            (118, 66),
            (118, 112),
            (150, 112),
            (122, 112),
            (154, 112),
            (66, 90),
            (64, 112),
        ),
        "seated": ((82, 28), (82, 44), (82, 84), (122, 84), (122, 122), (126, 86), (128, 122), (100, 64), (116, 78)),
        "standing": (
            (100, 20),
            (100, 36),
            (100, 76),
            (100, 100),
            (100, 126),
            (106, 100),
            (108, 126),
            (112, 56),
            (114, 76),
        ),
        "half-kneeling": (
            (92, 24),
            (92, 40),
            (92, 82),
            (126, 86),
            (126, 124),
            (90, 124),
            (56, 125),
            (108, 60),
            (124, 74),
        ),
        "plank": (
            (32, 92),
            (50, 94),
            (112, 104),
            (150, 123),
            (176, 112),
            (150, 123),
            (176, 112),
            (54, 123),
            (34, 124),
        ),
        "one-leg": (
            (100, 20),
            (100, 36),
            (100, 76),
            (100, 100),
            (100, 126),
            (122, 90),
            (112, 114),
            (116, 54),
            (128, 70),
        ),
        "stride": ((100, 20), (100, 36), (100, 76), (124, 98), (140, 126), (84, 100), (66, 126), (116, 54), (122, 74)),
    }
)
# What a starting position is called; the one that is named first is drawn ("on the back; later seated").
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "side-lying": r"on the side|side-lying|lying on the sound",
        "prone": r"face down|prone|on the (?:belly|stomach)",
        "quadruped": r"hands and knees|all fours|quadruped",
        "plank": r"forearms and (?:knees|feet|toes)",
        "half-kneeling": r"half-kneeling|kneeling",
        "one-leg": r"\bone leg\b|other knee bent",
        "stride": r"stride|split stance|foot (?:forward|ahead|in front)|foot a step|heel to toe|\bstep\b|\bwalk|lunge"
        r"|treadmill|rail\b|\bhall\b|flat 10|line of|course of|cones",
        "standing": r"\bstand|feet together|facing the wall|\bwall\b|board rocking|foam",
        "seated": r"seat|\bsit|chair(?! in front)|table|forearm supported|hand on its side",
        "lying": r"on the back|half-lying|\blying|supine|knees bent",
    }
)


def pose_of(start: str) -> str:
    """The pose that a text of a starting position speaks of first; standing where it speaks of none."""
    named = ((re.search(words, start, re.IGNORECASE), pose) for pose, words in _WORDS.items())
    found = [(match.start(), pose) for match, pose in named if match is not None]
    return min(found, default=(0, "standing"), key=lambda one: one[0])[1]


def figure_svg(start: str, title: str) -> str:
    """The body in its starting position."""
    head, neck, hip, knee, foot, knee2, foot2, elbow, hand = POSES[pose_of(start)]
    lines = [(neck, hip), (hip, knee), (knee, foot), (hip, knee2), (knee2, foot2), (neck, elbow), (elbow, hand)]
    drawn = "".join(f'<line x1="{a[0]}" y1="{a[1]}" x2="{b[0]}" y2="{b[1]}"/>' for a, b in lines)
    seat = '<rect x="60" y="88" width="40" height="36" fill="none"/>' if pose_of(start) == "seated" else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{_view(start)}" width="200" role="img" '
        f'aria-label="{_plain(title)}">'
        f'<g stroke="#111" stroke-width="5" stroke-linecap="round" fill="none">'
        f'<circle cx="{head[0]}" cy="{head[1]}" r="10"/>'
        f'{drawn}</g><g stroke="#777" stroke-width="2">{seat}<line x1="5" y1="128" x2="195" y2="128"/></g></svg>'
    )


def _view(start: str) -> str:
    """Who lies needs no empty room above."""
    return "0 60 200 80" if pose_of(start) in {"lying", "side-lying", "prone", "plank"} else "0 0 200 140"


# Middle of the left half of a body seen from the front (x) and its height (y), in a field of 120 × 240.
_PLACES: Mapping[str, Point] = MappingProxyType(
    {
        "shoulder": (34, 52), "upper-arm": (27, 78), "forearm": (20, 106), "hand": (14, 132), "upper-back": (48, 66),
        "low-back": (52, 100), "buttock": (48, 122), "thigh": (48, 152), "shank": (48, 198), "foot": (46, 228),
    }
)  # fmt: skip
BACK = frozenset({"upper-back", "low-back", "buttock"})


def pads_svg(
    region: str, side: str, *, back: bool = False, labels: tuple[str, str] = ("R", "L"), words: tuple[str, ...] = ()
) -> str:
    """Two pads on a body that faces the reader (or shows its back): the patient's right is on the reader's left then.

    Args:
        labels: letters for the reader's left and right half of the page, from the front.
        words: said before region and side to who can't see the picture.
    """
    behind = back or region in BACK
    x, y = _PLACES.get(region, (60, 20))
    on_left = (side == "right") != behind
    middle = x if on_left else 120 - x
    apart = 9 if region in {"hand", "foot", "shoulder"} else 13
    pads = "".join(f'<rect x="{middle - 6}" y="{y + step - 5}" width="12" height="10"/>' for step in (-apart, apart))
    left, right = labels if not behind else labels[::-1]
    body = (
        '<circle cx="60" cy="18" r="13"/><path d="M44 36 H76 L92 44 L104 130 L96 132 L84 66 L80 116 L84 232 L68 232 '
        "L60 134 "
        'L52 232 L36 232 L40 116 L36 66 L24 132 L16 130 L28 44 Z"/>'
    )
    title = _plain(", ".join(word for word in (*words, region, side) if word))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 250" width="120" role="img" '
        f'aria-label="{title}">'
        f'<g fill="#f2f2f2" stroke="#111" stroke-width="2">{body}</g><g fill="#111">{pads}</g>'
        f'<g font-family="sans-serif" font-size="12" fill="#111"><text x="4" y="246">{left}</text>'
        f'<text x="106" y="246">{right}</text></g></svg>'
    )


def _plain(text: str) -> str:
    return text.replace("&", "and").replace('"', "'").replace("<", "(").replace(">", ")")

"""Every stage at 80 × 24, 120 × 40, 200 × 60: what is always there, nothing cut, no half empty, the kept pictures."""

from __future__ import annotations

import re

from tools.pictures import drawn

from .conftest import Bench, make_bench
from .every_stage import FOLDER, KEPT, KEPT_BYTES, SIZES, every_stage, known_home, resize

ONE_COLUMN = {"sign-in", "unfinished", "identity", "help", "ended"}  # few words, or a list that may be short
# Cut is only what is somebody's own text: a protocol's title in a table or a heading.
OWN_TEXT = re.compile(r"(Foot drop|common peroneal)[^…]*…")


def _always(b: Bench, name: str) -> None:
    """Identity, state with what Space does, the next line, the keys; on every stage and under everything."""
    lines = b.lines()
    assert re.search(r"no patient chosen|P-\d+", lines[0]), name
    assert "SIMULATED" in lines[0], name
    assert ("SPACE = STOP" in lines[1]) == b.app.gate.closed, name
    assert re.search(r"^ [→·] ", "\n".join(lines[-5:]), re.MULTILINE), (name, b.text)
    assert len(lines) == b.app.size.height
    cut = [line for line in lines[2:] if "…" in OWN_TEXT.sub("", line).replace("commands…", "")]
    assert not cut, (name, cut)


def _empty_halves(b: Bench) -> list[str]:
    """Halves of the room between the lines that hold nothing."""
    body = b.lines()[2:-4]
    middle, half = len(body) // 2, b.app.size.width // 2
    halves = {
        "upper": body[:middle],
        "lower": body[middle:],
        "left": [line[:half] for line in body],
        "right": [line[half:] for line in body],
    }
    return [side for side, lines in halves.items() if sum(bool(line.strip(" │┆⠅")) for line in lines) < 3]


async def test_every_stage_at_three_sizes() -> None:
    changed: list[str] = []
    seen: set[str] = set()
    async with make_bench(size=SIZES[0], home_view=known_home()) as b:
        async for name in every_stage(b):
            seen.add(name)
            for size in SIZES:
                await resize(b, size)
                _always(b, f"{name} {size}")
                if size != SIZES[0] and name not in ONE_COLUMN:
                    assert _empty_halves(b) == [], (name, size, b.text)
                if name in KEPT:
                    file = FOLDER / f"{name}-{size[0]}x{size[1]}.svg"
                    if not file.exists() or file.read_text(encoding="utf-8") != drawn(b.app, most=KEPT_BYTES):
                        changed.append(file.name)
    assert set(KEPT) <= seen
    assert changed == [], "look at them: python -m tools.pictures --stages, then git diff"

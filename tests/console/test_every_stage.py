"""Every stage at 80 × 24, 120 × 40, 200 × 60: what is always there, nothing cut, no half empty, the kept pictures."""

from __future__ import annotations

import re

from estim.console.draft import Stage
from estim.console.panel import Panel
from estim.protocols.muscles import muscles
from tests.turns import of_this_turn
from tools.pictures import drawn

from .conftest import Bench, make_bench, settle
from .every_stage import FOLDER, KEPT, KEPT_BYTES, LEVEL_MA, SIZES, every_stage, known_home, resize

ONE_COLUMN = {"unfinished", "identity", "ended"}  # few words, or a list that may be short
# Cut is only what is somebody's own text: a protocol's title in a table or a heading.
OWN_TEXT = re.compile(r"(Foot drop|common peroneal)[^…]*…")


# An id of the vocabulary is no word for people; what a protocol's author calls a channel may be one.
IDS = re.compile("|".join(name for name in muscles() if "-" in name))


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
    codes = IDS.search("\n".join(lines).replace("tibialis-anterior-peronei", ""))
    assert codes is None, (name, codes)
    assert name != "ended" or "each its own press" not in b.text
    for pane in (b.app.pane, *b.app.questions):  # what is longer than its panel is paged there, never lost below
        for panel in pane.query(Panel) if pane.display else ():
            assert not panel.display or panel.region.bottom <= len(lines) - 2, (name, panel.id, panel.region)


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


async def test_every_stage_at_its_sizes() -> None:
    """The smallest each day, the larger ones by turns: what a day leaves out stands in the kept pictures."""
    sizes = (SIZES[0], *of_this_turn(SIZES[1:], 2))
    changed: list[str] = []
    seen: set[str] = set()
    async with make_bench(size=SIZES[0], home_view=known_home()) as b:
        async for name in every_stage(b):
            seen.add(name)
            for size in sizes:
                await resize(b, size)
                _always(b, f"{name} {size}")
                if size != SIZES[0] and name not in ONE_COLUMN:
                    assert _empty_halves(b) == [], (name, size, b.text)
                if name in KEPT:
                    file = FOLDER / f"{name}-{size[0]}x{size[1]}.svg"
                    if not file.exists() or file.read_text(encoding="utf-8") != drawn(b.app, most=KEPT_BYTES):
                        changed.append(file.name)
    assert {*KEPT, *(stage.value for stage in Stage)} <= seen, "every_stage goes to each"
    assert changed == [], "look at them: python -m tools.pictures --stages, then git diff"


async def test_what_the_output_does_is_seen_beside_the_list_of_commands() -> None:
    """Found where the terminal was drawn smaller under the list: the banner stood there as it was, cut."""
    async with make_bench(home_view=known_home()) as b:
        await b.sign_in()
        await b.jump(Stage.TREAT, level_ma=LEVEL_MA)
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        b.session.room(type="walk", walks=True)
        await b.look(1.0)
        await b.press("f10")
        await b.look(0.1)
        seen = set()
        for _ in range(40):
            await b.look(0.5)
            await settle(b.app)
            assert b.lines()[1].split() == b.banner.split(), b.text
            seen.add(b.banner)
        assert len(seen) > 2, "it plays and rests"

"""Every stage at 80×24, 120×40 and 200×60: state and stop in sight, nothing needed out of it, no colour needed."""

from __future__ import annotations

import pytest
from textual.widget import Widget

from estim.console.draft import Stage
from estim.console.themes import THEMES
from estim.session.snapshot import Alarm

from .conftest import Bench, Make

SIZES = [(80, 24), (120, 40), (200, 60)]


def rows(b: Bench) -> list[str]:
    """The screen as text, row by row, as the terminal shows it."""
    width, height = b.app.size
    strips = b.app.screen._compositor.render_strips()
    return [strip.text.ljust(width)[:width] for strip in strips][:height]


def whole(widget: Widget) -> bool:
    """Nothing of it is out of sight."""
    return widget.region.area > 0 and widget.screen.region.contains_region(widget.region)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("stage", list(Stage))
async def test_state_device_and_keys_are_in_sight(bench: Make, stage: Stage, size: tuple[int, int]) -> None:
    async with bench(size=size) as b:
        await b.jump(stage)
        shown = rows(b)
        assert shown[0].startswith(" ◇ READY")
        assert "research only, not for medical use on people" in shown[1]
        assert "SIMULATED" in shown[1]
        assert f"[{stage.value}]" in shown[2]
        assert whole(b.app.screen.query_one("#keys"))
        assert any(row.startswith(" SPACE") for row in shown[-2:])
        assert "F8" in "".join(shown[-2:])


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("channels", [1, 2, 4, 8])
async def test_every_channel_and_the_stop_are_in_sight_while_it_runs(
    bench: Make, channels: int, size: tuple[int, int]
) -> None:
    async with bench(size=size) as b:
        await b.running(channels=channels)
        shown = rows(b)
        assert shown[0].startswith(" ▶ STIM ON")
        assert "23.0 mA" in shown[0]
        assert shown[-2].startswith(" SPACE = STOP now") or shown[-1].startswith(" SPACE = STOP now")
        assert whole(b.app.screen.query_one("#channels"))
        assert whole(b.app.screen.query_one("#cue"))
        for number in range(1, channels + 1):
            assert any(f"{number} " in row and "hold" in row and "23.0 mA" in row for row in shown)
        assert any("█" * 5 in row for row in shown)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_alarms_push_no_stop_out_of_sight(bench: Make, size: tuple[int, int]) -> None:
    async with bench(size=size) as b:
        await b.running(channels=4)
        for number in range(4):
            code = f"a{number}"
            b.session.alarms[code] = Alarm(code=code, priority="high", text="A long text that says what to do. " * 4)
        await b.look()
        shown = rows(b)
        assert any(row.startswith(" SPACE = STOP now") for row in shown[-2:])
        assert any("!!! A long text" in row for row in shown)
        assert shown[0].startswith(" ▶ STIM ON")
        assert "(+2 more)" in b.text("#alarms")


@pytest.mark.parametrize("opener", ["e", "question_mark", "ctrl+q"])
async def test_dialogs_keep_state_and_stop_in_sight(bench: Make, opener: str) -> None:
    async with bench() as b:
        await b.running()
        await b.press(opener)
        shown = rows(b)
        assert any(word in shown[0] for word in ("STIM ON", "STOP SENT"))
        assert any(row.startswith(" SPACE = STOP") for row in shown[-2:])


@pytest.mark.parametrize("theme", [*(theme.name for theme in THEMES), "textual-light", "ansi-dark", "nord"])
async def test_any_theme_draws_and_none_is_needed(bench: Make, theme: str) -> None:
    async with bench() as b:
        b.app.theme = theme
        await b.running(channels=2)
        shown = "\n".join(rows(b))
        assert "STIM ON" in shown
        assert "━hold" in shown


async def test_without_colour_the_words_and_shapes_stay(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with bench() as b:
        await b.running()
        assert b.app.no_color
        shown = rows(b)
        assert shown[0].startswith(" ▶ STIM ON  ch1 23.0 mA")


async def test_a_smaller_terminal_keeps_state_and_stop(bench: Make) -> None:
    async with bench(size=(60, 16)) as b:
        await b.running()
        shown = rows(b)
        assert shown[0].startswith(" ▶ STIM ON")
        assert any(row.startswith(" SPACE = STOP") for row in shown[-3:])


async def test_resizing_while_it_runs_keeps_everything(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        for size in ((120, 40), (80, 24), (60, 16), (200, 60)):
            await b.pilot.resize_terminal(*size)
            await b.look()
            assert rows(b)[0].startswith(" ▶ STIM ON")
        await b.pilot.press("space")
        assert b.session.stops == ["key"]

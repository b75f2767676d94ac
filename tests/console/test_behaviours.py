"""What a therapist may expect of this console: twenty points, each read from the screen.

docs/console-inside.md lists them.
"""

from __future__ import annotations

import dataclasses
import re

import pytest

from estim.console.comfort import EVERY_US
from estim.console.draft import Stage
from estim.console.raise_lock import IDLE_US
from estim.safety.reports import ChannelFault
from estim.session import events
from estim.session.state import Cycle, Phase

from .conftest import Bench, Make, returning
from .test_screening import ANSWERED


async def _up(b: Bench) -> None:
    """Until a step up is possible."""
    for _ in range(100):
        if not b._view().channels[0].raise_locked:
            return
        await b.look(0.1)
    raise AssertionError(b.text)


@pytest.mark.parametrize("opens", ["", "f1", "f10", "e", "h", "f"])
async def test_01_one_stop_key_whatever_lies_over_the_session(bench: Make, opens: str) -> None:
    async with bench() as b:
        await b.running()
        if opens:
            await b.press(opens)
        assert "SPACE = STOP" in b.lines()[1]
        await b.send("space", " ")
        await b.look(0.5)
        assert "output off" in b.lines()[1]


async def test_02_the_stop_waits_for_no_screen(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.app.gate.press("space")  # as the terminal's own thread does it, while nothing is drawn
        b.session.advance(0.2)
        assert b._view().output.value == "OFF"
        await b.look()
        assert "output off" in b.banner


async def test_03_leaving_stops_waits_for_the_device_and_asks(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("ctrl+q")
        await b.look(0.5)
        assert b.session.stops
        assert b.app.is_running
        assert "Q leaves now" in b.text


async def test_04_to_start_takes_two_different_keys(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.TREAT)
        await b.press("f9")
        assert "F9 starts after F2" in b.said
        await b.press("f2")
        await b.look(1.0)
        await b.press("f2", "enter", "enter")
        assert b.phase is Phase.ARMED
        assert "ARMED" in b.banner
        await b.press("f9")
        assert "RUNNING" in b.banner


async def test_05_nothing_plays_another_days_level(bench: Make) -> None:
    home = returning(answers=ANSWERED, marks={"tibialis-anterior-peronei": {"max-tolerated": 21_000, "level": 21_000}})
    async with bench(home_view=home) as b:
        await b.sign_in()
        await b.follow(lambda: b.at("levels"))
        assert "21.0" in b.text
        assert "0.0 mA asked" in b.text
        await b.follow(lambda: b.phase is Phase.RUNNING)
        await b.look(5.0)
        assert b._view().channels[0].level_ua == 0


async def test_06_raising_locks_itself_and_lowering_unlocks(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.jump(Stage.LEVELS)
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        b._raise(2)
        for _ in range(60 * IDLE_US // 1_000_000):
            await b.look(0.5)
            if b.app.pane.raise_lock.locked:  # type: ignore[attr-defined]
                break
        await b.press("plus")
        assert "1" in b.said
        assert "lock" in b.said
        await b.press("minus")
        assert not b.app.pane.raise_lock.locked  # type: ignore[attr-defined]


async def test_07_one_key_is_one_step(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.LEVELS)
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        await _up(b)
        await b.press("plus")
        assert "1.0 mA asked" in b.text
        await _up(b)
        await b.press("plus")
        assert "2.0 mA asked" in b.text


async def test_08_a_level_is_raised_only_while_it_can_be_felt(bench: Make) -> None:
    async with bench() as b:
        await b.running(0.0)
        b.session.room(type="walk", walks=False)
        await b.look(8.0)
        assert b._view().channels[0].cycle is Cycle.REST
        await b.press("plus")
        assert "only while the contraction is held" in b.said


async def test_09_asked_and_acknowledged_stand_side_by_side_with_their_age(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.jump(Stage.LEVELS)
        assert re.search(r"mA asked · [\d.–]+ acknowledged", b.text)
        await b.jump(Stage.TREAT)
        assert re.search(r"device +\d+ ms", b.text)


async def test_10_a_lost_pad_names_muscle_channel_and_cable_and_the_clock_stands(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.running()
        b.session.world.extra.append(ChannelFault(channel=1, kind="electrode", text="open"))
        await b.look(0.5)
        clock = b._view().elapsed_us
        assert "PAUSED" in b.banner
        assert "yellow plug, red lead" in b.text
        assert "common peroneal nerve" in b.text
        await b.look(5.0)
        assert b._view().elapsed_us == clock


async def test_11_the_stop_is_tried_before_anything_flows(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.DEVICE)
        assert "stop test" in b.text
        await b.follow(lambda: b.at("levels"))
        assert b.app.draft.stop_test_ms is not None


async def test_12_one_key_marks_and_the_screen_says_which_rule_limits(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.LEVELS)
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        b._raise(3)
        await b.look(0.1)
        await b.press("s")
        assert re.search(r"S felt +3\.0", b.text)
        assert "cap 100.0 (current)" in b.text


async def test_13_a_pause_keeps_the_place_and_the_clock(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("p")
        await b.look(1.5)  # the device says off
        clock = b._view().elapsed_us
        await b.look(3.0)
        assert "PAUSED" in b.banner
        assert b._view().elapsed_us == clock
        assert "goes on from 0 mA" in b.next


async def test_14_what_is_looked_at_is_not_changed(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.TREAT)
        before = len(b.session.requests)
        for key in ("f1", "f1", "f6", "f7", "f4"):
            await b.press(key)
        assert len(b.session.requests) == before, "help, course and records only show"


async def test_15_the_state_in_shape_and_word_under_every_dialog(bench: Make) -> None:
    async with bench(size=(60, 20)) as b:
        await b.running()
        for opens, closes in (("f1", "f7"), ("e", "f7"), ("h", "h")):
            await b.press(opens)
            assert re.match(r" [▶▷] (STIM ON|RUNNING)", b.lines()[1]), b.text
            assert "SPACE" in b.lines()[1]
            await b.press(closes)


async def test_16_each_stage_says_which_of_how_many_it_is(bench: Make) -> None:
    async with bench() as b:
        await b.to(Stage.PLAN)
        assert "2/9" in b.text
        await b.follow(lambda: b.at("pads"))
        assert "5/9" in b.text
        await b.press("f7")
        assert "4/9" in b.text, "and one goes back"


async def test_17_place_side_and_cable_at_the_moment_of_placing(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.PADS)
        await b.look(0.1)  # the footer has its rows, the picture its size
        for word in ("RIGHT", "yellow plug, red lead", "①", "②", "fibula", "25 cm²"):
            assert word in b.text, f"{word}\n{b.text}"


async def test_18_how_it_feels_is_asked_and_answered_by_one_key(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.running()
        channels = tuple(dataclasses.replace(view, cycle=Cycle.REST) for view in b._view().channels)
        b.session.overlay |= {"elapsed_us": EVERY_US + 1, "channels": channels}
        await b.look(0.1)
        assert b.next.startswith("→ F ")
        await b.press("f", "3")
        assert "discomfort 3" in b.text


async def test_19_what_was_done_is_kept_and_says_how_it_ended(bench: Make) -> None:
    async with bench() as b:
        await b.to(Stage.OUTCOME)
        assert "ended early" in b.text or "ended before the first contraction" in b.text
        await b.press("ctrl+q")
        await b.look(0.5)
        assert "listed as not finished at the next start" in b.text


async def test_20_few_keys_the_stop_first_help_for_the_rest(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        footer = "\n".join(b.lines()[-2:])
        assert footer.strip().startswith("SPACE STOP")
        assert len(footer.splitlines()) <= 2
        await b.press("question_mark")
        assert "Help" in b.text
        assert b.session.requests
        assert not [one for one in b.session.requests if isinstance(one, events.Lower)]

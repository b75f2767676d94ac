"""With output running: levels by keys, pause, a lost pad, a fault, an uncertain output; the heart beats with the UI."""

from __future__ import annotations

import asyncio
import re

import pytest

from estim.console.cue import cue_of
from estim.console.draft import Stage
from estim.controller.interface import Takeover
from estim.safety.reports import ChannelFault, DeviceLost, LinkDown, OutputState
from estim.session import events
from estim.session.snapshot import Alarm
from estim.session.state import Phase
from tests.support import PLACE_OF

from .by_screen import Reader
from .conftest import Bench, Make, settle
from .simulated import SimulatedSession


def sent(b: object, kind: type[events.Request]) -> list[events.Request]:
    return [request for request in b.session.requests if isinstance(request, kind)]  # type: ignore[attr-defined]


@pytest.mark.hazard("H02")
async def test_the_heart_beats_with_the_ui_loop(bench: Make) -> None:
    async with bench() as b:
        before = b.session.heartbeats
        await b.pilot.pause(0.6)
        assert b.session.heartbeats > before


@pytest.mark.hazard("H39")
async def test_a_held_key_asks_once_until_it_is_answered(bench: Make) -> None:
    async with bench() as b:
        await b.seek()
        for _ in range(60):
            await b.look(0.1)
            if b.app.snapshot is not None and not b.app.snapshot.channels[0].raise_locked:
                break
        before = len(sent(b, events.Raise))
        for _ in range(20):  # 33 ms apart, nothing answered in between
            b.clock.now_s += 0.033
            await b.send("plus", "+")
        assert len(sent(b, events.Raise)) == before + 1


async def test_a_held_key_goes_on_at_the_kernels_pace_and_stops_with_its_repeats(bench: Make) -> None:
    async with bench() as b:
        await b.seek()
        for _ in range(160):
            b.clock.now_s += 0.033
            b.session.advance(0.033)
            await b.send("plus", "+")
            b.app.look()
        held = b._view().channels[0].level_ua
        assert 3_000 <= held <= 12_000, "each step is caused by a key event, at most two a second"
        await b.look(4.0)
        assert b._view().channels[0].level_ua == held, "nothing raises by itself"


async def test_marks_are_refused_while_nothing_flows_and_out_of_order(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.LEVELS)
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9", "s", "m", "t", "n")
        assert not sent(b, events.Mark)
        await b.press("s")
        assert "nothing flows yet: + raises" in b.said
        b._raise(6)
        await b.look(0.1)
        await b.press("m")
        assert b._view().channels[0].motor_ua == 6_000
        await b.press("minus", "minus")
        b._raise(4)
        await b.press("t")
        assert "can't lie below moves (6.0 mA)" in b.said
        assert b._view().channels[0].max_tolerated_ua is None


async def test_zero_cuts_all_channels_by_a_fifth(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        before = b._view().channels[0].level_ua
        await b.press("0")
        assert b._view().channels[0].level_ua <= before * 8 // 10


async def test_a_lost_pad_is_coached_with_muscle_and_cable(bench: Make) -> None:
    """The way back: each step that is named is taken, and leads to treatment again."""
    async with bench(size=(120, 40)) as b:
        await b.running()
        b.session.world.extra.append(ChannelFault(channel=1, kind="electrode", text="open"))
        await b.look(0.3)
        assert "PAUSED" in b.banner
        assert "SPACE = STOP" in b.banner
        assert "The way back" in b.text
        assert "common peroneal nerve right, yellow" in b.text
        assert "plug, red lead" in b.text
        await b.press("f9")
        assert "F2" in b.said
        keys = await b.follow(lambda: b.at("levels"))
        assert keys <= 5
        await b.follow(lambda: b.phase is Phase.RUNNING)
        b._raise(5)
        await b.look(0.1)
        await b.press("t")
        await b.look(1.0)
        await b.follow(lambda: b.phase is Phase.RUNNING and b._view().purpose == "therapy")
        await b.look(3.0)
        assert "STIM ON" in b.banner or "RUNNING" in b.banner


@pytest.mark.hazard("H45")
async def test_a_fault_is_left_by_a_person_with_a_reason(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.session.world.extra.append(DeviceLost(reason="no answer", output_ended=True))
        await b.look(1.5)
        assert b.phase is Phase.FAULT
        assert "FAULT" in b.banner
        await b.press("f2", "f9")
        assert b.phase is Phase.FAULT, "arming and starting leave no fault"
        await b.follow(lambda: b.phase is not Phase.FAULT)
        assert [request.reason for request in sent(b, events.ResetFault)][-1]  # type: ignore[attr-defined]


@pytest.mark.hazard("H36")
async def test_an_uncertain_output_says_which_cable_and_can_not_be_left(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.session.overlay |= {"phase": Phase.FAULT, "output": OutputState.UNCERTAIN, "cause": "link-lost"}
        await b.look(0.1)
        assert "OUTPUT UNCERTAIN" in b.banner
        assert "USB cable" in b.text
        assert "▸ 1 Pads off the skin" in b.text, "the first step of the way back, before any that goes on"
        way = b.text.partition("▸ 1 Pads off the skin")[2]
        assert "Go on with contraction" not in way, "nothing goes on while the output may flow"
        assert "Find the level" not in way
        await b.press("ctrl+q")
        await b.press("q")
        assert b.app.return_value is None
        assert b.app.is_running
        assert b.app.exit_code() == 4


async def unplugged(b: Bench) -> None:
    """A treatment whose stimulator is gone while current flows."""
    await b.running()
    b.session.unplug()
    await b.look(1.5)
    assert "OUTPUT UNCERTAIN" in b.banner


@pytest.mark.hazard("H36")
async def test_a_console_whose_stimulator_is_gone_is_left_once_each_alarm_was_read(bench: Make) -> None:
    """Whoever pulled the cable, as the screen says, could leave by closing the window alone."""
    async with bench(size=(80, 24)) as b:
        await unplugged(b)
        await b.press("ctrl+q", "q")
        assert b.app.return_value is None
        assert "or A says that each alarm was read" in " ".join(b.text.split())
        await b.press("a", "a")
        assert "First make it safe: " in b.text
        assert "USB cable" in b.text.partition("First make it safe: ")[2]
        assert b.next == "→ Q leaves now"
        await b.send("q")
        assert b.app.return_value == 4


@pytest.mark.hazard("H36")
async def test_what_to_pull_stands_whole_on_the_smallest_screen_whatever_else_is_alarmed(bench: Make) -> None:
    """A device that was asked again and stayed away had its own reason above, and the cable in rows that no one saw."""
    async with bench(size=(80, 24)) as b:
        await unplugged(b)
        await b.press("a", "a")
        await b.press("x")
        b.session.world.extra.append(LinkDown(reason="127.0.0.1:39925 does not answer: refused"))
        await b.look(0.3)
        alarms = " ".join(b.text.partition("!!! The device does not confirm")[2].split())
        assert "pull the USB cable (the P24 has no battery and no stop switch)" in alarms
        assert "127.0.0.1:39925" in alarms, "below it"
        assert b.next.startswith("→ A the alarm was read")


@pytest.mark.parametrize("stage", [Stage.LEVELS, Stage.TREAT])
async def test_nobody_is_led_away_from_an_output_that_may_be_on(bench: Make, stage: Stage) -> None:
    """F7 led to the pads, where the next line went on to the stimulator."""
    async with bench(size=(80, 24)) as b:
        if stage is Stage.LEVELS:
            await b.jump(stage)
            await b.press("f2")
            await b.look(1.0)
            await b.press("f9")
            await b.look(1.0)
            b.session.unplug()
            await b.look(1.5)
        else:
            await unplugged(b)
        assert "OUTPUT UNCERTAIN" in b.banner
        at = b.app.pane.NAME
        await b.press("a", "a", "f7", "f7")
        assert at == b.app.pane.NAME
        assert b.next.startswith("→ X asks the device again; if this stays: pull the USB cable")


SILENT = {"phase": Phase.DISCONNECTED, "output": OutputState.UNCERTAIN, "identified": False}


async def test_beside_a_stimulator_that_never_answered_the_console_is_left(bench: Make) -> None:
    async with bench(size=(80, 24)) as b:
        b.session.overlay |= SILENT
        await b.look(0.1)
        assert "OUTPUT UNCERTAIN" in b.banner, "what it does nobody knows"
        await b.press("ctrl+q")
        assert "nothing was put out from here" in b.text
        assert "If one is connected: " in b.text
        assert b.next == "→ Q leaves now"
        await b.send("q")  # nothing is looked at any more
        assert b.app.return_value == 3
        assert b.session.stops, "a stop went out all the same"


async def test_a_controller_that_ended_before_any_stimulator_answered_is_left(bench: Make) -> None:
    async with bench() as b:
        b.session.overlay |= SILENT
        b.session.lose(OutputState.UNCERTAIN)
        await b.look(0.1)
        assert "OUTPUT UNCERTAIN" in b.banner
        await b.press("ctrl+q")
        await b.send("q")
        assert b.app.return_value == 4, "UNCERTAIN was said"


@pytest.mark.hazard("H36")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_an_output_that_nobody_can_find_out_is_left_once_it_was_said(bench: Make, size: tuple[int, int]) -> None:
    """Only a kill ended such a console, and with it the page that names the cable."""
    async with bench(size=size) as b:
        await b.running()
        b.session.lose(OutputState.UNCERTAIN)
        b.session.lost = Takeover(cause="eof", output="UNCERTAIN", text="Stop is being sent.", settled=False)
        await b.look(0.1)
        await b.press("ctrl+q")
        await b.press("q")
        assert b.app.is_running, "it is still being found out"
        b.session.lose(OutputState.UNCERTAIN)
        await b.look(1.5)
        assert "OUTPUT UNCERTAIN" in b.banner
        assert "could not be found out" in b.text
        assert "First make it safe: " in b.text
        assert "USB cable" in b.text.partition("First make it safe: ")[2]
        assert b.next == "→ Q leaves now"
        await b.send("q")
        assert b.app.return_value == 4


async def test_a_controller_that_could_not_begin_is_left_at_once(bench: Make) -> None:
    async with bench(size=(80, 24)) as b:
        b.session.unable = "/dev/nosuch is not there"
        await b.look(0.1)
        assert b.banner.startswith("○ NO START  nothing was put out from here")
        assert "STOP" not in b.text
        assert "output off" not in b.text, "nobody was asked"
        await b.send("ctrl+q")
        assert b.app.return_value == 3


@pytest.mark.hazard("H46")
async def test_an_alarm_stays_until_it_is_acknowledged(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        alarm = Alarm(code="x", priority="medium", text="Look at the pads.")
        b.session.overlay["alarms"] = (alarm,)
        await b.look(30.0)
        assert "!! Look at the pads." in b.text
        assert "A read it" in b.text
        await b.press("a")
        assert [request.code for request in sent(b, events.Acknowledge)] == ["x"]  # type: ignore[attr-defined]


async def test_a_new_stop_begins_without_the_reason_of_the_last(bench: Make) -> None:
    async with bench() as b:
        await b.running(8.0)
        await b.send("space", " ")
        await b.look(1.0)
        await b.press("1")
        assert "STOPPED after 3 contractions: patient asked" in b.text
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        await b.look(5.0)
        await b.send("f12")
        await b.look(1.0)
        assert "Why was it stopped?" in b.text
        assert re.search(r"STOPPED after \d+ contractions?$", b.text, re.MULTILINE), b.text
        await b.press("f2")
        await b.look(1.0)
        await b.send("space", " ")  # armed and not begun: a stop of its own
        await b.look(1.0)
        assert re.search(r"STOPPED after \d+ contractions?$", b.text, re.MULTILINE), b.text
        await b.press("4")
        assert "contractions: skin" in b.text


async def test_who_goes_on_after_an_end_has_not_ended_early_for_it(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("e", "1")
        await b.look(1.0)
        ended = b.app.draft.end_reason
        assert ended
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        assert b.app.draft.end_reason == ""


async def test_a_refusal_goes_with_its_reason(bench: Make) -> None:
    async with bench() as b:
        await b.running(0.1, protocol="knee-replacement-quadriceps-clinic")
        view = b.app.snapshot.channels[0] if b.app.snapshot is not None else None
        assert view is not None
        assert view.raise_locked
        await b.press("plus")
        assert "✖ + waits: only while the contraction is held" in b.text
        for _ in range(100):
            stands = "✖ + waits" in b.text
            if not b._view().channels[0].raise_locked:
                break
            assert stands, "it waits, and says so"
            await b.look(0.1)
        await b.look(0.1)
        assert not b._view().channels[0].raise_locked
        assert "✖" not in b.text


async def test_the_way_back_and_the_arrow_name_the_same_keys_and_contraction(bench: Make) -> None:
    async with bench(size=(80, 24)) as b:
        await b.running(0.1, protocol="knee-replacement-quadriceps-clinic")
        await b.press("p")
        await b.look(1.0)
        going = re.findall(r"Go on with contraction (\d+)  F9", b.text)
        assert b.next == f"→ F9 goes on from 0 mA with contraction {going[0]}"
        assert "or end here  E" in b.text
        await b.send("escape")
        await b.look(1.0)
        await b.press("1")
        assert re.findall(r"▸ \d Go on with contraction (\d+)  F2 F9", b.text) == going
        assert "Find the level again" not in b.text, "no level is lost"
        assert "or end here" not in b.text, "it was stopped"
        assert b.next == "→ F2 opens the stimulator at 0 mA"
        await b.press("f9")
        assert b.said == "✖ F9 starts after F2 has opened the stimulator at 0 mA"
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9", "p")
        await b.look(61.0)
        assert "▸ 2 Find the level again, from 0 mA  F2 F9" in b.text, "it was paused for too long"
        assert b.next.startswith("→ F2 finds the level again")


async def test_nothing_that_was_pressed_in_the_wrong_state_acts_and_each_says_what_does(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.TREAT)
        await b.press("f9")
        assert "F2" in b.said
        await b.press("f2")
        await b.look(1.0)
        assert b.phase is Phase.ARMED
        await b.press("f2")
        assert "F9" in b.said


async def test_ending_before_the_first_contraction_is_said_so_and_reaches_no_goal(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.jump(Stage.TREAT)
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        await b.look(1.0)
        await b.press("e")
        assert "goal" not in b.text
        await b.press("1")
        await b.look(0.5)
        await b.follow(lambda: b.at("outcome"))
        assert "ended before the first contraction" in b.text
        assert "no pulses of treatment" in b.text


async def test_a_stop_closes_what_lies_over_the_session(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        for opens in ("f1", "f10", "e", "h"):
            await b.press(opens)
            assert "SPACE = STOP" in b.banner
        await b.send("space", " ")
        await b.look(0.5)
        assert b.session.stops
        assert not b.app.questions
        assert len(b.app.screen_stack) == 1
        assert "output off" in b.banner


async def test_a_stop_ends_the_search_in_the_list_that_it_closes(bench: Make) -> None:
    """One that went on looked for a list that was gone, and took the whole console with it."""

    async def searches() -> None:
        await asyncio.Event().wait()  # it has not found everything yet

    async with bench() as b:
        await b.running()
        await b.press("f10")
        search = b.app.screen.run_worker(searches())
        await b.look(0.1)
        b.app.clear()
        assert search.is_cancelled
        await b.look(0.5)
        assert "STIM ON" in b.banner


async def test_emg_the_word_is_try_now_with_the_bar_and_a_try_brings_the_contraction(bench: Make) -> None:
    """80 × 24: what is waited for, how far the muscle came, and the room's effort counts as a bridge's does."""
    async with bench(session=SimulatedSession(patient="stroke")) as b:
        await b.jump(Stage.TREAT, protocol="stroke-wrist-emg-triggered")
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        words = set()
        for _ in range(40):
            await b.look(0.5)
            words.add(cue_of(b.app.snapshot).id)
            if b._view().waits_for == "emg":
                break
        assert cue_of(b.app.snapshot).id == "try-now"
        assert "rest" not in words
        assert "of 20 µV, peak" in b.text, b.text
        assert b._view().given == 0
        for _ in range(6):
            b.session.room(type="effort", percent=100, seconds=2)
            await b.look(3.0)
        await b.look(20.0)
        assert b._view().given > 0
        assert "reached" in b.text


async def test_whoever_ends_after_a_lost_pad_is_led_to_the_outcome(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.session.world.extra.append(ChannelFault(channel=1, kind="electrode", text="open"))
        await b.look(0.3)
        assert "or end here" in b.text  # all steps are in sight at 80 × 24
        await b.press("e", "1")
        await b.look(0.5)
        assert "The way back" not in b.text
        keys = await b.follow(lambda: b.at("outcome"))
        assert keys <= 2  # the alarm is read, then on
        assert b.app.draft.end_reason


async def test_a_plot_is_drawn_four_times_a_second_and_at_once_when_output_changes(bench: Make) -> None:
    """A frame of 200×60 keeps nobody's keys waiting on a busy machine."""
    async with bench(size=(200, 60)) as b:
        await b.running()
        envelope = b.app.pane.panel("envelope")
        pictures = set()
        for _ in range(20):
            await b.look(0.05)
            pictures.add(id(envelope._shown))
        assert 4 <= len(pictures) <= 6
        await b.send("space", " ")
        stood = envelope._shown
        await b.look(0.02)
        assert envelope._shown != stood


async def test_what_takes_the_same_rows_is_laid_out_no_more(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(size=(120, 40)) as b:
        await b.running()
        await b.look(0.1)
        laid_out = []
        monkeypatch.setattr(b.app.screen, "_refresh_layout", lambda *_, **__: laid_out.append(1))
        words = b.app.pane.panel("words")
        rows = [line.strip() for line in str(words._text.visual).split("\n")]
        words.lines([f"{line}." for line in rows])
        await settle(b.app)
        assert not laid_out
        words.lines([*rows, "one more"])
        await settle(b.app)
        assert laid_out


@pytest.mark.parametrize("closes", ["F10", "F7"])
async def test_under_the_list_of_commands_the_next_line_names_what_closes_it(bench: Make, closes: str) -> None:
    """Letters type into it and Escape stops: named was E, which searched."""
    async with bench() as b:
        await b.running()
        reader = Reader(b)
        await reader.choose("Commands")
        await reader.wait(0.5)
        reader.sees("→ F10 closes the list", "SPACE STOP F10 Close", "SPACE = STOP")
        await reader.press("e")
        await reader.press(closes)
        assert len(b.app.screen_stack) == 1
        reader.sees("E End", f"{PLACE_OF[Stage.TREAT]} Treat")
        assert "STIM ON" in reader.banner or "RUNNING" in reader.banner

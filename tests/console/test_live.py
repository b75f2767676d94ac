"""Finding levels and treatment: what each key asks for, and that nothing else does."""

from __future__ import annotations

import gc
from dataclasses import replace

import pytest
from textual.widgets import Static

from estim.console import collector
from estim.console.dialogs import ReasonDialog
from estim.console.draft import Stage
from estim.console.happened import changes
from estim.console.practice import RoomDialog
from estim.console.screens.run import RunScreen
from estim.console.screens.takeover import TakeoverScreen
from estim.safety.reports import OutputState
from estim.session import events
from estim.session.snapshot import Alarm
from estim.session.state import Phase

from .conftest import Bench, Make


def last(b: Bench) -> events.Request:
    return b.session.requests[-1]


async def test_start_needs_two_different_keys(bench: Make) -> None:
    async with bench() as b:
        await b.jump()
        await b.press("f9", "f9")
        assert b.session.picture().phase is Phase.CONFIGURED
        await b.press("f2", "f2")
        assert b.session.picture().phase is Phase.ARMED
        await b.press("f9")
        assert b.session.picture().phase is Phase.RUNNING


async def test_arming_before_the_checks_is_refused_with_reasons(bench: Make) -> None:
    async with bench() as b:
        await b.jump()
        b.session.wants = ("skin",)
        await b.press("f2")
        assert "skin" in b.text("#problems")
        await b.look(0.1)
        assert not b.app.gate.closed  # the refusal answers the arm request


async def test_raise_names_the_picture_it_was_made_on_and_never_an_amplitude(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        seen = b.app.snapshot
        await b.pilot.press("plus")
        request = last(b)
        assert isinstance(request, events.Raise)
        assert seen is not None
        assert (request.channel, request.snapshot_n) == (1, seen.n)
        assert b.session.channels[1].level_ua == 24_000


async def test_a_raise_that_must_wait_says_why_where_the_hand_looks(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.look(3)  # rest
        assert "+ waits: only while the contraction is held" in b.text("#live-note")
        await b.press("plus")
        assert b.session.channels[1].level_ua == 23_000
        assert b.text("#problems") == ""


async def test_channel_by_number_and_its_level_alone(bench: Make) -> None:
    async with bench() as b:
        await b.running(channels=3)
        await b.press("3", "minus")
        assert [channel.level_ua for channel in b.session.channels.values()] == [23_000, 23_000, 22_000]
        await b.press("7", "minus")  # no such channel: the choice stays
        assert b.session.channels[3].level_ua == 21_000


async def test_lower_works_in_every_part_of_the_cycle(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        for seconds in (0.0, 1.5, 1.0, 3.0):
            await b.look(seconds)
            before = b.session.channels[1].level_ua
            await b.press("down")
            assert b.session.channels[1].level_ua < before


async def test_zero_cuts_all_channels_by_a_fifth(bench: Make) -> None:
    async with bench() as b:
        await b.running(channels=2)
        await b.press("0")
        assert last(b) == events.Lower(id=last(b).id, channel=None, percent=20)
        assert [channel.level_ua for channel in b.session.channels.values()] == [18_400, 18_400]


async def test_pause_shows_its_clock_and_resume_goes_on(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("p")
        await b.look(0.2)
        assert "PAUSED" in b.text("#banner")
        assert "therapy clock stands" in b.text("#live-note")
        await b.press("r")
        assert b.app.gate.closed
        assert b.session.picture().phase is Phase.RUNNING


async def test_comfort_is_one_key_and_a_digit_and_changes_no_channel(bench: Make) -> None:
    async with bench() as b:
        await b.running(channels=2)
        await b.press("f", "2")
        request = last(b)
        assert isinstance(request, events.Note)
        assert request.fields["discomfort"] == 2
        assert request.fields["sent_ua"] == {"1": 23_000, "2": 23_000}
        screen = b.app.screen
        assert isinstance(screen, RunScreen)
        assert screen.chosen == 1
        await b.press("f", "t")
        request = last(b)
        assert isinstance(request, events.Note)
        assert request.fields["discomfort"] == 10
        assert b.session.channels[1].max_tolerated_ua is None


async def test_comfort_is_asked_for_after_five_minutes(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        assert "Ask how it feels" not in b.text("#live-note")
        b.session.elapsed_us = 301_000_000
        await b.look()
        assert "Ask how it feels" in b.text("#live-note")
        await b.press("f", "3")
        assert "Ask how it feels" not in b.text("#live-note")


async def test_marks_go_to_the_chosen_channel(bench: Make) -> None:
    async with bench() as b:
        await b.running(channels=2)
        await b.press("2", "t")
        assert last(b) == events.Mark(id=last(b).id, channel=2, kind="max-tolerated")
        await b.press("o")
        assert last(b) == events.Mark(id=last(b).id, channel=2, kind="no-twitch")
        await b.press("c")
        assert last(b) == events.ContractionSeen(id=last(b).id, channel=2)


async def test_ending_asks_for_a_coded_reason_and_back_does_nothing(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("e")
        assert isinstance(b.app.screen, ReasonDialog)
        before = list(b.session.requests)
        await b.press("9", "f7")
        assert b.session.requests == before
        await b.press("e", "1")
        assert last(b) == events.EndEarly(id=last(b).id, reason="goal-reached")
        await b.look(0.2)
        assert "completed" in b.text("#checks")


async def test_skip_asks_for_a_coded_reason(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("k", "1")
        assert last(b) == events.SkipPhase(id=last(b).id, reason="fatigue")


async def test_after_a_stop_somebody_says_why_and_never_before(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("space")
        assert not isinstance(b.app.screen, ReasonDialog)
        await b.look(0.3)
        assert isinstance(b.app.screen, ReasonDialog)
        await b.press("2")
        request = last(b)
        assert isinstance(request, events.Note)
        assert request.fields == {"stopped": "pain"}
        assert b.app.draft.stop_reason == "pain"


async def test_a_stop_in_the_palette_is_explained_once_the_palette_is_gone(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("ctrl+p")
        await b.press(*"off", "space")
        assert b.session.stops == ["key"]
        await b.look(0.2)
        assert not isinstance(b.app.screen, ReasonDialog)
        await b.press("escape")  # the output is off: it closes the palette
        await b.look()
        assert isinstance(b.app.screen, ReasonDialog)


async def test_a_picture_that_comes_before_the_keys_message_asks_all_the_same(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.app.gate.press("space")  # as the input thread does: the message for the UI loop is still on its way
        await b.look(0.2)
        assert isinstance(b.app.screen, ReasonDialog)


async def test_a_lost_pad_is_coached_with_muscle_and_cable(bench: Make) -> None:
    async with bench() as b:
        await b.running(channels=2)
        b.session.lead_off(2)
        await b.look(0.2)
        said = b.text("#checks")
        assert "Press the pad on" in said
        assert "hamstrings left, yellow plug, blue lead" in said
        assert "!! A pad of channel 2 came off" in b.text("#alarms")
        assert "a pad or cable came off" in b.text("#banner")


@pytest.mark.hazard("H46")
async def test_an_alarm_stays_until_it_is_acknowledged(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.session.alarms["x"] = Alarm(code="x", priority="low", text="pads are worn", active=False)
        await b.look()
        assert "! pads are worn · cause gone" in b.text("#alarms")
        await b.press("a")
        assert last(b) == events.Acknowledge(id=last(b).id, code="x")


@pytest.mark.hazard("H36")
async def test_an_uncertain_output_says_which_cable_and_can_not_be_left(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.session.confirms_off = False
        await b.press("space")
        await b.look(1.5)
        assert "OUTPUT UNCERTAIN" in b.text("#banner")
        assert "pull the P24's USB cable" in b.text("#checks")
        assert b.app.gate.closed
        assert b.app.exit_code() == 4
        for key in ("f8", "f7", "f2", "f9", "r", "x"):
            await b.press(key)
        assert isinstance(b.app.screen, RunScreen)
        assert b.session.output is OutputState.UNCERTAIN


@pytest.mark.hazard("H45")
async def test_a_fault_is_left_by_a_person_with_a_reason(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.session.fail("link-lost", "The device can't be reached: read error.")
        await b.look(0.2)
        assert "FAULT" in b.text("#banner")
        assert b.app.exit_code() == 3
        await b.press("x", "1")
        assert last(b) == events.ResetFault(id=last(b).id, reason="cable-back")
        await b.look()
        assert "FAULT" not in b.text("#banner")


async def test_reset_is_refused_until_the_output_is_off(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.session.confirms_off = False
        b.session.fail("link-lost", "The device can't be reached.")
        await b.look(0.2)
        before = list(b.session.requests)
        await b.press("x")
        assert "not confirmed off" in b.text("#problems")
        # What goes out can't be granted: it has a lost device asked again whether it is off.
        assert b.session.requests == [*before, events.ResetFault(id=last(b).id, reason="")]


async def test_a_lost_controller_shows_what_was_seen_and_what_to_pull(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.session.lose("UNCERTAIN", "silent")
        await b.look()
        assert isinstance(b.app.screen, TakeoverScreen)
        assert "Now: pull the P24's USB cable" in str(b.app.screen.query_one("#takeover-text", Static).render())
        assert b.app.gate.closed
        assert b.app.exit_code() == 4
        await b.press("space")
        assert b.session.stops == ["key"]


async def test_a_lost_controller_with_the_output_proved_off_can_be_left(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.session.lose("OFF")
        await b.look()
        assert not b.app.gate.closed
        assert "confirmed that its output is OFF" in b.text("#takeover-text")
        await b.press("ctrl+q", "q")
        assert b.app.return_value == 3


async def test_a_controller_that_can_not_begin_is_said(bench: Make) -> None:
    async with bench() as b:
        b.session.unable = "the record's folder can't be written"
        await b.look()
        assert "can't be written" in b.text("#takeover-text")


async def test_stages_are_not_left_while_output_may_be_on(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("f8", "f7")
        assert isinstance(b.app.screen, RunScreen)
        assert "stop first" in b.text("#problems")


async def test_practice_is_shown_with_simulated_devices(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        assert "PRACTICE (H) ch1 115 N" in b.text("#practice")
        assert "“firm”" in b.text("#practice")


async def test_titration_follows_the_channel_that_is_being_found(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.LEVELS, channels=2)
        b.session.purpose = "titration"
        await b.press("f2", "f9")
        await b.look(3.5)
        await b.press("plus", "n")
        await b.look(3.0)
        await b.press("plus")
        request = last(b)
        assert isinstance(request, events.Raise)
        assert request.channel == 2
        assert "not counted as treatment" in b.text("#progress")


@pytest.mark.hazard("H02")
async def test_the_heart_beats_with_the_ui_loop(bench: Make) -> None:
    async with bench() as b:
        before = b.session.heartbeats
        for _ in range(100):
            await b.pilot.pause(0.05)
            if b.session.heartbeats > before:
                break
        assert b.session.heartbeats > before


async def test_practice_actions_are_offered_beside_simulated_devices_alone(bench: Make) -> None:
    async with bench() as b:
        await b.running(channels=2)
        titles = [command.title for command in b.app.get_system_commands(b.app.screen)]
        assert "Practice: a pad of channel 2 comes off" in titles
        command = next(c for c in b.app.get_system_commands(b.app.screen) if "channel 2 comes off" in c.title)
        command.callback()
        request = last(b)
        assert isinstance(request, events.RoomAction)
        assert request.message == {"type": "pad", "channel": 2, "do": "lift"}
        b.session.simulated = False
        await b.look()
        assert not any("Practice" in c.title for c in b.app.get_system_commands(b.app.screen))


async def test_one_key_has_things_happen_in_the_simulated_room(bench: Make) -> None:
    async with bench() as b:
        await b.running(channels=2)
        await b.press("2", "h")
        assert isinstance(b.app.screen, RoomDialog)
        await b.press("1")
        request = last(b)
        assert isinstance(request, events.RoomAction)
        assert request.message == {"type": "pad", "channel": 2, "do": "lift"}
        await b.press("h", "5")
        request = last(b)
        assert isinstance(request, events.RoomAction)
        assert request.message == {"type": "walk", "walks": True}
        before = list(b.session.requests)
        await b.press("h", "9", "f7")
        assert b.session.requests == before


async def test_nothing_happens_in_the_room_beside_a_real_device(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.session.simulated = False
        await b.look()
        await b.press("h")
        assert isinstance(b.app.screen, RunScreen)
        assert not any(isinstance(request, events.RoomAction) for request in b.session.requests)


@pytest.mark.hazard("H39")
async def test_a_held_key_asks_once_until_it_is_answered(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        before = b.session.channels[1].level_ua
        for _ in range(10):
            await b.pilot.press("plus")  # no picture and so no answer in between
        assert b.session.channels[1].level_ua == before + 1000
        await b.look()
        await b.pilot.press("plus")
        assert b.session.channels[1].level_ua == before + 2000


async def test_a_click_on_the_banner_stops_while_output_may_be_on(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.pilot.click("#banner")
        await b.look()
        assert b.session.stops == ["console"]
        await b.look(0.5)
        await b.pilot.click("#banner")
        assert b.session.stops == ["console"]


async def test_large_terminals_list_what_happened(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.running()
        await b.press("plus", "p")
        await b.look(0.2)
        told = b.text("#happened")
        assert "ch1 level 23.0 → 24.0 mA" in told
        assert "RUNNING → PAUSED (as you asked)" in told
        assert told.index("PAUSED") < told.index("24.0 mA")  # the newest first
        paused = b.session.picture()
        (view,) = paused.channels
        other = replace(paused, channels=(replace(view, level_ua=view.level_ua - 1_000),))
        assert changes(other, paused) == ("ch1 level 23.0 → 24.0 mA",)
        loaded = replace(paused, phase=Phase.CONFIGURED)  # anew: nobody changed that level
        assert not any("level" in text for text in changes(other, loaded))
        lost = Alarm(code="lead-off", priority="medium", text="a pad is off")
        seen, over = (replace(lost, acknowledged=True), replace(lost, active=False))
        for alarms, before in (((), 1), ((seen,), 1), ((over,), 1), ((lost,), 0)):  # again is new
            assert len(changes(replace(paused, alarms=alarms), replace(paused, alarms=(lost,)))) == before
        assert changes(replace(paused, alarms=(lost,)), replace(paused, alarms=(seen,))) == ()
        await b.pilot.resize_terminal(80, 24)
        await b.look()
        assert b.text("#happened") == ""


async def test_memory_stays_bounded_while_the_collector_is_off(bench: Make) -> None:
    async with bench() as b:
        await b.running(channels=4)
        assert not gc.isenabled()
        collector.tidy()
        before = len(gc.get_objects())
        for _ in range(6):
            for _ in range(10):
                await b.look(0.01)
            collector.tidy()
        assert len(gc.get_objects()) - before < 3000  # 60 pictures leave some 10 000 without it
        await b.press("space")
        await b.look(0.3)
        assert gc.isenabled()


async def test_a_level_that_was_lost_sends_back_to_the_levels(bench: Make) -> None:
    async with bench() as b:
        await b.jump(channels=2)
        await b.confirm_all()
        assert "lost" not in b.text("#checks")
        b.session.channels[2].found = False
        await b.look()
        name = b.session.channels[2].name
        assert f"The level of {name} was lost: F7" in " ".join(b.text("#checks").split())

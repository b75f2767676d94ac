"""What a therapist may expect of this console: twenty points, each read from the screen.

docs/console-inside.md lists them.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from textual._compositor import CompositorUpdate

from estim.console.comfort import EVERY_US
from estim.console.draft import Stage
from estim.console.home_view import RecordsHome
from estim.console.raising import IDLE_US
from estim.safety.reports import OutputState
from estim.session import events
from estim.session.state import Cycle, Phase
from tests.support import PLACE_OF

from .by_screen import Reader
from .conftest import Bench, Make, read_home, returning
from .simulated import SimulatedSession
from .test_screening import ANSWERED


async def _up(b: Bench) -> None:
    """Until a step up is possible."""
    for _ in range(100):
        if not b._view().channels[0].raise_locked:
            return
        await b.look(0.1)
    raise AssertionError(b.text)


def _clock(reader: Reader) -> int:
    """Seconds of the therapy clock as it stands there: `0:03 of 30:00, 29:56 left`."""
    found = re.search(r"(\d+):(\d\d) of \d+:\d\d, \d+:\d\d left", reader.text)
    assert found, reader.text
    return int(found[1]) * 60 + int(found[2])


def _levels(reader: Reader) -> list[str]:
    """What every channel plays of what, its ceiling and who sets it."""
    return re.findall(r"\d+\.\d of +\d+\.\d|cap [\d.]+ \(\w+\)", reader.text)


async def _seconds_free(reader: Reader, ends: str) -> int:
    """For how many seconds the next line names +, pressed by nobody, until something else stands there."""
    free = 0
    for _ in range(120):
        if ends in reader.text:
            return free
        free += (reader.named() or ("", ""))[0] == "+"
        await reader.wait(1.0)
    raise AssertionError(reader.text)


@pytest.mark.parametrize("opens", ["", "f1", "f10", "e", "h", "f"])
async def test_01_one_stop_key_whatever_lies_over_the_session(bench: Make, opens: str) -> None:
    async with bench() as b:
        await b.running()
        if opens:
            await b.press(opens)
        states = set()
        for _ in range(12):  # the first picture that something lies over, and later ones
            assert "SPACE = STOP" in b.lines()[1]
            states.add(b.lines()[1].split()[1])
            await b.look(0.4)
        assert states == {"STIM", "RUNNING"}, "the state goes on under it"
        await b.send("space", " ")
        await b.look(0.5)
        assert "output off" in b.lines()[1]


async def test_01_the_state_is_painted_anew_while_the_list_lies_over_it(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a terminal is sent, not what could be drawn: under the list nobody lays out the frame by himself."""
    async with bench() as b:
        await b.running()
        await b.press("f10")
        sent: list[str] = []

        def display(_: object, update: object) -> None:
            if isinstance(update, CompositorUpdate):
                sent.append(update.render_segments(b.app.console))

        monkeypatch.setattr(b.app, "_display", display)
        for _ in range(40):
            await b.look(0.3)
        told = "".join(sent)
        assert "STIM ON" in told
        assert "RUNNING" in told
        sent.clear()
        await b.send("space", " ")
        await b.look(0.5)
        assert "output off" in "".join(sent)


async def test_02_the_stop_waits_for_no_screen(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        reader = Reader(b)
        reader.sees("STIM ON ch1 6.0 mA", "SPACE = STOP")
        b.app.gate.press("space")  # as the terminal's own thread does it, while nothing is drawn
        b.session.advance(0.2)
        reader.sees("STIM ON ch1 6.0 mA")  # the old picture stands: nobody has drawn since
        assert b._view().output.value == "OFF"
        await reader.wait(0.0)  # no time passes: what the first picture says was so before it was drawn
        assert "output off" in reader.banner
        reader.sees("Output is off. Why was it stopped?", "0.0 of 6.0")


async def test_03_leaving_stops_waits_for_the_device_and_asks(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        reader = Reader(b)
        b.session.overlay |= {"output": OutputState.ON, "phase": Phase.STOPPING}  # a device that is slow to say OFF
        await reader.press("Ctrl+Q")
        reader.sees("STOP SENT", "A stop was sent. Waiting until the device itself says that its output is off.")
        await reader.press("q")
        reader.sees("✖ not before the device says off", "STOP SENT")
        b.session.overlay.clear()
        await reader.until("→ Q leaves now")
        assert "output off" in reader.banner
        reader.sees("Why was it stopped?")
        await b.send("q")
        assert b.app.return_value is not None, "it left"


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
        reader = Reader(b)
        await reader.sign_in()
        await reader.follow("T strongest")
        reader.sees("– / 21.0", "behind /: the last time", "0.0 mA asked · 0.0 acknowledged")
        await reader.follow("RUNNING")
        held = 0
        for _ in range(20):
            await reader.wait(0.5)
            held += "━hold" in reader.text
            reader.sees("0.0 mA asked", "– / 21.0")
            assert "STIM ON" not in reader.banner, reader.text
            assert "0 mA" in reader.banner
            assert b._view().channels[0].level_ua == 0
        assert held, "a contraction was played, at 0 mA"


async def test_06_raising_locks_itself_and_lowering_unlocks(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.LEVELS)
        reader = Reader(b)
        await reader.follow("RUNNING")
        await reader.follow("2.0 mA asked")
        free = await _seconds_free(reader, "+ is locked")
        assert free >= IDLE_US // 1_000_000, "idle counts only while + would act"
        await reader.press("+")
        reader.sees("✖ + is locked, nothing was done for 10 s: press 1 or - to unlock", "2.0 mA asked")
        await reader.press("-")
        reader.sees("1.0 mA asked")
        assert not b.app.pane.raise_lock.locked  # type: ignore[attr-defined]
        await reader.until("→ + raises")
        await reader.press("+")
        reader.sees("2.0 mA asked")


async def test_07_one_key_is_one_step(bench: Make) -> None:
    async with bench() as b:
        await b.seek()
        await _up(b)
        await b.press("plus")
        for _ in range(30):  # the rest of this contraction, and the next one
            assert "1.0 mA asked" in b.text
            await b.look(0.2)
        await _up(b)
        await b.press("plus")
        assert "2.0 mA asked" in b.text


async def test_08_a_level_is_raised_only_while_it_can_be_felt(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.TREAT)
        reader = Reader(b)
        await reader.follow("H 5: the patient walks")
        reader.sees("common peroneal nerve R rest", "0.0 of 6.0")
        assert b._view().channels[0].cycle is Cycle.REST
        await reader.press("+")
        reader.sees("✖ + waits: only while the contraction is held", "0.0 of 6.0")
        await reader.step()
        await reader.until("━hold")
        assert reader.named() is None, "at the strongest that was found, whoever raises does it unasked"
        await reader.press("+")
        reader.sees("of 7.0")
        assert not re.search(r"F2|F7|W Twitch", " ".join(reader.rows[-2:])), "nothing else is changed while it flows"


async def test_09_asked_and_acknowledged_stand_side_by_side_with_their_age(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.jump(Stage.LEVELS)
        assert re.search(r"mA asked · [\d.–]+ acknowledged", b.text)
        await b.jump(Stage.TREAT)
        assert re.search(r"device +\d+ ms", b.text)


async def test_10_a_lost_pad_names_muscle_channel_and_cable_and_the_clock_stands(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.jump(Stage.TREAT, level_ma=21)  # what a P24 needs to notice a lost pad
        reader = Reader(b)
        await reader.follow("H 5: the patient walks")
        await reader.step()
        await reader.until("STIM ON")
        await reader.room("a pad of channel 1 comes off")
        await reader.until("The way back")
        assert re.search(r"PAUSED +output off · a pad or cable came off", reader.banner)
        reader.sees("channel 1, common peroneal nerve right, yellow", "plug, red lead", "Pad on again, skin looked at")
        reader.sees("Find the level again, from 0 mA F2 F9", "was 21.0 (grey)")
        clock, elapsed_us = _clock(reader), b._view().elapsed_us
        await reader.wait(5.0)
        assert _clock(reader) == clock
        assert b._view().elapsed_us == elapsed_us


async def test_11_the_stop_is_tried_before_anything_flows(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.DEVICE)
        reader = Reader(b)
        reader.sees(PLACE_OF[Stage.DEVICE], "· stop test: F2 opens the stimulator", "at 0 mA, then press SPACE")
        await reader.press("F2")
        reader.sees("✖ first:", "READY")  # the questions come before it
        await reader.follow("ARMED")
        reader.sees("open at 0 mA. Press", "SPACE now.", "→ Space stops: the stop test")
        assert b.app.draft.stop_test_ms is None
        await reader.step()
        assert re.search(r"stop test: the device said off \d+ ms after the key", reader.text), reader.text
        assert "output off" in reader.banner
        reader.sees("Found today, mA", "0.0 mA asked · 0.0 acknowledged")
        assert b.app.draft.stop_test_ms is not None


async def test_12_one_key_marks_and_the_screen_says_which_rule_limits(bench: Make) -> None:
    async with bench() as b:
        await b.seek()
        b._raise(3)
        await b.look(0.1)
        await b.press("s")
        assert re.search(r"S felt +3\.0", b.text)
        assert "cap 100.0 (current)" in b.text


async def test_13_a_pause_keeps_the_place_and_the_clock(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        reader = Reader(b)
        await reader.choose("Pause")
        await reader.until("goes on from 0 mA")
        reader.sees("PAUSED", "Output off for 0:00: as you asked", "▸ 2 Go on with contraction 2 F9")
        clock, elapsed_us = _clock(reader), b._view().elapsed_us
        await reader.wait(4.0)
        reader.sees("PAUSED", "Output off for 0:04")
        assert _clock(reader) == clock
        assert b._view().elapsed_us == elapsed_us
        await reader.step()
        assert re.search(r"RUNNING +0 mA", reader.banner)
        assert _clock(reader) <= clock + 1


async def test_14_what_is_looked_at_is_not_changed(bench: Make) -> None:
    async with bench() as b:
        await b.running(1.0)
        reader = Reader(b)
        await reader.until("6.0 of 6.0")
        before, footer, stood = len(b.session.requests), reader.rows[-2:], _levels(reader)
        await reader.press("F1")
        reader.sees("Help · this screen", "→ F7 closes the help")
        assert re.match("▶ STIM ON|▷ RUNNING", reader.banner), "it goes on under the help"
        await reader.press("F7")
        await reader.press("F4")
        reader.sees("All of it is in sight.")
        await reader.until("6.0 of 6.0")
        assert _levels(reader) == stood
        assert reader.rows[-2:] == footer
        assert "STIM ON" in reader.banner
        assert len(b.session.requests) == before, "they only show"
        await reader.press("Space")
        await reader.press("7")
        before, seen = len(b.session.requests), (reader.rows[1:9], reader.rows[-3:])
        for opens, title in (("F6", "Records"), ("F3", "Practice")):
            await reader.press(opens)
            reader.sees(title, "→ F7")
            await reader.press("F7")
            assert (reader.rows[1:9], reader.rows[-3:]) == seen
        assert len(b.session.requests) == before, "with the output off they only show as well"


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
        assert PLACE_OF[Stage.PLAN] in b.text
        await b.follow(lambda: b.at("pads"))
        assert PLACE_OF[Stage.PADS] in b.text
        await b.press("f7")
        assert PLACE_OF[Stage.SCREENING] in b.text, "and one goes back"


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
        reader = Reader(b)
        assert reader.named() == ("F", "asks how it feels: then a digit"), reader.text
        await reader.step()
        await reader.press("3")
        assert re.search(r"discomfort 3 \(0:0\d ago\)", reader.text), reader.text
        assert (reader.named() or ("", ""))[0] != "F", "it was answered"


async def test_18_it_is_asked_after_a_rise_as_well(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.TREAT)
        reader = Reader(b)
        await reader.follow("H 5: the patient walks")
        await reader.step()
        await reader.until("━hold")
        await reader.press("+")
        reader.sees("of 7.0")
        asked, risen_us = ("F", "it was raised: asks how it feels, then a digit"), b._view().channels[0].level_ua
        for _ in range(120):  # the new level is felt first, in contractions of up to 6 s
            if reader.named() == asked:
                break
            await reader.wait(0.2)
        assert reader.named() == asked, reader.text
        await reader.step()
        await reader.press("4")
        assert re.search(r"discomfort 4 \(0:0\d ago\)", reader.text), reader.text
        assert (reader.named() or ("", ""))[0] != "F", "it was answered"
        assert b._view().channels[0].level_ua == risen_us, "an answer that is no pain changes nothing"


async def test_19_what_was_done_is_kept_and_says_how_it_ended(bench: Make, tmp_path: Path) -> None:
    folder = tmp_path / "records" / "simulated" / "20261120T0900"
    session = SimulatedSession(folder=folder, utc="2026-11-20T09:00:00+00:00")
    async with bench(session=session, home_view=RecordsHome(tmp_path)) as b:
        await b.running(8.0)
        reader = Reader(b)
        await reader.choose("End")
        await reader.press("1")
        await reader.follow(PLACE_OF[Stage.OUTCOME])
        reader.sees("ENDED EARLY after 3 contractions:", "fatigue", "contractions: 3 · clock 0:08")
        await reader.press("Ctrl+Q")
        reader.sees("The session stays unsigned: it is listed as not finished at the next start.", "→ Q leaves now")
        await b.send("q")
        assert b.app.return_value is not None, "it left"
        session.killed()
    home = read_home(tmp_path)
    async with bench(home_view=home) as b:
        reader = Reader(b)
        await reader.sign_in()
        reader.sees("! P-042 2026-11-20 09:00: it was left by hand before the signature, with the", "output off")
        reader.sees(
            "3 contractions given, not signed. F6", "2026-11-20: ENDED EARLY", "→ F6 shows what did not end (1)"
        )


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

"""Moments at the console that misled: each is read from the screen's rows, keys go in as from a terminal."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from estim.console.draft import Stage
from estim.console.home_reading import read_sessions
from estim.protocols import library
from estim.safety.reports import ChannelFault
from tests.support import PLACE_OF

from .by_screen import Reader
from .conftest import PROTOCOL, Make, returning, settle
from .simulated import SimulatedSession

EMG = "stroke-wrist-emg-triggered"


def _short(folder: Path, seconds: int = 30) -> str:
    """A copy of the EMG protocol that is over soon."""
    text = library.path(EMG).read_text(encoding="utf-8")
    assert "duration_s = 2700" in text
    (folder / "short.toml").write_text(text.replace("duration_s = 2700", f"duration_s = {seconds}"), encoding="utf-8")
    return str(folder / "short.toml")


@pytest.mark.parametrize("percent", [0, 2])
async def test_where_no_effort_came_the_session_says_so_and_is_no_completed_one(
    bench: Make, tmp_path: Path, percent: int
) -> None:
    async with bench(session=SimulatedSession(patient="stroke")) as b:
        reader = Reader(b)
        await b.jump(Stage.TREAT, protocol=_short(tmp_path))
        await reader.follow("µV, peak")
        reader.sees("contractions 0")
        if percent:  # one that is far too weak is no effort either
            b.session.room(type="effort", percent=percent, seconds=1)
        await reader.until("READY")
        reader.sees("no effort reached the threshold: 0 contractions")
        await reader.follow(PLACE_OF[Stage.OUTCOME])
        reader.sees("no effort reached the threshold: 0", "contractions: 0", "was set and not")
        assert "completed" not in reader.text


async def test_after_one_effort_the_end_is_an_ordinary_one(bench: Make, tmp_path: Path) -> None:
    async with bench(session=SimulatedSession(patient="stroke")) as b:
        reader = Reader(b)
        await b.jump(Stage.TREAT, protocol=_short(tmp_path))
        await reader.follow("µV, peak")
        for _ in range(3):
            b.session.room(type="effort", percent=100, seconds=2)
            await reader.wait(8.0)
        await reader.choose("End")
        await reader.press("1")
        await reader.follow(PLACE_OF[Stage.OUTCOME])
        assert re.search(r"ENDED EARLY after (1 contraction|\d+ contractions):", reader.text), b.text
        assert "no effort" not in reader.text


@pytest.mark.parametrize("opens", ["F1", "E", "H", "Ctrl+Q", "F10"])
async def test_state_and_keys_stay_on_the_screen_while_something_opens_and_closes(bench: Make, opens: str) -> None:
    """Each picture between the key and rest: nobody who looks in that moment sees no state and no stop."""
    async with bench() as b:
        await b.running()
        seen: list[list[str]] = []

        def keep() -> None:
            seen.append(b.lines())

        named = {"Ctrl+Q": "ctrl+q"}.get(opens, opens.lower())
        shown = type(b.app.screen)._on_timer_update

        def painted(screen: object) -> None:
            shown(screen)  # type: ignore[arg-type]
            keep()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(b.app.screen), "_on_timer_update", painted)
            b.clock.now_s += 1.0
            await b.send(named)
            keep()
            await b.look(0.1)
            b.clock.now_s += 1.0
            await b.send(named if opens != "E" else "f7")
            keep()
            await b.look(0.1)
        await settle(b.app)
        pictures = [rows for rows in seen if rows]
        assert pictures
        for rows in pictures:
            assert re.search(r"STIM ON|RUNNING|output off|STOP SENT|STOPPING|OFF", rows[1]), rows
            assert "SPACE" in rows[1] or "Space" in rows[1], rows
            if opens != "F10":  # the list of commands has the lower rows, and the banner its stop
                assert any(row.strip() for row in rows[-2:]), rows


async def test_escape_closes_the_help_while_output_is_off_and_the_footer_says_so(bench: Make) -> None:
    async with bench() as b:
        reader = Reader(b)
        await b.jump(Stage.PADS)
        for closes in ("Esc", "F7", "F1", "?", "Enter"):
            await reader.choose("Help")
            reader.sees("─Help")
            footer = " ".join(reader.rows[-2:])
            assert closes in footer, footer
            await reader.press(closes)
            assert "─Help" not in reader.text, closes


async def test_the_question_why_it_was_stopped_has_its_help_and_stays_under_it(bench: Make) -> None:
    async with bench() as b:
        reader = Reader(b)
        await b.running()
        await reader.press("Space")
        reader.sees("Why was it stopped?")
        assert "F1 Help" in " ".join(reader.rows[-2:])
        await reader.press("F1")
        reader.sees("─Help")
        await reader.press("Esc")
        reader.sees("Why was it stopped?")
        await reader.press("1")
        assert "Why was it stopped?" not in reader.text


@pytest.mark.parametrize("asks", ["End", "Room"])
async def test_each_question_has_its_help_and_escape_leaves_it(bench: Make, asks: str) -> None:
    async with bench() as b:
        reader = Reader(b)
        await b.running()
        before = reader.text.count("?")
        await reader.choose(asks)
        assert reader.text.count("?") > before
        await reader.press("F1")
        reader.sees("─Help")
        await reader.press("F1")
        assert "─Help" not in reader.text
        assert reader.text.count("?") > before, "the question is where it was"
        assert "SPACE = STOP" in reader.banner


async def test_what_was_set_and_never_played_is_not_what_was_given(bench: Make) -> None:
    """Ended before a step of the patient: no level is signed but as the one that was set."""
    async with bench(size=(120, 40)) as b:
        reader = Reader(b)
        await b.jump(Stage.TREAT, level_ma=21)
        await reader.follow("RUNNING")
        await reader.choose("End")
        assert "goal" not in reader.text
        await reader.press("1")
        await reader.follow("signs as")
        reader.sees("ended before the first contraction", "no pulses of treatment")
        for line in reader.rows:
            if "21.0" in line:
                assert "set" in line or "ch1" in line, line
        assert not re.search(r"level 21\.0 mA, pulses", reader.text)


@pytest.mark.parametrize(("mark", "row"), [("S", "S felt"), ("M", "M moves"), ("T", "T strongest")])
async def test_marks_are_made_with_caps_lock_on(bench: Make, mark: str, row: str) -> None:
    async with bench(size=(120, 40)) as b:
        await b.jump(Stage.LEVELS)
        reader = Reader(b)
        await reader.follow("RUNNING")
        await b.raise_by(6)
        b.clock.now_s += 1.0
        await b.send(mark, mark)  # as a terminal sends it: a capital letter
        await b.look(0.3)
        if mark != "T":
            assert re.search(rf"{row} +6\.0", reader.text), b.text
        else:
            assert "6.0" in reader.text
            await reader.follow(PLACE_OF[Stage.TREAT])


@pytest.mark.parametrize("letter", ["P", "F", "E", "H"])
async def test_what_the_footer_prints_acts_as_it_is_printed(bench: Make, letter: str) -> None:
    async with bench() as b:
        await b.running()
        texts = []
        for key in (letter, letter.lower()):
            b.clock.now_s += 1.0
            await b.send(key, key)
            await b.look(1.5)
            texts.append(b.text)
            if letter == "P":
                await b.press("f9")
            elif letter == "F":
                await b.press("f")
            else:
                await b.press("f7")
        words = {"P": "PAUSED", "F": "no discomfort", "E": "Why?", "H": "In the simulated room"}[letter]
        assert all(words in text for text in texts), texts


@pytest.mark.parametrize("value", ["7", "T"])
async def test_after_a_pain_the_next_line_leads_down_and_never_up(bench: Make, value: str) -> None:
    async with bench() as b:
        reader = Reader(b)
        await b.running()
        await reader.choose("Feels")
        await reader.press(value)
        named = reader.named()
        assert named is not None
        assert named[0] == "0"
        assert "down" in named[1]
        await reader.step()
        assert not (reader.named() or ("", ""))[1].startswith("takes all"), "it went down: what comes next is named"


async def test_a_discomfort_that_is_no_pain_changes_nothing(bench: Make) -> None:
    async with bench() as b:
        reader = Reader(b)
        await b.running()
        await reader.choose("Feels")
        assert "- Down" in " ".join(b.text.splitlines()[-3:]), "the footer names the way down while it is asked"
        await reader.press("6")
        assert (reader.named() or ("", ""))[0] != "0"


async def test_contractions_before_a_lost_pad_are_counted_on_after_it(bench: Make) -> None:
    async with bench() as b:
        reader = Reader(b)
        await b.running(12.0)
        before = int(re.findall(r"contractions +(\d+)", reader.text)[0])
        assert before > 1
        b.session.world.extra.append(ChannelFault(channel=1, kind="electrode", text="open"))
        await reader.until("PAUSED")
        going_on = int(re.findall(r"Go on with contraction (\d+)", reader.text)[0])
        assert going_on in {before, before + 1}
        await reader.follow(PLACE_OF[Stage.LEVELS])
        await reader.follow(PLACE_OF[Stage.TREAT])
        await reader.follow("RUNNING")
        await reader.until("STIM ON")
        counts = [int(each) for each in re.findall(r"contractions +(\d+)", reader.text)]
        assert counts
        assert counts[0] >= before


@pytest.mark.parametrize(
    ("protocol", "patient", "does"),
    [(PROTOCOL, "foot-drop", {}), (EMG, "stroke", {"type": "effort", "percent": 100, "seconds": 2})],
)
async def test_what_the_patient_does_in_a_pause_does_not_end_the_treatment(
    bench: Make, protocol: str, patient: str, does: dict[str, object]
) -> None:
    """A step or an effort in a pause held the gate as if it had opened: after F9 no contraction came any more."""
    async with bench(session=SimulatedSession(patient=patient)) as b:
        reader = Reader(b)
        await b.jump(Stage.TREAT, protocol=protocol)
        await reader.follow("RUNNING")
        b.session.room(type="walk", walks=True)

        async def contraction() -> None:
            for _ in range(60):
                if "STIM ON" in reader.banner:
                    return
                if does and "µV, peak" in reader.text:
                    b.session.room(**does)
                await reader.wait(1.0)
            raise AssertionError(b.text)

        await contraction()
        await reader.choose("Pause")
        await reader.until("PAUSED")
        for _ in range(8):  # steps, or efforts, while nothing may come of them
            if does:
                b.session.room(**does)
            await reader.wait(1.0)
            assert "STIM ON" not in reader.banner
        await reader.press("F9")
        await contraction()


def test_a_record_that_says_odd_things_hides_no_other(tmp_path: Path) -> None:
    """A rehearsal has no time of day: it stopped the thread that reads the home, with a traceback over the screen."""
    good = '{"kind":"header","fields":{"patient":"P-1","utc":"2026-11-01T08:00:00","operator":"PT1"},"t_us":0}\n'
    end = '{"kind":"end","fields":{"outcome":"completed","contractions":12},"t_us":9}\n'
    dose = '{"kind":"dose","fields":{"channels":[{"channel":1,"pulses":50}]},"t_us":5}\n'
    played = '{"protocol_title":"Q","purpose":"therapy","channels":[%s]}'
    plan = '{"kind":"setup","fields":{"schedule":' + played + '},"t_us":1}\n'
    odd = {
        "20261102T0800-no-time": good.replace("2026-11-01T08:00:00", "").replace("P-1", "P-2") + plan % "" + dose + end,
        "20261102T0801-no-channel": good.replace("P-1", "P-3") + plan % '{"name":"x"}' + end,
        "20261102T0803-nested": good.replace("P-1", "P-5") + '{"kind":"end","fields":' + "[" * 100_000 + "\n" + end,
        "20261102T0802-odd-week": good.replace("P-1", "P-4") + (plan % "").replace('"Q"', '"Q","week":"second"') + end,
    }
    for name, text in {"20261101T0800": good + plan % "" + end, **odd}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.jsonl").write_text(text)
    if hasattr(os, "mkfifo"):  # a pipe in a record's place held that thread for ever
        (tmp_path / "20261102T0804-pipe").mkdir()
        os.mkfifo(tmp_path / "20261102T0804-pipe" / "record.jsonl")
    patients, sessions = read_sessions(tmp_path, "2026-11-03")
    assert {"P-1", "P-2"} <= {one.id for one in patients}
    assert "20261101T0800" in {one.folder for one in sessions}


async def test_the_next_patient_finds_nothing_of_the_last_one(bench: Make) -> None:
    """Level, what was said and felt, force, dose, note, the log: each was there, and none of it is left on any
    screen of the next patient's way to the first current."""
    before = ("T 21.0", "“That is strong.”", "force 16 % of MVIC",
              "2 of 2 reached", "treatment began", "contractions 2", "ENDED EARLY after 2 contractions")  # fmt: skip
    async with bench(size=(200, 60), home_view=returning()) as b:
        reader, seen, left = Reader(b), "", ""
        await b.jump(Stage.TREAT, level_ma=21)
        seen += reader.text
        await reader.follow("STIM ON")
        await reader.wait(3.0)
        seen += reader.text
        await reader.choose("End")
        await reader.press("1")
        seen += reader.text
        await reader.follow("SEALED")
        await reader.step()
        assert "no patient chosen" in reader.rows[0]
        assert re.match(r" ○ IDLE  output off", reader.rows[1]), "the device keeps no protocol of the last one"
        assert [word for word in before if word not in seen] == []
        await reader.choose("New patient")
        for _ in range(100):
            left += reader.text
            if "STIM ON" in reader.banner:
                break
            await reader.step()
        else:
            raise AssertionError(f"no way to current\n{b.text}")
        assert [word for word in before if word in left] == []
        assert "P-042" not in reader.rows[0]

"""What was seen in pictures of a real console, and is no longer so."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from estim.console.draft import Stage
from estim.console.home_view import EmptyHome, HomeView
from estim.console.language import load
from estim.records.door import InTheRoom, here
from estim.records.home import Home
from estim.safety.reports import OutputState
from estim.session import events
from tests.support import PLACE_OF

from .by_screen import Reader
from .conftest import Make, read_home, returning
from .every_stage import known_home
from .simulated import SimulatedSession
from .test_home_view import broken_off


class BeingRead(EmptyHome):
    """A home of which nothing is known in the first moment."""

    def read(self) -> bool:
        return bool(self.done)


async def test_nobody_is_new_before_it_was_read_who_was_here(bench: Make) -> None:
    """P-001, who was here yesterday, was offered as a new patient's name while records were read."""
    view = BeingRead()
    async with bench(home_view=view) as b:
        reader = Reader(b)
        await reader.sign_in()
        assert reader.named() is None, reader.text
        reader.sees("reading who was here")
        assert "No patient yet" not in reader.text
        await reader.press("N")
        reader.sees("✖ reading who was here")
        assert not b.app.questions
        view.done.append(("PT1", "pain"))  # something that was read
        await reader.wait(0.5)
        reader.sees("→ N takes a new patient", "No patient yet")


async def test_before_the_controllers_first_word_nobody_is_new(bench: Make) -> None:
    async with bench() as b:
        reader = Reader(b)
        await reader.sign_in()
        said, b.app.snapshot = b.app.snapshot, None
        b.app.draw()
        assert reader.named() is None, reader.text
        b.app.snapshot = said


async def test_a_name_that_was_just_taken_is_offered_to_nobody_else(bench: Make) -> None:
    """The record that was sealed a moment ago is read again later."""
    view: HomeView = EmptyHome()
    async with bench(home_view=view) as b:
        reader = Reader(b)
        await reader.sign_in()
        await reader.follow(PLACE_OF[Stage.PLAN])
        assert reader.rows[0].startswith(" P-001")
        b.app.next_patient()
        await reader.wait(0.5)
        await reader.step()
        reader.sees("P-002", "Two identifiers")


async def test_where_nothing_is_marked_the_plan_says_what_each_digit_brings(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.to(Stage.PLAN)
        reader = Reader(b)
        reader.sees("1 stroke", "Wrist and finger extension", "7 balance, older", "Nothing is marked")
        right = [row[60:].strip() for row in reader.rows[2:-3]]
        assert sum(map(bool, right)) > len(right) * 2 // 3


async def lost_pad(b: object, reader: Reader) -> None:
    await b.jump(Stage.TREAT, level_ma=21)  # type: ignore[attr-defined]
    await reader.follow("H 5: the patient walks")
    await reader.step()
    await reader.until("STIM ON")
    await reader.room("a pad of channel 1 comes off")
    await reader.until("The way back")


async def test_a_second_row_stands_under_its_own_words(bench: Make) -> None:
    async with bench() as b:
        reader = Reader(b)
        await lost_pad(b, reader)
        rows = reader.rows
        (first,) = [n for n, row in enumerate(rows) if row.startswith(" !! channel 1")]
        assert rows[first + 1].startswith("    "), rows[first : first + 2]
        b.app.said("✖ " + "a refusal that is longer than this terminal is wide, " * 2)
        await reader.wait(0.0)
        (first,) = [n for n, row in enumerate(reader.rows) if row.startswith(" ✖ a refusal")]
        assert reader.rows[first + 1].startswith("   "), reader.rows[first : first + 2]


@pytest.mark.parametrize("size", [(120, 40), (200, 60)])
async def test_on_the_way_back_the_pads_of_the_lost_channel_are_in_sight(bench: Make, size: tuple[int, int]) -> None:
    """Half of the screen was blank while one looked for where the pad goes."""
    async with bench(size=size, session=SimulatedSession(), home_view=returning()) as b:
        reader = Reader(b)
        await lost_pad(b, reader)
        await reader.wait(0.2)
        reader.sees("The way back", "RIGHT shank, front", "①", "②", "Before the stop")
        columns = [row[size[0] // 3 : 3 * size[0] // 4] for row in reader.rows[3 : size[1] // 2]]
        assert sum(bool(each.strip()) for each in columns) > len(columns) * 3 // 4


async def test_no_alarm_names_a_key_that_nobody_hears(bench: Make) -> None:
    """With its controller gone the alarm said `A read it`, and A did nothing."""
    async with bench() as b:
        reader = Reader(b)
        await b.running()
        b.session.lose(OutputState.OFF)
        await reader.wait(0.5)
        reader.sees("OUTPUT OFF, controller lost", "!! Stop sent 3 times", "→ Ctrl+Q leaves")
        assert "A read it" not in reader.text


async def test_a_session_that_runs_in_another_console_is_said_to_run_and_where(bench: Make, tmp_path: Path) -> None:
    """It was listed as one that broke off by "power, crash or a full disk", to be signed."""
    broken_off(tmp_path / "records" / "simulated" / "20261102T1620")
    room = InTheRoom(Home(tmp_path))
    room.enter(frozenset({"p-2"}), here("socket://127.0.0.1:1"))
    view = read_home(tmp_path)
    async with bench(home_view=view) as b:
        reader = Reader(b)
        await reader.sign_in()
        reader.sees("▶ P-2 2026-11-02 16:20: it is RUNNING on socket://127.0.0.1:1, since", f"process {os.getpid()} of")
        reader.sees("it ends and is signed there")
        assert "power, crash" not in reader.text
        await reader.until("→ Enter opens P-2")
        await reader.press("F6")
        reader.sees("Records", "▸ 2026-11-02 P-2 running", "it is RUNNING")
        await reader.press("F7")
        room.leave()
        broken_off(tmp_path / "records" / "simulated" / "20261103T1620")  # another one of the same patient, broken off
        view.look_again()
        view.wait()
        await reader.wait(0.5)
        await reader.press("F6")
        room.enter(frozenset({"p-2"}), here("socket://127.0.0.1:1"))
        view.look_again()
        view.wait()
        await reader.wait(0.5)
        await reader.until("→ S signs")
        reader.sees("▸ 2026-11-02 16:20 P-2", "power, crash or a full disk")
        await reader.press("up")
        reader.sees("it is RUNNING on", "→ F7 goes back: it is ended")
        for key in ("S", "G"):
            await reader.press(key)
            reader.sees("✖ the session of P-2 runs in another console: it is ended and signed there")
    room.leave()


async def test_once_the_last_one_is_signed_the_next_line_leads_back(bench: Make, tmp_path: Path) -> None:
    """The list stayed, empty, beside the story of the one that was signed, and no key was named."""
    folder = tmp_path / "records" / "simulated" / "20261102T1620"
    broken_off(folder)
    view = read_home(tmp_path)
    async with bench(home_view=view) as b:
        reader = Reader(b)
        await reader.sign_in()
        await reader.follow("→ S signs")
        signature = (
            {"patient": "P-2", "utc": "2026-11-02T17:00:00"},
            {"signs_session": folder.name},
            {"operator": "PT1"},
        )
        lines = zip(("header", "note", "signature"), signature, strict=True)
        folder.with_name("20261102T1700").mkdir()
        (folder.with_name("20261102T1700") / "record.jsonl").write_text(
            "".join(
                json.dumps({"kind": kind, "fields": fields}, separators=(",", ":")) + "\n" for kind, fields in lines
            )
        )
        view.look_again()
        view.wait()
        await reader.wait(0.5)
        reader.sees("→ F7 goes back: nothing is left unfinished", "Nothing is left unfinished.")
        assert "P-2" not in reader.text
        await reader.follow("→ Enter opens P-2")


async def test_who_signs_in_sees_what_the_station_knows(bench: Make) -> None:
    """In 80 × 24 the page was a heading, a field and 15 empty rows."""
    async with bench(home_view=known_home()) as b:
        reader = Reader(b)
        reader.sees("This station", "P24 Science, id SIM0000000", "1 session did not end")
        assert "P-0" not in reader.text, "before anybody signed in nobody's pseudonym is shown"


async def test_the_device_page_says_what_the_stimulator_can_and_can_not(bench: Make) -> None:
    async with bench(size=(200, 60)) as b:
        await b.jump(Stage.DEVICE)
        await b.look(0.1)
        reader = Reader(b)
        reader.sees("This stimulator", "130 mA a channel", "notices a lost one from 15 mA on", "2 s without a word")
        rows = reader.rows[3:-4]
        assert not [n for n in range(len(rows) - 8) if not any(row.strip() for row in rows[n : n + 8])]


@pytest.mark.parametrize("language", ["en", "de"])
async def test_beside_a_simulator_with_nobody_on_its_pads_the_room_says_so(bench: Make, language: str) -> None:
    """`estim console` alone: a pad that came off and a switch that was pressed changed nothing, unsaid."""
    async with bench(size=(80, 24), empty_room=True, say=load(language)) as b:
        room = load(language)("action.room.label")
        assert f"H {room}" not in b.text, "letters are typed here"
        await b.sign_in()
        assert f"H {room}" in b.text
        await b.press("h")
        assert 'estim console --device "sim://p24?patient=foot-drop"' in b.text
        assert b.next.startswith("→ F7")
        await b.press("1")
        assert not [one for one in b.session.requests if isinstance(one, events.RoomAction)]
        await b.press("f7")
        assert not b.app.questions
        await b.press("f7")
        await b.sign_in("PT2")
        await b.press("h")
        assert "sim://p24?patient=foot-drop" in b.text, "whoever signs in next has the same room"


async def test_an_open_question_is_no_wait_and_a_search_that_finds_nobody_calls_nobody_new(bench: Make) -> None:
    """The room's list said "wait: the stimulator answers", and a search without a hit "No patient yet: N …"."""
    async with bench(home_view=returning()) as b:
        await b.sign_in()
        await b.press("slash")
        await b.type("xqzzv")
        assert "Nobody has these letters" in b.text
        assert "No patient yet" not in b.text
        await b.press("f7")
        await b.press("h")
        await b.look(0.2)
        assert "a pad of channel 1 comes off" in b.text
        assert "a digit takes what stands behind it, F7 closes this" in b.text
        assert "wait:" not in b.text

"""What was seen in pictures of a real console, and is no longer so."""

from __future__ import annotations

import pytest

from estim.console.draft import Stage
from estim.console.home_view import EmptyHome, HomeView
from estim.safety.reports import OutputState

from .by_screen import Reader
from .conftest import Make, returning
from .simulated import SimulatedSession


class BeingRead(EmptyHome):
    """A home of which nothing is known in the first moment."""

    def read(self) -> bool:
        return bool(self.done)


async def test_nobody_is_new_before_it_was_read_who_was_here(bench: Make) -> None:
    """P-001, who was here yesterday, was offered as a new patient's name while records were read."""
    view = BeingRead()
    async with bench(home_view=view) as b:
        reader = Reader(b)
        await reader.type("PT1")
        await reader.step()
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
        await reader.type("PT1")
        await reader.step()
        said, b.app.snapshot = b.app.snapshot, None
        b.app.draw()
        assert reader.named() is None, reader.text
        b.app.snapshot = said


async def test_a_name_that_was_just_taken_is_offered_to_nobody_else(bench: Make) -> None:
    """The record that was sealed a moment ago is read again later."""
    view: HomeView = EmptyHome()
    async with bench(home_view=view) as b:
        reader = Reader(b)
        await reader.type("PT1")
        await reader.step()
        await reader.follow("2/9")
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

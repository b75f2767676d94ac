"""What a therapist reads is meant: no time that nobody knows, no sentence of a current that is off, nothing cut off."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest
from textual.content import Content

from estim.console.cue import cue_of
from estim.console.draft import Stage
from estim.console.home_view import EmptyHome
from estim.console.language import ENGLISH, load
from estim.console.panel import hanging
from estim.console.scope import Trace, draw_scope
from estim.console.stages.plan import CONDITIONS
from estim.console.widgets import channel_lines, detail_line, practice_lines
from estim.safety.reports import OutputState
from estim.session.state import Cycle, Phase

from .by_screen import Reader
from .conftest import Make, returning
from .pictured import hold, practice, replaced, snapshot, view

if TYPE_CHECKING:
    from .conftest import Bench

S = 1_000_000
QUADRICEPS = "knee-replacement-quadriceps-early"


async def test_a_contraction_that_a_sensor_ends_is_counted_down_by_nobody(bench: Make) -> None:
    async with bench() as b:
        await b.running(1.0)
        for _ in range(60):
            shown = b.app.snapshot
            assert shown is not None
            if any(one.cycle in {Cycle.RAMP_UP, Cycle.HOLD} for one in shown.channels):
                cue = cue_of(shown, ENGLISH)
                assert (cue.word, cue.seconds_left) == ("GO ON", None)
                assert "next: off by the movement" in b.text, b.text
                return
            await b.look(0.1)
        raise AssertionError("the patient walks, and nothing contracted")


async def test_the_count_of_a_timed_contraction_ends_where_the_patient_lets_go(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.TREAT, protocol=QUADRICEPS, level_ma=20)
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        begun = left = None
        for _ in range(400):
            await b.look(0.1)
            shown = b.app.snapshot
            assert shown is not None
            cue = cue_of(shown, ENGLISH)
            if begun is None and shown.channels[0].cycle is Cycle.HOLD and cue.seconds_left is not None:
                begun, left = shown.now_us, shown.channels[0].turn_us
                assert f"next: let go in {cue.seconds_left} s" in b.text, b.text
            if begun is not None and shown.channels[0].cycle is Cycle.RAMP_DOWN:
                assert left is not None
                assert abs(shown.now_us - begun - left) < 0.3 * S
                return
        raise AssertionError(f"no contraction came to its end\n{b.text}")


def test_what_was_felt_of_a_current_is_not_said_of_none() -> None:
    strong = practice(says="That is strong.")
    off = snapshot(phase=Phase.CONFIGURED, practice=strong)
    said = " ".join(str(line) for line in practice_lines(off, ENGLISH, "H"))
    assert "strong" not in said
    assert "the output is off" in said
    on = " ".join(str(line) for line in practice_lines(hold(practice=strong), ENGLISH, "H"))
    assert "That is strong." in on


async def test_after_a_stop_the_patient_says_nothing_of_the_current_any_more(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.TREAT, level_ma=24)
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        b.session.room(type="walk", walks=True)
        for _ in range(80):
            await b.look(0.1)
            if "“" in b.text:
                break
        assert "“" in b.text, b.text
        await b.press("space")
        await b.look(1.0)
        assert "“" not in b.text, b.text
        assert "feels nothing, the output is off" in b.text


async def test_while_it_rests_the_next_line_says_what_plus_waits_for(bench: Make) -> None:
    async with bench() as b:
        await b.seek()
        await b.raise_by(2)
        for _ in range(100):
            shown = b.app.snapshot
            assert shown is not None
            if shown.channels[0].cycle is Cycle.REST and shown.phase is Phase.RUNNING:
                break
            await b.look(0.1)
        await b.look(0.1)
        assert b.next.startswith("· + waits: only while the contraction is held"), b.next
        assert "at rest just now" in b.text
        assert "0.0 acknowledged" not in b.text


def test_a_middle_that_is_no_whole_number_is_written_as_it_is() -> None:
    low = snapshot(1, channels=(view(1, level_ua=2_000, target_ua=2_000),), phase=Phase.RUNNING)
    drawn = draw_scope(Trace(), low, columns=60, rows=12, channel=1, back_s=15, ahead_s=5, protocol=None)
    assert [one for line in drawn if (one := line.plain[:6].replace("mA", "").strip(" ┤│"))][:3] == ["5", "2.5", "0"]


@pytest.mark.parametrize("rows", [3, 4, 6, 12])
def test_the_axis_of_the_lowest_plot_has_its_top_above_and_the_screens_word_for_now(rows: int) -> None:
    """Of two rows the upper one said 10 where the current stood at 17.5 of 20 mA."""
    shown = snapshot(1, channels=(view(1, level_ua=17_500, target_ua=17_500),), phase=Phase.RUNNING)
    drawn = draw_scope(
        Trace(), shown, columns=60, rows=rows, channel=1, back_s=15, ahead_s=5, protocol=None, now="jetzt"
    )
    assert drawn[0].plain.startswith("mA 20┤")
    assert drawn[-2].plain.startswith("    0┤")
    assert "jetzt" in drawn[-1].plain


def test_while_a_level_is_sought_nothing_counts_as_reached() -> None:
    """At 0 mA it said "1 of 1 reached, mean 100 %", where the marks belong."""
    sought = view(1, sent_ua=0, level_ua=3_000, contractions=3, reached=3)
    for purpose, counts in (("titration", False), ("low-rate", False), ("therapy", True)):
        shown = snapshot(1, channels=(sought,), purpose=purpose)
        told = " ".join(str(line) for line in channel_lines(shown, ENGLISH, chosen=1, columns=78, short=False))
        assert ("reached" in told) is counts
        assert ("S " in told) or counts


async def test_a_twitch_test_names_no_key_that_it_has_not(bench: Make) -> None:
    """S felt, M moves, T strongest stood there, and under the name of the levels; only W marks a twitch."""
    async with bench(size=(80, 24)) as b:
        await b.jump(Stage.LEVELS)
        await b.press("w")
        await b.look(0.3)
        assert b.text.splitlines()[2].startswith("─7/9 Twitch test")
        await b.follow(lambda: b.phase is Phase.RUNNING)
        for _ in range(60):
            await b.look(0.1)
            if b.next.startswith("→ +"):
                break
        assert b.next == "→ + raises; W where the muscle twitches"


def test_an_output_that_may_be_on_has_no_tick_beside_its_level() -> None:
    for output, mark in ((OutputState.UNCERTAIN, "?"), (OutputState.ON, "✓")):
        shown = snapshot(1, channels=(view(1, level_ua=13_000),), phase=Phase.FAULT, output=output)
        first = str(channel_lines(shown, ENGLISH, chosen=1, columns=78, short=True)[0])
        assert first.rstrip().endswith(mark), first


@pytest.mark.parametrize("columns", [52, 76, 110])
def test_that_a_lost_pad_would_not_be_noticed_is_never_left_out(columns: int) -> None:
    low = view(1, sent_ua=6_000, level_ua=6_000, lead_off_known=False, contractions=12, reached=12)
    assert "a lost pad is not noticed" in detail_line(low, ENGLISH, columns)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("language", ["en", "de"])
async def test_a_digit_and_its_condition_stay_together(bench: Make, size: tuple[int, int], language: str) -> None:
    say = load(language)
    async with bench(size=size, say=say) as b:
        await b.to(Stage.PLAN)
        await b.look(1.0)
        await b.look(1.0)  # a scroll bar that appears with the first look takes a column: the next one breaks rows anew
        shown = b.text.replace("\u00a0", " ")
        for number, name in enumerate(CONDITIONS, start=1):
            assert f"{number} {say.of('condition', name)}" in shown, shown


@pytest.mark.parametrize("columns", [12, 20, 46])
def test_what_goes_on_in_the_next_row_stands_under_its_words(columns: int) -> None:
    line = Content("▸ N     S02 Known or suspected thrombosis in the limb, or a hot red swollen calf?")
    rows = [one.plain for one in hanging(line, columns)]
    assert all(len(row) <= columns for row in rows)
    assert " ".join(" ".join(rows).split()) == " ".join(line.plain.split()) or columns == 12  # there words break
    assert all(row.startswith("  ") for row in rows[1:])
    plan = hanging(Content("plan   Foot drop: common peroneal FES during walking"), 30)
    assert [one.plain for one in plan[1:]] == ["       peroneal FES during", "       walking"]
    assert hanging(Content("short"), columns)[0].plain == "short"


def _table(b: Bench) -> list[str]:
    edge = b.app.query_one("#today").region
    return [line[edge.x : edge.x + edge.width] for line in b.lines()[edge.y : edge.y + edge.height]]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_patients_table_is_no_wider_than_its_panel(bench: Make, size: tuple[int, int]) -> None:
    async with bench(size=size, home_view=returning()) as b:
        await b.sign_in()
        await b.look(0.1)
        table = b.app.query_one("#today")
        assert table.virtual_size.width <= table.size.width, _table(b)
        assert any("P-042 right" in line and "2026-11-24" in line and "Foot" in line for line in _table(b))


async def test_an_empty_home_says_which_way_lies_ahead_and_what_is_to_practise(bench: Make) -> None:
    async with bench(size=(120, 40), home_view=EmptyHome()) as b:
        await b.sign_in()
        await b.look(0.1)
        for stage in Stage:
            assert ENGLISH(f"way.{stage.value}") in b.text, stage
        assert "Practice of PT1: 0 of 10" in b.text
        assert "· a pad comes off" in b.text


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_eight_channels_keep_their_names(size: tuple[int, int]) -> None:
    columns = {80: 76, 120: 70, 200: 84}[size[0]]
    lines = channel_lines(hold(8), ENGLISH, chosen=1, columns=columns, short=True)
    for line in lines:
        assert len(str(line)) <= columns, line
        assert "…" not in str(line).replace("0…", ""), line


async def test_the_page_to_sign_shows_what_happened_where_there_is_room(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.running(6.0)
        await b.press("e", "1")
        await b.look(0.5)
        await b.follow(lambda: b.at("outcome"))
        below = b.text.split("What happened", maxsplit=1)
        assert len(below) == 2, b.text
        assert re.search(r"\d+:\d\d +contraction \d+ given", below[1]), b.text


async def test_a_level_that_was_lost_with_its_pad_is_grey_and_in_force_nowhere(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.jump(Stage.TREAT, level_ma=24)
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        b.session.room(type="walk", walks=True)
        await b.look(3.0)
        b.session.room(type="pad", channel=1, do="lift")
        for _ in range(60):
            await b.look(0.1)
        assert "level lost, was 24.0 (grey): find it again" in b.text, b.text
        assert "of  24.0" not in b.text
        assert "T –" not in b.text


def test_a_rest_between_contractions_is_counted_to_its_end() -> None:
    rest = hold(countdown_us=4 * S, effort="join")
    one = replaced(rest.channels[0], cycle=Cycle.REST, turn_us=0)
    assert cue_of(dataclasses.replace(rest, channels=(one,))).seconds_left == 4


async def test_whoever_walks_is_asked_for_no_step_and_an_end_is_named_near_the_end(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.TREAT)
        reader = Reader(b)
        await reader.follow("H 5: the patient walks")
        await reader.step()
        named: list[str] = []
        while (b._view().given or 0) < 6:
            named.append((reader.named() or ("", ""))[0])
            await reader.wait(0.1)
        assert "H" not in named, "the next step comes by itself"
        assert "E" not in named, "a few steps of half an hour are no end"
        assert set(named) <= {"", "F"}, "at the strongest that was found nothing is to be pressed"
        b.session.room(type="walk", walks=False)
        await reader.wait(7.0)
        reader.sees("→ H 5: the patient walks")
        snapshot = b._view()
        b.session.overlay |= {"elapsed_us": snapshot.total_us * 96 // 100, "waits_for": ""}
        await reader.wait(0.1)
        await reader.step()  # how it feels is due first
        await reader.press("2")
        reader.sees("→ E ends the treatment where it was enough")

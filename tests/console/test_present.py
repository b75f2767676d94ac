"""Words, shapes and marks from snapshots: every state has its own, and unknown is never shown as off."""

from __future__ import annotations

import dataclasses
import re

import pytest

from estim.console import present
from estim.console.bigtext import FONT, ROWS, big, width
from estim.console.coach import cable_of, coach_lines, coached
from estim.console.cue import cue_of
from estim.console.keys import key_fields
from estim.console.language import ENGLISH, LANGUAGES
from estim.console.language import load as load_words
from estim.console.problem_words import problem_line
from estim.console.protocol_words import cycle_plot, detail_lines, matches, nearest_first
from estim.console.stages.pads import REGIONS
from estim.controller.interface import Takeover
from estim.lines.telling import Telling
from estim.protocols import library
from estim.protocols.atlas import svg, view_of
from estim.protocols.loader import load
from estim.protocols.muscles import muscles
from estim.safety.reports import OutputState
from estim.session.snapshot import Alarm
from estim.session.state import Cycle, Phase

from .pictured import hold, snapshot


@pytest.mark.hazard("H47")
def test_every_state_differs_in_word_not_in_colour_alone() -> None:
    seen = {present.state_of(snapshot(phase=phase), None).word for phase in Phase}
    assert len(seen) == len(Phase)
    shapes = {present.state_of(snapshot(phase=phase), None).shape for phase in Phase}
    assert len(shapes) >= 6


@pytest.mark.parametrize("phase", list(Phase))
def test_an_uncertain_output_is_said_in_every_phase(phase: Phase) -> None:
    state = present.state_of(snapshot(phase=phase, output=OutputState.UNCERTAIN), None)
    assert state.word == "OUTPUT UNCERTAIN"
    assert "USB cable" in state.detail


@pytest.mark.parametrize("phase", list(Phase))
def test_nothing_says_off_while_output_is_on(phase: Phase) -> None:
    line = present.state_of(snapshot(phase=phase, output=OutputState.ON), None).line
    if phase not in {Phase.READY, Phase.CONFIGURED}:  # the controller never shows these two with output on
        assert "output off" not in line


def test_no_word_from_the_controller_is_not_off() -> None:
    assert present.state_of(None, None).style == "uncertain"


def test_a_takeover_speaks_over_the_last_snapshot() -> None:
    lost = Takeover(cause="eof", output="UNCERTAIN", text="")
    assert present.state_of(hold(), lost).word == "OUTPUT UNCERTAIN"
    off = Takeover(cause="eof", output="OFF", text="")
    assert "OFF" in present.state_of(hold(), off).word


def test_the_banner_names_each_channel_or_their_highest() -> None:
    assert present.state_of(hold(2), None).detail == "ch1 23.0 mA · ch2 23.0 mA"
    assert present.state_of(hold(5), None).detail == "ch1,2,3,4,5 up to 23.0 mA"


@pytest.mark.parametrize(
    ("cycle", "word"),
    [(Cycle.RAMP_UP, "PULL"), (Cycle.HOLD, "HOLD"), (Cycle.RAMP_DOWN, "LET GO"), (Cycle.REST, "REST")],
)
def test_cues_of_the_cycle(cycle: Cycle, word: str) -> None:
    base = hold(cue="Work along")
    view = dataclasses.replace(base.channels[0], cycle=cycle)
    assert cue_of(dataclasses.replace(base, channels=(view,))).word == word


def test_cues_beside_the_cycle() -> None:
    assert cue_of(None).word == ""
    assert cue_of(snapshot(phase=Phase.PAUSED)).word == "OFF"


def test_sensory_output_asks_for_no_contraction() -> None:
    base = hold()
    view = dataclasses.replace(base.channels[0], output="sensory")
    assert cue_of(dataclasses.replace(base, channels=(view,))).word == "FEEL"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cue_can_be_written_large(language: str) -> None:
    say = load_words(language)
    for name in say.names("cue"):
        word = say(f"cue.{name}").replace(",", "")
        assert set(word) <= set(FONT), word
        assert len({len(row) for row in big(word)}) == 1
        assert len(big(word)) == ROWS
        assert width(f"{word}  120") <= 120
        assert any(word.replace(" ", "") in row.replace(" ", "") for row in big(word, 4))


@pytest.mark.hazard("H12")
def test_times_and_currents_round_to_the_safe_side() -> None:
    assert present.clock(59_999_999) == "0:59"
    assert present.clock(-5) == "0:00"
    assert present.seconds(1) == "1 s"
    assert present.seconds(0) == "0 s"
    assert present.milliamps(23_500) == "23.5 mA"
    assert present.short_ma(None) == "–"


def test_a_bar_fills_to_what_is_sent_and_marks_the_level() -> None:
    view = dataclasses.replace(hold().channels[0], cap_ua=40_000, level_ua=20_000, sent_ua=10_000)
    drawn = present.bar(view, 41)
    assert drawn == "█" * 10 + "·" * 10 + "│" + "·" * 19 + "▏"
    full = present.bar(dataclasses.replace(view, sent_ua=40_000), 41)
    assert full == "█" * 40 + "▏"


@pytest.mark.hazard("H46")
def test_alarms_are_sorted_and_marked() -> None:
    given = tuple(Alarm(code=priority, priority=priority, text="x") for priority in ("info", "low", "high", "medium"))
    shown = present.alarms_shown(snapshot(alarms=given), None)
    assert [present.alarm_line(alarm) for alarm in shown] == ["!!! x", "!! x", "! x", "i x"]
    seen = Alarm(code="a", priority="high", text="x", acknowledged=True, active=False)
    assert present.alarm_line(seen) == "!!! x · seen · cause gone"


def test_an_unknown_priority_counts_as_the_loudest() -> None:
    odd = Alarm(code="a", priority="purple", text="x")
    assert present.alarm_line(odd).startswith("!!!")
    low = Alarm(code="b", priority="low", text="y")
    assert present.alarms_shown(snapshot(alarms=(low, odd)), None)[0] is odd


def test_a_late_lease_is_named() -> None:
    assert not any("LATE" in line for line in present.lease_lines(snapshot()))
    assert any("1500 ms LATE" in line for line in present.lease_lines(snapshot(lease_us=(0, 1_500_000, 0, 0))))


@pytest.mark.parametrize("cause", [*ENGLISH.names("coach"), "something-new"])
def test_every_fault_has_steps_and_names_the_cables(cause: str) -> None:
    snap = snapshot(2, phase=Phase.FAULT, cause=cause)
    assert coached(snap)
    lines = coach_lines(snap, ENGLISH.with_fields(**key_fields({})))
    assert any(line.startswith("1. ") for line in lines)
    assert "   → channel 2, hamstrings left, yellow plug, blue lead" in lines
    assert not any("{" in line for line in lines)


def test_an_uncertain_output_has_its_own_steps_whatever_the_cause() -> None:
    lines = coach_lines(snapshot(phase=Phase.FAULT, cause="lead-off", output=OutputState.UNCERTAIN))
    assert any("pull the P24's USB cable" in line for line in lines)
    assert any("2 s without word" in line for line in lines)


@pytest.mark.hazard("H08")
def test_cables_by_device() -> None:
    assert cable_of("rehastim2", 2) == "blue lead, side A"
    assert cable_of("rehastim2", 8) == "white lead, side B"
    assert cable_of("p24", 5) == "green plug, red lead"
    assert cable_of("rehamove3", 3) == "black lead"
    assert cable_of("rehamove3", 5) == "output 5"
    assert cable_of("something new", 3) == "output 3"


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("region", REGIONS)
def test_the_atlas_shows_two_pads_and_mirrors_the_other_side(region: str, side: str) -> None:
    view = view_of(region, side, ("proximal, outer side", "distal, outer side"))
    other = view_of(region, "left" if side == "right" else "right", ("proximal, outer side", "distal, outer side"))
    assert len(view.pads) == 2
    assert view.lines
    assert [round(1 - x, 6) for x, _ in view.pads] == [round(x, 6) for x, _ in other.pads]
    assert view_of(region, "", ()).pads == ()
    assert svg(view, title="a & b", words=("x", "y")).count("<rect") == 2


@pytest.mark.parametrize("name", sorted(muscles()))
def test_every_place_of_the_vocabulary_has_its_two_points(name: str) -> None:
    muscle = muscles()[name]
    for place in muscle.placements:
        pads = view_of(muscle.region or "thigh", "right", place.pads).pads
        if name in {
            "thenar",
            "hand-intrinsics",
            "abdominals",
            "tensor-fasciae-latae",
        }:  # one pad in front and one behind: words alone
            assert pads == ()
            continue
        assert len(pads) == 2
        (x0, y0), (x1, y1) = pads
        assert abs(x0 - x1) + abs(y0 - y1) > 0.15, "two pads that lie on each other are none"


@pytest.mark.parametrize("name", library.names())
def test_every_protocol_of_the_library_can_be_shown_and_found(name: str) -> None:
    protocol = load(library.path(name))
    lines = detail_lines(protocol, week=1, columns=60)
    assert lines[0] == protocol.title
    assert any(line.startswith("Evidence") for line in lines)
    assert any(line.startswith("Basis") for line in lines)
    assert matches(protocol, protocol.title.split()[0])
    assert matches(protocol, "")
    assert not matches(protocol, "zebra")
    for phase in protocol.phase:
        assert cycle_plot(phase, 40)


def test_what_has_the_words_in_its_title_comes_first() -> None:
    protocols = {name: load(library.path(name)) for name in library.names()}
    found = nearest_first(protocols, "foot drop")
    assert found[0] == "stroke-foot-drop-peroneal"
    assert "parkinson-peroneal-gait" in found
    assert nearest_first(protocols, "") == list(library.names())


@pytest.mark.parametrize(
    ("words", "one"),
    [
        ("Schlaganfall", "stroke-foot-drop-peroneal"),
        ("Kreuzband", "acl-quadriceps-isometric-flexed"),
        ("Knieprothese", "knee-replacement-quadriceps-early"),
        ("Knie Kraft", "knee-quadriceps-high-intensity"),
        ("Oberschenkel", "knee-replacement-quadriceps-early"),
        ("Wadenbein", "stroke-foot-drop-peroneal"),
        ("Querschnitt", "spinal-cord-injury-abdominal"),
    ],
)
def test_a_german_search_finds_by_the_words_that_the_german_screen_says(words: str, one: str) -> None:
    """Schlaganfall stood behind the digit 1, and found nothing."""
    protocols, say = {name: load(library.path(name)) for name in library.names()}, load_words("de")
    assert one in nearest_first(protocols, words, say)
    assert len(nearest_first(protocols, words, say)) < len(protocols)
    assert "stroke-foot-drop-peroneal" in nearest_first(protocols, "foot drop", say), "the author's words as before"


def test_a_german_screen_names_conditions_and_regions_in_german() -> None:
    say = load_words("de")
    for name in library.names():
        protocol = load(library.path(name))
        assert all(say.has(f"condition.{each}") for each in protocol.conditions), protocol.conditions
    told = "\n".join(detail_lines(load(library.path("knee-replacement-quadriceps-early")), week=1, columns=80, say=say))
    assert "Knieprothese" in told
    assert "(Oberschenkel)" in told
    assert not re.search(r"knee-replacement|\(thigh\)", told)


def test_a_search_word_is_the_beginning_of_a_word() -> None:
    found = [name for name in library.names() if matches(load(library.path(name)), "tens")]
    assert "tens-conventional-pain" in found
    assert all("tens" in name or "carpal" in name for name in found), found


def test_a_cycle_is_drawn_to_scale() -> None:
    phase = load(library.path("knee-replacement-quadriceps-early")).phase[0]
    drawn = cycle_plot(phase, 60)
    assert (drawn.count("╱"), drawn.count("━"), drawn.count("╲"), drawn.count("·")) == (3, 11, 1, 45)


def test_a_problem_names_asked_allowed_rule_and_layer() -> None:
    line = problem_line(
        {
            "severity": "refuse",
            "message": "too fast.",
            "asked": 180,
            "allowed": 150,
            "unit": "Hz",
            "rule": "L4",
            "layer": "absolute",
            "source": "x",
        }
    )
    assert line == "✖ refused: too fast. Asked 180 Hz. Allowed 150 Hz. (L4 · absolute · x)"
    assert problem_line({"severity": "warn", "message": "look"}) == "! note: look"


def test_lines_say_an_alarm_again_when_it_happens_again() -> None:
    printed: list[str] = []
    telling = Telling(printed.append)
    lost = Alarm(code="lead-off", priority="medium", text="a pad is off")
    over = dataclasses.replace(lost, active=False)
    for alarms in ((lost,), (lost,), (over,), (), (lost,), (over,), (lost,)):
        telling.tell(snapshot(alarms=alarms))
    assert [line for line in printed if "pad" in line] == ["  !! a pad is off"] * 3

"""The stop keys: the gate's rule by itself, a stop from every stage, and the terminal's bytes before any parser."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estim.console.draft import Stage
from estim.console.stop_gate import StopGate, StopPressed, is_stop_key
from estim.console.terminal import Ear, KeyPress
from estim.controller.interface import Takeover
from estim.controller.terminal_keys import ESCAPE_S, Intake
from estim.controller.terminal_reports import F12_REPORTS, Mouse, Press
from estim.safety.reports import OutputState
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

from .conftest import Make
from .pictured import snapshot

STOP_NAMES = ["space", "escape", "f12", "shift+space", "shift+f12", "ctrl+@", "ctrl+space", "alt+a", "alt+space"]
SPACES = ["\u00a0", "\u3000", "\u2003", "\u202f", "\u1680", "\u205f", "\u2028", "\u180e", " "]


@pytest.mark.parametrize("key", STOP_NAMES)
def test_every_name_of_a_stop_key_is_one(key: str) -> None:
    assert is_stop_key(key)


@pytest.mark.parametrize("key", ["a", "f1", "f2", "enter", "ctrl+q", "shift+a", "plus", "0", "at"])
def test_other_keys_are_none(key: str) -> None:
    assert not is_stop_key(key)


class Client:
    """Notes the stops."""

    def __init__(self) -> None:
        self.stops: list[str] = []
        self.snapshot: Snapshot | None = None
        self.takeover: Takeover | None = None

    def stop(self, source: str) -> int:
        self.stops.append(source)
        return len(self.stops)


class Gate:
    """A gate, with the changes that it told."""

    def __init__(self) -> None:
        self.client = Client()
        self.told: list[bool] = []
        self.gate = StopGate(self.client, lambda: self.told.append(self.gate.closed))  # type: ignore[arg-type]

    def observe(self, takeover: Takeover | None = None, **changed: Any) -> None:
        self.gate.observe(snapshot(**changed), takeover)


def test_closed_until_the_first_snapshot_that_proves_off() -> None:
    one = Gate()
    assert one.gate.closed
    one.gate.observe(None, None)
    assert one.gate.closed
    assert one.gate.press("space")
    assert one.client.stops == ["key"]
    one.observe()
    assert not one.gate.closed
    assert not one.gate.press("space")
    assert one.told == [False]


def test_opens_only_on_the_answer_to_its_own_request() -> None:
    one = Gate()
    one.observe(answered=4)
    one.gate.close(7)
    one.observe(answered=6)  # still the old picture: the request is on its way
    assert one.gate.closed
    one.observe(answered=7)
    assert not one.gate.closed
    assert one.told == [False, True, False]


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("output", list(OutputState))
def test_open_exactly_where_output_is_off_and_can_not_come(phase: Phase, output: OutputState) -> None:
    one = Gate()
    one.observe(phase=phase, output=output)
    proved = output is OutputState.OFF and phase not in {Phase.ARMED, Phase.RUNNING, Phase.PAUSED, Phase.STOPPING}
    assert one.gate.closed is not proved


def test_after_a_takeover_only_its_own_word_counts() -> None:
    one = Gate()
    one.observe(takeover=Takeover(cause="eof", output="UNCERTAIN", text=""))
    assert one.gate.closed
    one.observe(takeover=Takeover(cause="eof", output="OFF", text=""), phase=Phase.RUNNING, output=OutputState.ON)
    assert not one.gate.closed


def never_out(*, asked: int = 0, takeover: Takeover | None = None, seen: Snapshot | None = None) -> bool:
    one = Gate()
    one.client.snapshot, one.client.takeover = seen, takeover
    if asked:
        one.gate.close(asked)
    return one.gate.never_out


def test_nothing_was_put_out_where_no_stimulator_ever_answered_and_none_was_asked_to() -> None:
    silent = snapshot(phase=Phase.DISCONNECTED, output=OutputState.UNCERTAIN, identified=False)
    assert never_out()
    assert never_out(seen=silent)
    assert not never_out(seen=silent, asked=1), "output was asked for"
    assert not never_out(seen=dataclasses.replace(silent, output=OutputState.ON)), "it says that it is on"
    assert not never_out(seen=dataclasses.replace(silent, identified=True)), "it was there, and what it does is unknown"
    looking = Takeover(cause="eof", output="UNCERTAIN", text="", settled=False)
    assert not never_out(seen=silent, takeover=looking), "it is still being found out"
    assert never_out(seen=silent, takeover=dataclasses.replace(looking, settled=True))


def test_a_controller_that_could_not_begin_leaves_nothing_to_stop() -> None:
    one = Gate()
    one.gate.observe(None, None)
    assert one.gate.closed, "it may still begin"
    one.gate.observe(None, None, fatal="no port")
    assert not one.gate.closed
    one.client.snapshot = snapshot(output=OutputState.ON)
    one.gate.observe(one.client.snapshot, None, fatal="no port")
    assert one.gate.closed, "a controller that spoke had begun"


@pytest.mark.hazard("H40")
@pytest.mark.parametrize("stage", list(Stage))
async def test_stop_from_every_stage(bench: Make, stage: Stage) -> None:
    """Whatever stands on the screen, also a field that is typed in, help, a question or the palette over it."""
    async with bench() as b:
        b.app.draft.signed_in = stage is not Stage.HOME
        b.app.go(stage)
        await b.look(0.1)
        b.session.overlay |= {"phase": Phase.RUNNING, "output": OutputState.ON}
        await b.look(0.1)
        for opens in ("", "slash", "f1", "h", "f10", "ctrl+q"):
            if opens:
                await b.press(opens)
            for key in ("space", "f12", "escape"):
                before = len(b.session.stops)
                await b.send(key, " " if key == "space" else None)
                assert len(b.session.stops) == before + 1, (stage, opens, key)
                assert "SPACE = STOP" in b.banner


# -- the terminal's bytes ---------------------------------------------------------------------------------------------


def stops(data: bytes, *, wait_s: float = 1.0) -> bool:
    intake = Intake()
    return any(token.stops for token in [*intake.feed(data, 0.0), *intake.tick(wait_s)])


@pytest.mark.parametrize(("report", "terminal"), F12_REPORTS)
def test_every_spelling_of_f12_stops(report: bytes, terminal: str) -> None:
    assert terminal
    assert stops(report)
    intake = Intake()  # and cut by a slow line, in two reads
    for at in range(1, len(report)):
        intake = Intake()
        found = [*intake.feed(report[:at], 0.0), *intake.tick(0.25), *intake.feed(report[at:], 0.3), *intake.tick(1.0)]
        assert any(token.stops for token in found), (report, at)


@pytest.mark.parametrize("space", SPACES)
def test_every_space_of_unicode_stops_whole_and_cut_by_a_slow_line(space: str) -> None:
    data = space.encode()
    assert stops(data)
    assert stops(b"\xa0")  # as Latin-1 has it
    for at in range(1, len(data)):
        intake = Intake()
        assert not [*intake.feed(data[:at], 0.0), *intake.tick(0.25), *intake.tick(2.0)]
        assert [token.stops for token in intake.feed(data[at:], 3.0)] == [True]


@pytest.mark.parametrize(
    "data",
    [b"\x1b[0;;12288u", b"\x1b[97;3;160u", b"\x1b[1089::32;1u", b"\x1b[27;2;160~", b"\x1b[0;0;32;1;0;1_",
     b"\x1b[231;0;12288;1;0;1_", b"\x1b[0;0;27;1;0;1_", b"\x1bO ", b"\x9b32;2u"],
)  # fmt: skip
def test_a_space_that_a_terminal_tells_by_its_number_stops(data: bytes) -> None:
    assert stops(data)  # an input method's text, another layout's bar, Option and a, Windows' typed and pasted letters


@pytest.mark.parametrize("data", [b"\x1b[99~", b"\x1b[25;2~", b"\x1b[25$", b"\x1b[33^", b"\x1b[194z", b"\x1b[013q"])
def test_a_function_key_that_is_in_no_table_stops_and_its_late_end_is_no_key(data: bytes) -> None:
    assert stops(data)
    intake = Intake()
    assert intake.feed(data[:-2], 0.0) == []
    assert [token.stops for token in intake.tick(0.25)] == [True]
    assert not any(isinstance(token, Press) for token in intake.feed(data[-2:], 0.3))


@pytest.mark.parametrize("begun", [b"\x1bP", b"\x1b]0;", b"\x1b_G", b"\x1b[M", b"\x1b[200~ab"])
@pytest.mark.parametrize("report", [report for report, _ in F12_REPORTS if b"[" in report])
def test_f12_is_found_within_what_has_no_end(begun: bytes, report: bytes) -> None:
    intake = Intake()
    intake.feed(begun, 0.0)
    assert any(token.stops for token in [*intake.feed(report, 0.05), *intake.tick(0.2)])


def test_half_a_letter_is_one_when_its_late_end_comes() -> None:
    intake = Intake()
    assert [*intake.feed(b"caf\xc3", 0.0)[3:], *intake.tick(0.3)] == []
    assert intake.feed(b"\xa9", 0.5) == [Press("é", "é")]


@pytest.mark.parametrize(
    "data",
    [b"\xfc", b"\x1b[M \xf0%", b"\x1b[97;1:3u", b"\x1b[?62;22c", b"\x1bP>|tmux 3.4\x1b\\", b"\x1b[0n", b"\x1b[I",
     b"\x1b[<0;10;5M", b"\xe3\x80", b"\x1b[?2026;2$y", b"\x1b]11;rgb:1/1/1\x07", b"abc+-1\r\t\x7f",
     b"\x1b[A", b"\x1bOP"],
)  # fmt: skip
def test_what_is_no_stop_is_none_and_terminals_own_words_are_no_keys(data: bytes) -> None:
    assert not stops(data)
    presses = [token for token in Intake().feed(data, 0.0) if isinstance(token, Press) and token.how != "release"]
    if data[:1] == b"\x1b" and data not in {b"\x1b[A", b"\x1bOP"}:
        assert presses == []


def test_what_stays_unfinished_stops_and_its_late_end_is_no_key() -> None:
    intake = Intake()
    assert intake.feed(b"\x1b[2", 0.0) == []
    assert [token.stops for token in intake.tick(0.25)] == [True]
    assert intake.feed(b"4~", 0.3) == []
    intake = Intake()
    found = intake.feed(b"\x1b[200~ab", 0.0)
    assert not any(token.stops for token in found)
    assert [token.stops for token in intake.tick(0.3)] == [True]
    assert any(token.stops for token in intake.feed(b" ", 0.4))


@given(st.lists(st.binary(max_size=12), max_size=6), st.sampled_from([b" ", b"\x1b[24~", "\u3000".encode()]))
def test_no_state_of_the_ear_swallows_a_stop(before: list[bytes], stop: bytes) -> None:
    intake, now_s = Intake(), 0.0
    for data in before:
        intake.feed(data, now_s)
        now_s += 0.02
        intake.tick(now_s)
    found = [*intake.feed(stop, now_s), *intake.tick(now_s + 2 * ESCAPE_S)]
    assert any(token.stops for token in found)


@given(st.binary(max_size=200))
def test_no_byte_fails(data: bytes) -> None:
    intake = Intake()
    for at in range(0, len(data), 7):
        for token in intake.feed(data[at : at + 7], at * 0.01):
            assert isinstance(token.stops, bool)
            if isinstance(token, Mouse):
                assert token.x >= 0
        intake.tick(at * 0.01 + 0.005)


def test_the_ear_hands_stops_on_at_once_and_counts_what_came_together() -> None:
    one = Gate()
    now = [0.0]
    ear = Ear(one.gate, clock=lambda: now[0])
    ear.feed(b"\x1b[0n")
    assert ear.answered
    assert [type(message) for message in ear.feed(b"a b")] == [StopPressed]
    assert one.client.stops == ["key"]
    keys = [message for message in ear.rest() if isinstance(message, KeyPress)]
    assert [(key.key, key.arrival.together) for key in keys] == [("a", 2), ("b", 2)]
    one.observe()  # off: a space types
    ear.feed(b" ")
    assert [message.key for message in ear.rest() if isinstance(message, KeyPress)] == ["space"]


replaced = dataclasses.replace

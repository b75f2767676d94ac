"""What the door says of the clock is said before the first question, and asked; the day it was is not forgotten."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from estim import api
from estim.controller.interface import Answer
from estim.desk.script import ScriptedTherapist
from estim.lines.played import play
from estim.lines.typed import refusal_of
from estim.protocols.setup import Setup
from estim.records.home import Home
from estim.session import events
from estim.session.state import Phase
from tests.console.pictured import snapshot
from tests.records.build import session
from tests.system.typed import TypedSession

PROTOCOL = "knee-replacement-quadriceps-early"
TODAY = {"quadriceps-femoris/left": 2}


class Answering:
    """A controller that lets in and says something with it; then it is gone, as far as this test goes."""

    takeover = None

    def __init__(self, note: dict[str, str]) -> None:
        self.note, self.fatal = note, ""
        self.snapshot = snapshot(phase=Phase.READY)
        self.answers: tuple[Answer, ...] = ()

    def next_id(self) -> int:
        return 1

    def send(self, request: events.Request) -> None:
        if isinstance(request, events.SignIn):
            self.answers = (Answer(id=request.id, accepted=True, problems=(self.note,)),)

    def poll(self) -> tuple[Answer, ...]:
        answers, self.answers = self.answers, ()
        self.fatal = "gone" if answers else ""
        return answers

    def heartbeat(self) -> None:
        """Nobody judges it."""

    def stop(self, source: str) -> int:
        return len(source)

    def close(self) -> None:
        """Nothing to close."""


def later() -> datetime.datetime:
    """The last record was written at a time that this computer's clock has not reached yet."""
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=3)


def lines(folder: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in (folder / "record.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize(("answer", "goes_on"), [("no", False), ("yes", True)])
def test_a_clock_that_went_back_is_said_and_asked_before_the_first_question(
    tmp_path: Path, answer: str, *, goes_on: bool
) -> None:
    home = Home(tmp_path / "home")
    before = session(home, "P-1", at=later(), simulated=False)
    one = TypedSession(home.root)
    try:
        one.until(lambda: b"[yes/no] " in one.heard, "a question")
        said = one.heard.decode()
        assert f"the clock went back: the session {before.name}" in said.replace("\r\n", "")
        assert said.rstrip().endswith("Was that seen, and shall this session go on? [yes/no]")
        one.heard = b""
        one.type(f"{answer}\n")
        if goes_on:
            one.hear("[yes/no] ")  # the screening's first
        else:
            one.until(lambda: one.code is not None, "it ends")
            assert one.code != 0
            assert b"[yes/no]" not in one.heard
        (folder,) = set(home.records(simulated=False).glob("*Z-*")) - {before}
        assert lines(folder)[0]["fields"]["minutes_today"] == TODAY
        assert [line["kind"] for line in lines(folder)][:2] == ["header", "note"]
    finally:
        one.close()


def test_a_session_of_today_that_is_gone_lets_nobody_in_before_anything_is_asked(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    folder = session(home, "P-1", at=datetime.datetime.now(datetime.UTC), simulated=False)
    (folder / "record.jsonl").unlink()
    one = TypedSession(home.root)
    try:
        one.until(lambda: one.code is not None, "it ends")
        assert one.code != 0
        assert b"counts as all that a day allows" in one.heard.replace(b"\r\n", b"")
        assert b"[yes/no]" not in one.heard
    finally:
        one.close()


def test_a_script_hears_what_the_door_says(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    session(home, "K-1", at=later())
    heard: list[tuple[str, str]] = []
    with api.session(
        PROTOCOL, patient="K-1", home=home.root, on_event=lambda kind, text: heard.append((kind, text))
    ) as one:
        (note,) = one.notes
        folder = Path(one.snapshot.record_path)
    assert note.startswith("the clock went back: the session ")
    assert ("note", note) in heard
    assert lines(folder)[0]["fields"]["minutes_today"] == TODAY


def test_a_played_session_says_it_and_keeps_it_for_the_result() -> None:
    note = {"severity": "warn", "key": "sign-in", "message": "the clock went back: once"}
    client = Answering(note)
    setup = Setup(patient_id="K-1", channels=())
    person = ScriptedTherapist(source="", setup=setup, levels_ua={}, motor_ua={}, next_id=client.next_id)
    said: list[str] = []
    play(client, person, say=said.append)
    assert "  ! the clock went back: once" in said
    assert person.noted == (note,)


class Refusing(Answering):
    """One that lets nobody in."""

    def send(self, request: events.Request) -> None:
        why = self.note if isinstance(request, events.SignIn) else {"key": "sign", "message": "no open session"}
        self.answers = (Answer(id=request.id, accepted=False, problems=(why,)),)

    def poll(self) -> tuple[Answer, ...]:
        answers, self.answers = self.answers, ()
        return answers


def test_a_played_session_that_is_not_let_in_says_why_and_nothing_else() -> None:
    why = {"severity": "refuse", "key": "sign-in", "message": "patients.json: can't be read"}
    client = Refusing(why)
    setup = Setup(patient_id="K-1", channels=())
    person = ScriptedTherapist(source="", setup=setup, levels_ua={}, motor_ua={}, next_id=client.next_id)
    play(client, person, say=lambda _: None)
    assert person.done
    assert person.refused == (why,)


OVERTAKEN = {"severity": "refuse", "key": "start", "message": "not armed (it is STOPPING)"}


def test_what_a_stop_overtook_is_said_to_be_stopped() -> None:
    assert refusal_of(Answer(id=1, accepted=False, problems=(OVERTAKEN,))) == ["stopped: output is going off"]
    unready = {**OVERTAKEN, "message": "not armed (it is READY)"}
    assert refusal_of(Answer(id=1, accepted=False, problems=(unready,))) == ["refused: start: not armed (it is READY)"]
    assert refusal_of(Answer(id=1, accepted=True)) == []


def test_a_script_whose_start_a_stop_overtook_ends_as_stopped_and_was_refused_nothing() -> None:
    client = Answering(OVERTAKEN)
    setup = Setup(patient_id="K-1", channels=())
    person = ScriptedTherapist(
        source="", setup=setup, levels_ua={}, motor_ua={}, next_id=client.next_id, _stage="run", _waiting=1
    )
    person.replied(Answer(id=1, accepted=False, problems=(OVERTAKEN,)))
    assert person.act(snapshot(phase=Phase.STOPPING)) == []
    (request,) = person.act(snapshot(phase=Phase.CONFIGURED, patient_id="K-1"))
    assert isinstance(request, events.Sign)
    assert (person.outcome, person.refused) == ("stopped", ())

"""Words and efforts of a scripted session whose patient must try, join or do the task: the real engine, drawn time."""

from __future__ import annotations

import itertools
from dataclasses import replace

from estim.care.drills import drills
from estim.desk.acting import VirtualPatient
from estim.desk.cue_word import LINE_WORDS, WORDS, cue_word
from estim.desk.drill_session import repetition_words
from estim.protocols.catalogue import load_runnable
from estim.session import events
from estim.session.snapshot import Snapshot
from estim.session.state import Cycle
from tests.session.desk import Desk


def ready(source: str) -> Desk:
    desk = Desk(source)
    desk.triggered()
    return desk


def said(requests: list[events.Request]) -> list[object]:
    return [
        (one.message["type"], one.message.get("percent", one.message.get("cadence")))
        if isinstance(one, events.RoomAction)
        else type(one).__name__
        for one in requests
    ]


def patient(source: str, cadence: int | None = None) -> VirtualPatient:
    numbers = itertools.count(1)
    return VirtualPatient(protocol=load_runnable(source)[0], next_id=lambda: next(numbers), cadence_per_min=cadence)


def test_who_must_try_tries_and_reads_so_and_who_may_not_be_heard_rests() -> None:
    desk = ready("stroke-wrist-emg-triggered")
    waiting = desk.look()
    assert (cue_word(waiting), waiting.waits_for) == ("try-now", "emg")
    person = patient("stroke-wrist-emg-triggered")
    assert said(person.act(waiting)) == [("effort", 100)]
    assert person.act(waiting) == [], "not twice in one breath"
    refractory = replace(waiting, waits_for="", now_us=waiting.now_us + 10_000_000)
    assert cue_word(refractory) == "rest"
    assert person.act(refractory) == []
    for cycle, word in ((Cycle.RAMP_UP, "keep-trying"), (Cycle.HOLD, "good-hold"), (Cycle.RAMP_DOWN, "let-go")):
        assert cue_word(in_cycle(waiting, cycle)) == word


def in_cycle(snapshot: Snapshot, cycle: Cycle, effort: str = "") -> Snapshot:
    channels = tuple(replace(view, cycle=cycle, sent_ua=5_000) for view in snapshot.channels)
    return replace(snapshot, channels=channels, effort=effort or snapshot.effort, waits_for="")


def test_who_relaxes_does_nothing_and_who_joins_pulls_once_with_each_contraction() -> None:
    waiting = ready("stroke-wrist-emg-triggered").look()
    person = patient("stroke-wrist-emg-triggered")
    relaxed = in_cycle(waiting, Cycle.RAMP_UP, "relax")
    assert (cue_word(relaxed), person.act(relaxed)) == ("let-it-work", [])
    rising = in_cycle(waiting, Cycle.RAMP_UP, "join")
    assert cue_word(rising) == "pull"
    assert said(person.act(rising)) == [("effort", 60)]
    assert person.act(rising) == []
    assert person.act(in_cycle(waiting, Cycle.HOLD, "join")) == []
    assert said(person.act(rising)) == [("effort", 60)]


def test_a_task_is_walked_ridden_or_pressed_at_the_cadence_that_is_said() -> None:
    walking = ready("stroke-foot-drop-peroneal").look()
    assert cue_word(walking) == "task"
    person = patient("stroke-foot-drop-peroneal", 80)
    assert said(person.act(walking)) == [("walk", 80)]
    assert person.act(walking) == []
    assert said(person.act(replace(walking, purpose="titration"))) == [("walk", None)], "stands still again"
    pressed = ready("arm-reach").look()
    assert said(patient("arm-reach").act(pressed)) == ["PressTrigger"]


def test_a_repetition_says_the_exercise_s_cue_unless_the_patient_shall_relax() -> None:
    assert repetition_words("quad-set", 3, 15, "join") == f"  repetition 3 of 15: {drills()['quad-set'].cue}"
    assert "by the current alone" in repetition_words("quad-set", 3, 0, "relax")
    assert drills()["quad-set"].cue not in repetition_words("quad-set", 3, 0, "relax")


def test_each_word_has_its_words() -> None:
    assert set(WORDS) <= set(LINE_WORDS)

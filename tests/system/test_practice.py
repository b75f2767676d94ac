"""A whole practice session as in docs/practice.md: a new therapist, the foot-drop patient, the real console."""

from __future__ import annotations

from pathlib import Path

import pytest

from estim.console.draft import Stage
from estim.records.verify import verify_session
from tests.support import PLACE_OF
from tests.system import therapist
from tests.system.conftest import wait_until
from tests.system.machine import once_more
from tests.system.terminal import Tty
from tests.turns import its_turn


def peak(tty: Tty, seconds: float) -> tuple[int, int]:
    """Strongest force in N of the next seconds, and the fatigue in % at their end."""
    found = [therapist.practice(tty) for _ in range(round(seconds / 0.05))]
    return max(force for force, _ in found), found[-1][1]


# Two minutes at a person's pace, as a new patient's printed way at either size (test_ways): one of the three a day.
@pytest.mark.skipif(not its_turn(3, 4), reason="a printed way is walked whole on the other days")
def test_levels_by_asking_steps_fatigue_and_a_lost_pad(tmp_path: Path) -> None:
    once_more(tmp_path, _practised)


def _practised(tmp_path: Path) -> None:
    tty = Tty("console", "--device", "sim://p24?patient=foot-drop&seed=1", home=tmp_path, columns=120, rows=40)
    try:
        therapist.sign_in(tty, "P-042")
        therapist.choose(tty, "foot drop", side="r")  # the nearest one is the first: no choosing
        therapist.screen(tty)
        therapist.place(tty)
        therapist.try_device(tty)
        marks = therapist.ask_for_levels(tty)
        assert [key for key, _ in marks] == ["s", "m", "t"]  # felt, then it moves, then strong: in words of the patient

        therapist.follow(tty, lambda text: "RUNNING" in text)
        tty.wait(lambda: therapist.practice(tty)[0] == 0, what="the last level's twitch is over")
        assert peak(tty, 2.0)[0] == 0  # nothing before the first step
        therapist.in_the_room(tty, "the patient walks")
        tty.sees("STIM ON")
        force_n, tired = peak(tty, 6.0)
        assert force_n > 5
        for _ in range(4):
            later_n, more_tired = peak(tty, 5.0)
        assert more_tired > tired
        assert later_n < force_n

        therapist.in_the_room(tty, "comes off")
        tty.sees("The way back")
        tty.sees("red lead")  # of the yellow plug, wherever the line breaks
        assert "PAUSED" in tty.picture.text
        therapist.in_the_room(tty, "is put back")
        # What is named is taken: the alarm, then back from 0 mA.
        therapist.follow(tty, lambda text: PLACE_OF[Stage.LEVELS] in text)
        therapist.find_levels(tty, steps=2)
        therapist.start_therapy(tty)
        tty.sees("of   2.0")
        tty.press("e")
        tty.sees("Why?")
        tty.press("1")
        therapist.end_and_sign(tty)
        tty.leave()
    finally:
        tty.end()
    (record,) = (tmp_path / "records" / "simulated").glob("*/record.jsonl")
    wait_until(lambda: verify_session(record.parent).sealed, what="the record is sealed")
    verdict = verify_session(record.parent)
    assert verdict.ok
    assert verdict.outcome == "stopped"  # E long before 95 % was given is no completed treatment
    lines = record.read_text(encoding="utf-8").splitlines()
    assert any('"cause":"lead-off"' in line for line in lines)
    assert all('"simulated":true' in line for line in lines)

"""The ways of docs/practice.md on the real console, as a reader finds them there."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from estim.records.home import Home
from estim.records.operators import Operator, hash_pin, save_operator
from estim.records.verify import verify_session
from tests.system.conftest import wait_until
from tests.system.machine import once_more
from tests.system.terminal import Tty
from tests.system.ways import GERMAN, PRACTICE, Walker, ways
from tests.turns import of_this_turn

WAYS = ways(PRACTICE.read_text(encoding="utf-8"))
LANGUAGES = {"en": WAYS, "de": ways(GERMAN.read_text(encoding="utf-8"))}
DEVICE = "sim://p24?patient=foot-drop"


def test_the_ways_that_are_asked_for_stand_there() -> None:
    assert {"new", "returning", "end", "pad-off", "pad-on", "wrong-pin"} <= set(WAYS)
    assert sum(map(len, WAYS.values())) > 150


@pytest.mark.parametrize("row", ["| `A` | |", "| `A` | push **N** |", "| `A` | press N |", "`A`: press **N**"])
def test_a_row_that_cannot_be_walked_is_refused(row: str) -> None:
    text = f"<!-- way one -->\n\n| On the screen | What you do |\n|---|---|\n| `A` | press **N** |\n{row}\n"
    with pytest.raises(ValueError, match="way one") if row.startswith("|") else contextlib.nullcontext():
        assert ways(text) == {"one": [("see", "A"), ("press", "n")]}


# Two minutes each, at a person's pace, so one of them or test_practice a day. A pad that comes off and is put back is
# on a console in simulated time every day (tests/console), every stop on a real one: test_stop_key_pty,
# test_session_kills.
NEW = [
    ((80, 24), ("pad-off", "pad-on"), "en"),
    ((120, 40), ("stop",), "en"),
    ((80, 24), ("stop", "pad-off", "pad-on"), "de"),
]


@pytest.mark.parametrize(("size", "between", "language"), [each for each in of_this_turn([*NEW, None], 4) if each])
def test_new_and_returning(tmp_path: Path, size: tuple[int, int], between: tuple[str, ...], language: str) -> None:
    once_more(tmp_path, lambda home: _whole_way(home, size, between, language))


def _whole_way(home: Path, size: tuple[int, int], between: tuple[str, ...], language: str) -> None:
    (columns, rows), told = size, LANGUAGES[language]
    words = ("console", "--language", language, "--device", DEVICE)
    tty = Tty(*words, home=home, columns=columns, rows=rows)
    try:
        walker = Walker(tty)
        for name in ("new", *between, "end"):
            walker.walk(told[name])
    finally:
        tty.end()
    (record,) = (home / "records" / "simulated").glob("*/record.jsonl")
    wait_until(lambda: verify_session(record.parent).sealed, what="the record is sealed")
    assert verify_session(record.parent).ok
    again = Tty(*words, home=home, columns=columns, rows=rows)
    try:
        Walker(again).walk(told["returning"])
    finally:
        again.end()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_wrong_pin(tmp_path: Path, size: tuple[int, int]) -> None:
    operator = Operator(id="PT1", name="A Therapist", role="therapist", pin=hash_pin("246810"))
    save_operator(Home(tmp_path).operators, operator)
    columns, rows = size
    tty = Tty("console", "--device", DEVICE, home=tmp_path, columns=columns, rows=rows)
    try:
        Walker(tty).walk(WAYS["wrong-pin"])
    finally:
        tty.end()
    assert not list((tmp_path / "records").rglob("record.jsonl"))

"""What waits for another day has one, what shows a hazard's control waits for none, and `make turns` plays all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.turns import BY_DAYS, its_day, of_this_turn, today

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("days", [2, 3])
@pytest.mark.parametrize("parts", [1, 2, 3, 4, 6, 20])
def test_whatever_is_already_chosen_by_its_turn_every_test_has_its_day(
    parts: int, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    every, met = range(120), set()
    for now in range(20_786, 20_786 + 12 * parts * days):
        monkeypatch.setenv("ESTIM_TURN", str(now))
        chosen = of_this_turn(every, parts)
        played = [one for place, one in enumerate(chosen) if its_day(place, days)]
        assert abs(len(played) - len(chosen) / days) < 1
        met |= set(played)
    assert met == set(every)


def test_only_files_of_the_table_wait_and_no_hazard_does(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, days = next(iter(BY_DAYS.items()))
    tests = [(waits, False), ("tests/safety/test_limits.py", False), (waits, True)] * 6
    seen = []
    for now in range(days):
        monkeypatch.setenv("ESTIM_TURN", str(24 + now))
        plays = today(tests)
        assert plays[1::3] == plays[2::3] == [True] * 6
        seen.append(plays[0::3])
    assert [sum(column) for column in zip(*seen, strict=True)] == [1] * 6, "each on one of these days"
    monkeypatch.setenv("ESTIM_TURN", "all")
    assert all(today(tests))


def test_the_table_names_files_that_are_there_and_none_of_the_kernels() -> None:
    assert [file for file in BY_DAYS if not (ROOT / file).is_file()] == []
    assert [file for file in BY_DAYS if re.match("tests/(safety|session|contract|controller)/", file)] == []


def test_all_that_takes_turns_is_played_by_make_turns() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "$$($(BIN)/python -m tests.turns)" in makefile, "those of BY_DAYS"
    listed = re.findall(r"[\w/]+\.py", makefile.split("TURNS := ", 1)[1].split("turns:", 1)[0])
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        file = path.relative_to(ROOT / "tests").as_posix()
        if "from tests.turns import" in path.read_text(encoding="utf-8") and path.name != "test_turns.py":
            assert file in listed or f"tests/{file}" in BY_DAYS, file

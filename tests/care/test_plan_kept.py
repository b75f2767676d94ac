"""A course goes by the plan that it began with: who edits the file opens no gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from estim.cli import main

BEGIN = ["--side", "none", "--patient", "K-5", "--operator", "T1"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert main(["plans", "new", "ours", "--from", "low-back", "--home", str(tmp_path / "home")]) == 0
    return tmp_path / "home"


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"review_every_days = ", b"review_every_days = 1"))


def test_an_edited_plan_stops_the_course_until_somebody_says_why(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--home", str(home)]
    assert main(["course", "begin", "ours", *BEGIN, *at]) == 0
    assert main(["course", "show", "--patient", "K-5", *at]) == 0
    edit(home / "plans" / "ours.toml")
    for act in (["show"], ["gate", "--reason", "x", "--operator", "T1"]):
        capsys.readouterr()
        assert main(["course", act[0], "--patient", "K-5", *act[1:], *at]) == 1
        assert "estim records accept plans/ours.toml" in capsys.readouterr().err
    assert main(["course", "begin", "ours", *BEGIN[:2], "--patient", "K-6", "--operator", "T1", *at]) == 1
    capsys.readouterr()
    main(["doctor", *at])
    assert "ours.toml: it was changed by hand" in capsys.readouterr().out
    assert main(["records", "accept", "plans/ours.toml", "--operator", "T1", "--reason", "second edition", *at]) == 0
    assert main(["course", "show", "--patient", "K-5", *at]) == 0
    capsys.readouterr()
    main(["doctor", *at])
    assert "ours.toml" not in capsys.readouterr().out


def test_a_plan_outside_of_the_home_is_held_to_what_the_course_says_of_it(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, at = tmp_path / "ours.toml", ["--home", str(home)]
    (home / "plans" / "ours.toml").rename(plan)
    assert main(["course", "begin", str(plan), *BEGIN, *at]) == 0
    edit(plan)
    capsys.readouterr()
    assert main(["course", "show", "--patient", "K-5", *at]) == 1
    assert "is not the plan that this course began with" in capsys.readouterr().err


def test_practice_may_go_by_a_plan_that_is_still_being_written(home: Path) -> None:
    at = ["--home", str(home), "--simulated"]
    assert main(["course", "begin", "ours", *BEGIN, *at]) == 0
    edit(home / "plans" / "ours.toml")
    assert main(["course", "show", "--patient", "K-5", *at]) == 0

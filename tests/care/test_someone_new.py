"""Someone new at the course of care: odd entries, a second course, consent as typed. No traceback, nothing silent."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from estim.cli import main
from estim.desk.care_entries import CONSENT_POINTS
from estim.records import care_log
from estim.records.home import Home


def told(capsys: pytest.CaptureFixture[str], home: Path, *words: str, code: int = 2) -> str:
    """What a person at the command line reads."""
    given = ["--patient", "A-9", "--home", str(home), "--simulated", "--operator", "lena"]
    capsys.readouterr()
    assert main(["course", *words, *given, *(() if "--day" in words else ("--day", "2026-03-02"))]) == code
    said = capsys.readouterr()
    return said.out + said.err


ODD = {
    "note assessment measure=pain value=5 value=6": "value is given twice: 5 and 6",
    "note assessment measure=pain value=\u0663": "pain: a number of NRS",
    "note assessment measure=pain value=1e0": "pain: a number of NRS",
    "note assessment measure=mvic value=100": "mvic needs side=left or side=right",
    "note assessment measure=mvic value=100 side=both": "mvic needs side=left or side=right",
    "note goal id=g1 words=x by=2026-06-01 measure=odi baseline=42 target=60": "60 is worse than the baseline 42",
    "note goal id=g1 words=x by=2026-06-01 measure=walk-6min baseline=300 target=200": "higher is better",
    f"note visit where={'x' * 5000}": "where: 5000 letters; at most 4000",
    "note consent points=all capacity=able": "points: all: there are purpose-and-goal",
    "note visit --day 9999-12-31": "over ten years before: is the year right?",
    "note visit --day 20260302": "--day '20260302': a date as 2026-05-31",
    "note visit --day ''": "--day '': a date as 2026-05-31",
    "note drill drill=bird-dog sets=\u0663": "sets '\u0663': a whole number, 1 to 100",
}


def test_odd_entries_are_refused_with_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, tmp_path, "begin", "low-back", "--side", "none", code=0)
    for words, expected in ODD.items():
        assert expected in told(capsys, tmp_path, *shlex.split(words)), words
    assert [entry.kind for entry in care_log.read(Home(tmp_path), "A-9", simulated=True)] == ["begin"]


def test_a_course_begins_when_the_one_before_has_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, tmp_path, "begin", "acl", "--side", "none")
    assert "judges the treated side" in said
    told(capsys, tmp_path, "begin", "low-back", "--side", "none", code=0)
    assert "low-back runs since 2026-03-02; end it first" in told(capsys, tmp_path, "begin", "falls", "--side", "none")
    told(capsys, tmp_path, "note", "end", "reason=moved", code=0)
    told(capsys, tmp_path, "begin", "falls", "--side", "none", code=0)
    assert "falls" in told(capsys, tmp_path, "show", "--json", code=0)


def test_consent_is_typed_as_the_points_that_were_gone_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, tmp_path, "begin", "low-back", "--side", "none", code=0)
    points = ",".join(CONSENT_POINTS[:-1])
    for wrong in (f"points={points.replace('risks,', '')}", f"points={points},risk"):
        assert "risk" in told(capsys, tmp_path, "note", "consent", wrong, "capacity=able")
    child = ("note", "consent", f"points={points}", "capacity=child")
    assert "needs a name" in told(capsys, tmp_path, *child, "decided_by= ")
    told(capsys, tmp_path, *child, "decided_by=the mother", code=0)
    assert json.loads(told(capsys, tmp_path, "show", "--json", code=0))["consent"] is True


def test_goals_of_no_importance_make_no_score_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, tmp_path, "begin", "low-back", "--side", "none", code=0)
    levels = 'levels={"-2":"a","-1":"b","0":"c","1":"d","2":"e"}'
    goal = ("note", "goal", "id=g", "words=x", "by=2026-06-01", "baseline=-1", levels, "importance=0", "difficulty=3")
    told(capsys, tmp_path, *goal, code=0)
    told(capsys, tmp_path, "note", "goal-score", "goal=g", "level=1", code=0)
    told(capsys, tmp_path, "show", code=0)
    told(capsys, tmp_path, "discharge", "-o", str(tmp_path / "s.html"), code=0)
    assert "whom the letter is for" in told(
        capsys, tmp_path, "discharge", "-o", str(tmp_path / "l.html"), "--letter", " "
    )

"""A course of twelve weeks with gaps: what its report says, worked out a second time from the lines that were kept."""

from __future__ import annotations

import datetime
import json
import random
from pathlib import Path

import pytest

from estim.cli import main
from estim.desk.care import CareDesk
from estim.records import care_log
from estim.records.home import Home

MONDAY = datetime.date(2026, 3, 2)
WEEKS = 12


def lived(desk: CareDesk, chance: random.Random) -> None:
    """Visits on most of the planned days, some missed, two weeks away; exercises, work by hand, sessions."""
    desk.begin("low-back", "none", day=MONDAY)
    for week in range(WEEKS):
        for offset in (0, 2, 4):
            day = MONDAY + datetime.timedelta(days=7 * week + offset)
            if week in {5, 6}:
                continue
            if chance.random() < 0.25:
                desk.note("missed", {"reason": "ill"}, day=day)
                continue
            desk.note("visit", {}, day=day)
            if chance.random() < 0.5:
                desk.note(
                    "drill", {"drill": "bird-dog", "sets": "3", "reps": "6", "pain": "2", "clean": "yes"}, day=day
                )
            if chance.random() < 0.3:
                desk.note("treatment", {"technique": "traction", "minutes": str(chance.randint(3, 9))}, day=day)
            if chance.random() < 0.4:
                given = chance.randint(5, 20)
                session = {"protocol": "low-back-pain-multifidus", "version": "1.1.0", "outcome": "completed",
                           "contractions": given, "planned": 20, "reached": given, "on_s": f"{given * 5}.0",
                           "levels": {"left": str(chance.randint(10, 40))}, "record": ""}  # fmt: skip
                desk.made("session", session, day=day)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_report_is_what_the_lines_say(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path)
    lived(CareDesk(home, "K-7", True, "lena"), random.Random(seed))
    lines = [(entry.kind, entry.day, entry.fields) for entry in care_log.read(home, "K-7", simulated=True)]
    last = MONDAY + datetime.timedelta(days=7 * WEEKS - 1)
    words = ["--patient", "K-7", "--home", str(tmp_path), "--simulated", "--day", last.isoformat()]
    assert main(["course", "calendar", "--json", *words]) == 0
    weeks = json.loads(capsys.readouterr().out)["weeks"]
    assert len(weeks) == WEEKS
    for number, week in enumerate(weeks):
        days = {(MONDAY + datetime.timedelta(days=7 * number + offset)).isoformat() for offset in range(7)}
        came = {day.isoformat() for kind, day, _ in lines if kind == "visit"} & days
        missed = [day.isoformat() for kind, day, _ in lines if kind == "missed" and day.isoformat() in days]
        assert week["attended"] == sorted(came)
        assert [each["day"] for each in week["missed"]] == missed
    assert main(["course", "discharge", "-o", str(tmp_path / "s.html"), *words]) == 0
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    sessions = [fields for kind, _, fields in lines if kind == "session"]
    by_hand = sum(int(str(fields["minutes"])) for kind, _, fields in lines if kind == "treatment")
    played = [(day, int(fields["levels"]["left"])) for kind, day, fields in lines if kind == "session"]
    visits = len({day for kind, day, _ in lines if kind == "visit"})
    planned = sum(week["planned"] for week in weeks)
    cells = ["low-back-pain-multifidus 1.1.0", f"{len(sessions)}",
             f"{sum(fields['contractions'] for fields in sessions)} of {20 * len(sessions)}",
             f"{sum(fields['reached'] for fields in sessions)}",
             f"{round(sum(float(fields['on_s']) for fields in sessions) / 60)}"]  # fmt: skip
    assert "".join(f"<td>{cell}</td>" for cell in cells) in page
    assert f"<td>{visits} of {planned} planned</td>" in page
    assert f"<td>{by_hand} min</td>" in page
    assert f"<td>{min(played)[1]}</td><td>{max(played)[1]}</td><td>{len(played)}</td>" in page

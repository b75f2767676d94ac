"""What nobody measured is no dose; what is not judged is said; a session before its time needs a reason."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from estim.cli import main
from estim.protocols import library
from estim.protocols.loader import load, parse
from estim.protocols.schema import Protocol
from estim.records.spacing import Past, too_early
from tests.support import DATA

SHORT = (DATA / "short.toml").read_text(encoding="utf-8")
NOW = datetime.datetime(2026, 5, 4, 15, 0, tzinfo=datetime.UTC)
LEVELS = ("--level", "quadriceps=10")


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """A file that asks for 15 % of the maximum voluntary contraction."""
    path = tmp_path / "share.toml"
    path.write_text(SHORT.replace('"max-tolerated"\n', '"percent-mvic"\namplitude_target = 15\n'), encoding="utf-8")
    return path


def rehearsed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    main(["rehearse", *arguments, "--patient", "K-1", "--json"])
    return dict(json.loads(capsys.readouterr().out))


def named(result: dict[str, object], rule: str) -> list[dict[str, object]]:
    bends = result["bends"]
    assert isinstance(bends, list)
    return [bend for bend in bends if bend["rule"] == rule]


def test_a_share_of_an_mvic_that_nobody_measured_is_a_visible_contraction_and_said(
    share: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = rehearsed(capsys, str(share), *LEVELS)
    assert result["outcome"] == "completed"
    assert {(bend["asked"], bend["allowed"]) for bend in named(result, "mvic")} == {("percent-mvic", "motor-visible")}
    measured = rehearsed(capsys, str(share), *LEVELS, "--measure", "mvic=120")
    assert measured["outcome"] == "completed"
    assert not named(measured, "mvic")


def test_a_file_may_ask_to_be_refused_without_an_mvic(share: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = share.read_text(encoding="utf-8")
    share.write_text(text.replace('"percent-mvic"\n', '"percent-mvic"\nwithout_mvic = "refuse"\n'), encoding="utf-8")
    assert rehearsed(capsys, str(share), *LEVELS)["outcome"] == "refused"
    assert rehearsed(capsys, str(share), *LEVELS, "--measure", "mvic=120")["outcome"] == "completed"


@pytest.mark.parametrize("said", ["mvic=0", "mvic=strong", "grip=30"])
def test_a_measure_that_means_nothing_here_is_refused(share: Path, said: str) -> None:
    assert main(["rehearse", str(share), *LEVELS, "--patient", "K-1", "--measure", said]) == 2


def test_a_criterion_without_its_measure_is_said_to_be_unjudged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.toml"
    criterion = '[[criterion]]\nmeasure = "quadriceps-index"\nat_least = 80\naction = "discontinue"\n[dose]'
    path.write_text(SHORT.replace("[dose]", criterion), encoding="utf-8")
    unjudged = rehearsed(capsys, str(path), "--level", "quadriceps=10")
    assert [bend["key"] for bend in named(unjudged, "criterion-unjudged")] == ["criterion[0]"]
    judged = rehearsed(capsys, str(path), "--level", "quadriceps=10", "--measure", "quadriceps-index=70")
    assert not named(judged, "criterion-unjudged")
    main(["protocols", "check", str(path), "--json"])
    assert "criterion-unjudged" not in capsys.readouterr().out  # a file has no patient


def spaced(**dose: object) -> Protocol:
    lines = "".join(f"{key} = {value}\n" for key, value in dose.items())
    return parse(SHORT.replace("sessions_per_day = 1\n", lines).encode())


def past(hours: float, sha: str = "a") -> Past:
    ended = NOW - datetime.timedelta(hours=hours)
    return Past(protocol="short", protocol_sha256=sha, began=ended - datetime.timedelta(minutes=20), ended=ended)


def test_a_week_past_the_protocols_own_course_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "short.toml"
    path.write_text(SHORT, encoding="utf-8")
    weeks = load(path).dose.weeks
    last = weeks if isinstance(weeks, int) else weeks[1]
    within = rehearsed(capsys, str(path), *LEVELS, "--week", str(last), "--session", "9")
    assert not named(within, "past-weeks")
    (bend,) = named(rehearsed(capsys, str(path), *LEVELS, "--week", str(last + 90), "--session", "9"), "past-weeks")
    assert (bend["severity"], bend["key"], bend["asked"], bend["allowed"]) == ("info", "dose.weeks", last + 90, last)
    assert f"week {last + 90} is past this protocol's course of {last} week" in str(bend["message"])
    main(["protocols", "show", str(path), "--week", str(last + 90)])
    assert f"(week {last + 90} is past this protocol's course of {last} week" in capsys.readouterr().out


def test_the_pause_between_two_sessions_is_kept_to_the_hour() -> None:
    protocol = spaced(sessions_per_day=4, min_hours_between=6)
    [problem] = too_early(protocol, "a", [past(5)], NOW)
    assert (problem.key, problem.asked, problem.allowed) == ("dose.min_hours_between", 5.0, 6)
    assert "2026-05-04 16:00" in problem.message
    assert too_early(protocol, "a", [past(6)], NOW) == ()
    assert too_early(protocol, "a", [past(5, sha="b")], NOW) == ()


def test_the_sessions_of_a_day_are_counted() -> None:
    protocol = spaced(sessions_per_day=2)
    assert too_early(protocol, "a", [past(5)], NOW) == ()
    [problem] = too_early(protocol, "a", [past(9), past(5)], NOW)
    assert (problem.key, problem.asked, problem.allowed) == ("dose.sessions_per_day", 3, 2)
    assert too_early(protocol, "a", [past(20), past(5)], NOW) == ()  # one of yesterday
    assert too_early(spaced(sessions_per_day=2, as_needed="true"), "a", [past(9), past(5)], NOW) == ()


def test_each_dose_of_the_library_can_be_given_as_it_stands() -> None:
    for name in library.names():
        dose = load(library.path(name)).dose
        assert dose.sessions_per_day * dose.min_hours_between < 24

"""Three sessions a day of a treatment that has two, at the command line: the third is refused before any output."""

from __future__ import annotations

import datetime
import hashlib
import json
from pathlib import Path

import pytest

from estim.cli import main
from estim.protocols.loader import load
from estim.records.folders import folder_name
from estim.records.home import Home
from estim.records.keys import seeded_signer
from estim.records.simulated import SimulatedWriter
from tests.records.build import body
from tests.support import DATA


def given_today(home: Home, path: Path, *, ago_s: int) -> None:
    """A session of this very file, ended within the last minutes, in the home's records."""
    at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=ago_s)
    writer = SimulatedWriter(home.records(simulated=True) / folder_name(at, "K-1"), signer=seeded_signer(1))
    for kind, fields, t_us in body("K-1", at.isoformat(timespec="milliseconds")):
        if kind == "setup":
            schedule = {**fields["schedule"], "protocol_id": load(path).id}
            fields |= {"schedule": schedule, "protocol_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        writer.append(kind, fields, t_us)
        writer.poll(t_us)
    writer.close(93_000_000)


def asked(path: Path, home: Home, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    words = ["run", str(path), "--patient", "K-1", "--level", "quadriceps=20", "--yes", "--json"]
    code = main([*words, "--home", str(home.root)])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("dose", "sessions", "rule", "words"),
    [
        ("sessions_per_day = 2", 2, "sessions-a-day", "2 of 2 sessions of today were given"),
        ("sessions_per_day = 4\nmin_hours_between = 6", 1, "pause", "at least 6 h lie between two"),
    ],
)
def test_one_too_many_is_refused_with_the_hour_from_which_it_is_allowed(
    dose: str, sessions: int, rule: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, home = tmp_path / "short.toml", Home(tmp_path / "home")
    text = (DATA / "short.toml").read_text(encoding="utf-8")
    assert "sessions_per_day = 1" in text
    path.write_text(text.replace("sessions_per_day = 1", dose), encoding="utf-8")
    for number in range(sessions):
        given_today(home, path, ago_s=95 + 95 * number)
    code, result = asked(path, home, capsys)
    assert (code, result["outcome"], result["contractions"]) == (1, "refused", 0)
    [problem] = [each for each in result["problems"] if each["rule"] == rule]  # type: ignore[attr-defined]
    assert words in problem["message"]
    assert "allowed from 20" in problem["message"]
    assert "--early" in problem["message"]

"""`rehearse --worlds`: what plays in each world is the session that was asked for, and a line plays it again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from estim.cli import main
from estim.rehearsal import campaign
from estim.rehearsal.faulty import Verdict
from tests.support import DATA

LONG = DATA / "worlds.toml"
PLAY = ["rehearse", str(LONG), "--level", "quadriceps=8"]


def test_worlds_of_an_own_protocol_play_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each was refused before its first pulse, and the campaign said "broken: 0 worlds" and ended with 0."""
    own = tmp_path / "protocols"
    own.mkdir()
    (own / "mine.toml").write_text(LONG.read_text("utf-8").replace('id = "worlds"', 'id = "mine"'), "utf-8")
    words = ["rehearse", "mine", "--level", "quadriceps=8", "--home", str(tmp_path)]
    assert main([*words, "--worlds", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pulses"] > 0


def test_a_campaign_in_which_nothing_was_tried_found_nothing_good(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(campaign, "play_world", lambda _plan, seed, **_: Verdict(seed, {}, "refused", 0, 0))
    assert main([*PLAY, "--worlds", "3", "--home", str(tmp_path)]) == 1
    assert "refused before its first pulse: nothing was put to the test" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shrink"], "--shrink and --only are for one world"),
        (["--only", "f0"], "--shrink and --only are for one world"),
        (["--around"], "--around goes with --worlds N or --world"),
        (["--jobs", "2"], "--jobs goes with --worlds N"),
        (["--world", "--worlds", "2"], "leave one of them out"),
        (["--worlds", "2", "--faults", "seed:1"], "--faults goes with one session"),
        (["--world", "--pulses", "out.csv"], "--pulses goes with one session"),
    ],
)
def test_a_word_that_would_change_nothing_is_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*PLAY, *words, "--home", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_the_line_that_plays_a_world_again_says_all_that_the_session_was_made_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(campaign, "play_world", lambda _plan, seed, **_: Verdict(seed, {"stop": "late"}, "fault", 9, 9))
    file = tmp_path / "mein Übungs{plan}.toml"
    file.write_bytes(LONG.read_bytes())
    words = ["rehearse", str(file), "--level", "quadriceps=8", "--pad", "quadriceps=8x13", "--side", "right"]
    words += ["--patient", "P-7", "--patient-profile", "older", "--home", str(tmp_path)]
    assert main([*words, "--worlds", "1", "--seed", "11", "--around", "--json"]) == 1
    replay = json.loads(capsys.readouterr().out)["broken"][0]["replay"]
    again = shlex.split(replay)
    assert again[:2] == ["estim", "rehearse"]
    assert set(words) <= set(again)
    assert {"--world", "--around", "--seed", "11"} <= set(again)
    assert main(again[1:]) == 1

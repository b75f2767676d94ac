"""Which code made a record: the release and, in a checkout, the commit and whether it was changed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from estim.cli import main
from estim.version import at, installed, software, version
from tests.support import SHORT

ROOT = Path(__file__).parents[2]


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "a checkout"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "x")
    return folder


def test_a_checkout_says_its_commit_whatever_was_installed_long_ago(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "--short", "HEAD")
    assert at(checkout, "0.2.0.dev0+g0000000") == f"0.2.0.dev0+g{commit}"
    (checkout / "pyproject.toml").write_text("[project]", encoding="utf-8")
    assert at(checkout, "0.2.0.dev0+g0000000") == f"0.2.0.dev0+g{commit}.changed"


def test_without_git_or_a_checkout_the_metadata_speak(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at(tmp_path, "0.2.0+gabc") == "0.2.0+gabc"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert at(checkout, "0.2.0+gabc") == "0.2.0+gabc"


def test_another_repository_in_the_environment_is_not_asked(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(checkout / "elsewhere"))
    assert at(checkout, "1").startswith("1+g")


def test_command_line_record_and_report_say_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert version().partition("+")[0] == installed().partition("+")[0]
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.strip() == software() == f"estim {version()}"
    words = ["rehearse", str(SHORT), "--level", "quadriceps=5", "--home", str(tmp_path), "--json"]
    assert main(words) == 0
    record = Path(json.loads(capsys.readouterr().out)["record"])
    header = json.loads((record / "record.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert header["fields"]["software"] == software()
    assert main(["records", "report", str(record), "--text", "--home", str(tmp_path)]) == 0
    assert software() in capsys.readouterr().out


def test_a_rehearsal_is_no_session_of_some_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", str(SHORT), "--level", "quadriceps=5", "--patient", "K-1", "--home", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["records", "list", "--home", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "rehearsal        K-1" in shown
    assert "2000-" not in shown
    assert "1970-" not in shown


def test_safety_md_is_printed_with_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "SAFETY.md").read_text(encoding="utf-8")
    assert main(["safety"]) == 0
    assert capsys.readouterr().out == f"{software()}\n\n{text}"
    assert main(["safety", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": version(), "text": text}

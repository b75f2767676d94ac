"""The handbook's tutorials, walked as a reader does: each block as it is printed, in order, from an empty home."""

from __future__ import annotations

import contextlib
import importlib
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from estim import api
from estim.cli import main
from estim.records import operators
from tests.turns import of_this_turn

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^ {0,4}```(\w*)\n(.*?)^ {0,4}```", re.MULTILINE | re.DOTALL)
PAGES = (
    "start.md",
    "python.md",
    "studies.md",
    "data.md",
    "site-limits.md",
    "course-of-care.md",
    *(f"how-to/{name}.md" for name in ("closed-loop", "own-protocol", "check-a-record")),
    *(f"how-to/{name}.md" for name in ("add-a-therapist", "replace-a-key")),
)
# What is not played here, each with the place where it is.
ELSEWHERE = {
    "make run": "tests/setup",
    ". .venv/bin/activate": "tests/setup",
    "py -3.11": "tests/setup",
    ".venv\\Scripts": "tests/setup",
    "estim run": "tests/system: a quarter of an hour of real time",
    "estim console": "tests/console and tests/system",
    "estim stream": "tests/drivers/test_lsl.py: serves until it is stopped",
    "estim study run levels.toml -o out --on": "tests/study: a cluster",
    "estim records stamp": "tests/records/test_outside.py: the answer of an authority",
    "estim records verify --stamp-roots": "the same",
    "estim records verify sessions/20261128T081739-P-042 --key": "tests/records/test_insider.py: practice has no key",
    "python -m examples": "tests/api/test_examples.py",
    "estim course gate": "tests/care/test_three_people.py: refused while a criterion is not met",
    "estim course diary": "tests/care/test_three_people.py: a sheet that came back",
    "estim records accept": "tests/records/test_insider.py: a register that somebody changed",
}
LIBRARIES_OF_OTHERS = ("pandas", "polars")


class Typed:
    """Who is asked for a PIN or a passphrase types this one."""

    def isatty(self) -> bool:
        return False

    def readline(self) -> str:
        return "48151623\n"

    def close(self) -> None:
        """A worker of a study closes its copy."""


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Language and text of each block."""
    yield from BLOCK.findall((DOCS / page).read_text("utf-8"))


def command(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that a reader types; it ends well."""
    typed, into, file = line.partition(" > ")
    words = shlex.split(typed, comments=True)
    assert words[0] == "estim", f"{line!r} is played nowhere; say where in ELSEWHERE"
    capsys.readouterr()
    code = 0
    try:
        code = main(words[1:])
    except SystemExit as end:
        code = int(end.code or 0)
    said = capsys.readouterr()
    assert code == 0, f"{line}: {said.out}{said.err}"
    if into:
        assert said.out
        Path(file.strip()).write_text(said.out, "utf-8")


def script(text: str) -> None:
    """A Python block, in simulated time."""
    if not any(f"import {library}" in text for library in LIBRARIES_OF_OTHERS):
        exec(compile(text, "block", "exec"), {"__name__": "block"})  # noqa: S102 - the handbook's own words


def question(text: str) -> None:
    """A block of SQL; each question has an answer."""
    duckdb = importlib.import_module("duckdb")
    for statement in filter(None, (each.strip() for each in text.split(";"))):
        assert duckdb.sql(statement).fetchall(), statement


def received(folder: Path) -> None:
    """What an auditor was sent, where the page says that it lies."""
    assert (
        main(["rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=20", "--patient", "P-042"]) == 0
    )
    (session,) = (path for path in (folder / "home").rglob("*-P-042") if path.is_dir())
    shutil.copytree(session, folder / "sessions" / "20261128T081739-P-042")
    shutil.copytree(folder / "home", folder / "sessions-home")


@pytest.mark.parametrize("page", of_this_turn(PAGES, 2))
def test_a_page_can_be_followed_from_an_empty_home(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESTIM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sys.stdin", Typed())
    monkeypatch.setattr(operators, "MEMORY_KIB", 64)
    monkeypatch.setattr(operators, "PASSES", 1)
    monkeypatch.setattr(api, "session", api.rehearse)  # the same script in simulated time
    if page in {"how-to/check-a-record.md", "how-to/replace-a-key.md"}:
        received(tmp_path)
    played = 0
    for language, text in blocks(page):
        if language == "python":
            script(text)
        elif language == "sql":
            question(text)
        elif not language or language in {"sh", "console"}:
            for line in filter(None, map(str.strip, text.replace("\\\n", " ").splitlines())):
                if not any(line.startswith(start) for start in ELSEWHERE):
                    command(line, capsys)
                    played += 1
                    continue
        played += language in {"python", "sql"}
    assert played
    if page == "studies.md":
        assert Path("whole/results.jsonl").read_bytes() == Path("out/results.jsonl").read_bytes()


def test_the_walk_finds_a_command_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(AssertionError):
        command("estim protocols check no-such-protocol", capsys)
        pytest.fail("it was taken for good")

"""Every command under every encoding and with every kind of home: a line instead of a traceback, clean documents."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from estim.trial.plan import TEMPLATE
from tests.cli.every import COMMANDS, ID, SAMPLES, Said, call, judge, words_of
from tests.support import SHORT
from tests.turns import its_turn

# All commands under ascii; what makes a letter fit is one function, so under the others those with the most signs.
ENCODINGS = [(name, "ascii") for name in COMMANDS] + [
    (name, encoding)
    for encoding in ("latin-1", "cp1252", "cp437", "utf-8")
    for name in ("limits", "doctor", "protocols show", "protocols table", "protocols check", "rehearse", "records show")
]
# They do their work for somebody who has no home folder at all.
WITHOUT = {name for name in COMMANDS if name.split()[0] in {"devices", "safety", "protocols"}} | {
    "limits",
    "limits show",
    "limits propose",
    "records schema",
    "clinic schema",
}


# What they need lies elsewhere: their home is not looked at first, or is judged in their own words.
LOOK_NOT = {"console", "doctor", "clinic check"} | {name for name in COMMANDS if name.startswith("study ")}


def test_no_command_is_left_out() -> None:
    assert set(COMMANDS) - set(SAMPLES) == set(), "add its words to tests/cli/every.py"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one rehearsal in it, and a trial with one patient."""
    home = tmp_path_factory.mktemp("played")
    away = tmp_path_factory.mktemp("away")
    with pytest.MonkeyPatch.context() as patch:
        words = ["rehearse", str(SHORT), "--level", "quadriceps=5", "--patient", "rehearsal", "--home", str(home)]
        assert call(patch, words).code == 0
        (away / "trial.toml").write_text(TEMPLATE.replace("my-sham", ID), encoding="utf-8")
        seal = ["trial", "new", str(away / "trial.toml"), "-o", str(away / "office"), "--home", str(home)]
        assert call(patch, seal).code == 0
        enrol = ["trial", "enrol", "my-trial", "--patient", "P-1", "--stratum", "site=a", "--home", str(home)]
        assert call(patch, enrol).code == 0
    return home


@pytest.fixture
def home(played: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(played, tmp_path / "home"))


def record_of(home: Path) -> Path:
    return next((home / "records" / "simulated").glob("*/record.jsonl")).parent


@pytest.mark.parametrize(("command", "encoding"), ENCODINGS)
def test_every_encoding(
    command: str, encoding: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*words_of(command, record=record_of(home), scratch=tmp_path), "--home", str(home)]
    said = call(monkeypatch, words, encoding=encoding)
    judge(said)
    assert "\\u" not in said.out.decode(encoding) or said.out.startswith(b"{")
    documented = any("--json" in action.option_strings for action in COMMANDS[command]._actions)
    if documented:
        judge(call(monkeypatch, [*words, "--json"], encoding=encoding), json_asked=True)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp037"])
@pytest.mark.parametrize("command", ["limits", "protocols show", "console", "records patient"])
def test_a_document_is_read_anywhere_where_plain_letters_have_other_bytes_too(
    command: str, encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*words_of(command, record=tmp_path, scratch=tmp_path), "--home", str(tmp_path), "--json"]
    said = call(monkeypatch, words, encoding=encoding)
    assert said.out
    judge(said, json_asked=True)


def _none(_: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("HOME", "ESTIM_HOME", "XDG_DATA_HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    return []


def _file(tmp_path: Path, _: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "a file").write_text("x", encoding="utf-8")
    return ["--home", str(tmp_path / "a file")]


def _below_a_file(tmp_path: Path, _: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "a file").write_text("x", encoding="utf-8")
    return ["--home", str(tmp_path / "a file" / "below" / "it")]


def _too_long(tmp_path: Path, _: pytest.MonkeyPatch) -> list[str]:
    return ["--home", str(tmp_path / ("x" * 300))]


def _nobodys(*_: object) -> list[str]:
    return ["--home", "~nobody-of-this-name/estim"]


def _empty(*_: object) -> list[str]:
    return ["--home", ""]  # a script's variable that was never set


def _link_to_nothing(tmp_path: Path, _: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    return ["--home", str(tmp_path / "link")]


def _links_in_a_ring(tmp_path: Path, _: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "one").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / "one")
    return ["--home", str(tmp_path / "one")]


def _records_a_file(tmp_path: Path, _: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "records").write_text("x", encoding="utf-8")
    return ["--home", str(tmp_path / "odd")]


def _no_utf8(tmp_path: Path, _: pytest.MonkeyPatch) -> list[str]:
    return ["--home", f"{tmp_path}/\udcff"]  # as Python hands over a byte that is no letter


HOMES = {
    "none": _none,
    "a file": _file,
    "below a file": _below_a_file,
    "too long": _too_long,
    "nobody's": _nobodys,
    "an empty word": _empty,
    "a link to nothing": _link_to_nothing,
    "links in a ring": _links_in_a_ring,
    "its records a file": _records_a_file,
    "no UTF-8": _no_utf8,
}


# Each day every command meets three or four of the ten kinds, and every kind a third of the commands.
@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (command, kind)
        for row, command in enumerate(COMMANDS)
        for column, kind in enumerate(HOMES)
        if its_turn((row + column) % 3, 3)
    ],
)
def test_homes_that_are_none(
    command: str, kind: str, played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = HOMES[kind](tmp_path, monkeypatch)
    said = call(monkeypatch, [*words_of(command, record=record_of(played), scratch=tmp_path), *given])
    judge(said)
    if kind == "none" and command in WITHOUT and command != "protocols new":
        assert said.code == 0, said.err.decode()
        assert b"no-home" not in said.out + said.err, "a folder that is nobody's is named"
    takes_home = any("--home" in action.option_strings for action in COMMANDS[command]._actions)
    if said.code == 0 or not takes_home or command in LOOK_NOT:
        return
    (line,) = [line for line in said.err.decode().splitlines() if line]
    if kind != "none":
        assert "home" in line, line
    assert said.out == b""


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="where HOME and XDG_DATA_HOME say it")
@pytest.mark.parametrize(
    ("name", "word", "said_of"),
    [
        ("ESTIM_HOME", "", "home: ESTIM_HOME names no folder"),
        ("ESTIM_HOME", " ", "home: ESTIM_HOME names no folder"),
        ("HOME", "", "no home folder is known"),
        ("HOME", "relative", "no home folder is known"),
    ],
)
def test_a_variable_that_names_no_folder_leads_to_no_other_home(
    name: str, word: str, said_of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for other in ("ESTIM_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, word)
    for command in ("rehearse", "records list", "operators practice"):
        said = call(monkeypatch, words_of(command, record=tmp_path, scratch=tmp_path))
        assert said.code == 1
        assert said_of in said.err.decode()
    assert [path.suffix for path in tmp_path.iterdir()] == [".toml"]
    if name == "HOME":
        assert call(monkeypatch, ["limits"]).code == 0


# -- disks --

needs_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root, to mount a disk")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def disk(home: Path, tmp_path: Path) -> Iterator[Path]:
    """A home on a disk of 500 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield Path(shutil.copytree(home, place / "home"))
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def all_commands(monkeypatch: pytest.MonkeyPatch, home: Path, scratch: Path) -> dict[str, Said]:
    words = {name: words_of(name, record=record_of(home), scratch=scratch) for name in COMMANDS}
    return {name: call(monkeypatch, [*given, "--home", str(home)]) for name, given in words.items()}


@needs_root
def test_a_home_that_may_only_be_read(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk.parent)], check=True)
    found = all_commands(monkeypatch, disk, tmp_path)
    for said in found.values():
        judge(said)
    assert found["records list"].code == 0, "an auditor reads a share that she may not write"
    assert found["records verify"].code == 0
    assert found["rehearse"].code == 1
    assert str(disk) in found["rehearse"].err.decode()


@needs_root
def test_a_home_that_is_full(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.suppress(OSError), (disk.parent / "filler").open("wb", buffering=0) as file:
        while file.write(b"x" * 512):
            pass
    found = all_commands(monkeypatch, disk, tmp_path)
    for said in found.values():
        judge(said)
    assert found["records list"].code == 0
    assert found["doctor"].code == 1
    assert "space" in found["rehearse"].err.decode()


def test_a_home_on_a_share_that_knows_no_locks(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    for command in COMMANDS:
        words = [*words_of(command, record=record_of(home), scratch=tmp_path), "--home", str(home)]
        judge(call(monkeypatch, words))


# -- what can only be seen on a real process --


def estim(*words: str, env: dict[str, str] | None = None, stdout: int = subprocess.PIPE) -> tuple[int, bytes, bytes]:
    surroundings = {"PATH": os.environ["PATH"], "SYSTEMROOT": os.environ.get("SYSTEMROOT", ""), **(env or {})}
    done = subprocess.run(
        [sys.executable, "-m", "estim", *words],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**surroundings, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout or b"", done.stderr


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
    ],
    ids=["C", "ascii", "cp1252"],
)
def test_a_process_with_another_encoding_writes_its_files_in_utf8(tmp_path: Path, env: dict[str, str]) -> None:
    code, out, err = estim("limits", "--home", str(tmp_path), env=env)
    assert (code, err) == (0, b"")
    assert b"<=" in out
    odd = tmp_path / "oddly named.toml"
    text = SHORT.read_text(encoding="utf-8").replace('title = "', 'title = "≤ µ 你 ', 1)
    odd.write_text(text, encoding="utf-8")
    code, out, err = estim("rehearse", str(odd), "--level", "quadriceps=5", "--home", str(tmp_path), env=env)
    assert (code, err) == (0, b"")
    code, out, err = estim(
        "records", "report", "last", "--html", "-o", str(tmp_path / "r.html"), "--home", str(tmp_path), env=env
    )
    assert (code, err) == (0, b"")
    assert "≤ µ 你" in (tmp_path / "r.html").read_text(encoding="utf-8")


REHEARSED = ("rehearse", str(SHORT), "--level", "quadriceps=5")
OF_EACH_KIND = (
    ("limits",),
    ("--help",),
    ("rehearse", "--help"),
    REHEARSED,
    (*REHEARSED, "--json"),
    ("run", str(SHORT), "--level", "quadriceps=5", "--patient", "P-1", "--yes"),
)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
@pytest.mark.parametrize("words", OF_EACH_KIND, ids=" ".join)
def test_an_output_that_is_full_is_said_once(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Whatever was to be printed: a table, help, a document, a session that went well (a run has none to see it)."""
    handle = os.open("/dev/full", os.O_WRONLY)
    try:
        code, _, err = estim(*words, stdout=handle, env={"ESTIM_HOME": str(tmp_path)})
    finally:
        os.close(handle)
    assert code == 1
    assert err.decode().splitlines() == ["estim: standard output: No space left on device"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
@pytest.mark.parametrize("words", [(*REHEARSED, "--pulses"), ("records", "anchor", "-o")], ids=" ".join)
def test_a_file_that_is_full_is_called_by_its_name(tmp_path: Path, words: tuple[str, ...]) -> None:
    code, out, err = estim(*words, "/dev/full", env={"ESTIM_HOME": str(tmp_path)})
    assert (code, out) == (1, b"")
    assert err.decode().startswith("estim: /dev/full: No space left on device")


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
@pytest.mark.parametrize("words", [("--help",), REHEARSED, (*REHEARSED, "--json")], ids=" ".join)
def test_who_leaves_before_the_end_is_told_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        code, _, err = estim(*words, stdout=write, env={"ESTIM_HOME": str(tmp_path)})
    finally:
        os.close(write)
    assert (code, err) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
@pytest.mark.parametrize(
    ("words", "closed", "code"),
    [
        ("limits", ">&-", 0),
        ("limits", "<&- >&- 2>&-", 0),
        ("protocols list --json", ">&-", 0),
        ("protocols show no-such", "2>&-", 1),
        ("protocols show no-such --json", ">/dev/full", 1),
        ("protocols show no-such", "2>/dev/full", 1),
        ("--version", ">/dev/full", 1),
        ("no-such", "2>&-", 2),
    ],
)
def test_streams_that_are_closed_or_full_change_no_end_and_give_no_traceback(
    tmp_path: Path, words: str, closed: str, code: int
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m estim {words} {closed}'],
        capture_output=True,
        env={"PATH": os.environ["PATH"], "ESTIM_HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "src")},
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert b"fault of estim" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_who_leaves_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        code, _, err = estim("limits", stdout=write, env={"ESTIM_HOME": str(tmp_path)})
    finally:
        os.close(write)
    assert (code, err) == (0, b"")

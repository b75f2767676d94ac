"""The system's own ways, as far as this one has them: clocks, files, processes, terminals."""

from __future__ import annotations

import argparse
import ast
import errno
import importlib.metadata
import io
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from estim.cli import sessions
from estim.controller.clock import SessionClock
from estim.lines.keyboard import Bystander
from estim.platform import extras, files
from estim.platform.clocks import Clocks, clocks_of
from estim.platform.priority import favour, raise_priority
from estim.platform.processes import is_alive, start_module
from estim.platform.terminals import is_pseudo_terminal, is_terminal, somebody_sits_at
from estim.records.home import Home
from tests.conftest import PRIORITY, ordinary_again
from tests.support import SHORT

ROOT = Path(__file__).parents[2]
LINKS = pytest.mark.skipif(
    sys.platform == "win32", reason="links to files need a right there that few have, and Wine makes none"
)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="modes and F_FULLFSYNC are POSIX's")


class FakeTime:
    """A module `time` whose machine can be put to sleep."""

    CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW = 7, 4

    def __init__(self) -> None:
        self.awake_ns = self.slept_ns = 0

    def monotonic_ns(self) -> int:
        return self.awake_ns

    def perf_counter_ns(self) -> int:
        return self.awake_ns + self.slept_ns

    def clock_gettime_ns(self, clock: int) -> int:
        assert clock in {self.CLOCK_BOOTTIME, self.CLOCK_MONOTONIC_RAW}
        return self.awake_ns + self.slept_ns


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_a_closed_lid_is_noticed_on_every_system(system: str) -> None:
    now = FakeTime()
    clock = SessionClock(clocks_of(system, now))
    now.awake_ns += 5_000_000
    before_us = clock.now_us()
    assert clock.slept_us() == 0
    now.slept_ns += 20_000_000_000
    noticed_us = max(clock.slept_us(), clock.now_us() - before_us)
    assert noticed_us == 20_000_000
    assert clock.slept_us() == 0


def test_a_system_without_a_second_clock_has_one() -> None:
    class Bare:
        @staticmethod
        def monotonic_ns() -> int:
            return 3

    assert clocks_of("freebsd", Bare()) == Clocks(Bare.monotonic_ns, Bare.monotonic_ns)


@POSIX
def test_durable_means_the_medium_on_macos(mocker: MockerFixture) -> None:
    mocker.patch.object(files, "_FULL_SYNC", 51)
    asked = mocker.patch.object(pytest.importorskip("fcntl"), "fcntl")
    fsync = mocker.patch.object(os, "fsync")
    files.make_durable(9)
    asked.assert_called_once_with(9, 51)
    fsync.assert_not_called()
    asked.side_effect = OSError(45, "Operation not supported")  # a network share
    files.make_durable(9)
    fsync.assert_called_once_with(9)


def test_a_lock_falls_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with files.locked(path, wait_s=1.0):
        with path.open("a+b") as second:
            assert not files.try_lock(second)
        with pytest.raises(TimeoutError), files.locked(path, wait_s=0.01):
            pass
    with path.open("a+b") as second:
        assert files.try_lock(second)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, mocker: MockerFixture) -> None:
    path = tmp_path / "report.html"
    files.replace_whole(path, b"old")
    mocker.patch.object(files, "make_durable", side_effect=OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space"):
        files.replace_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["report.html"]


@LINKS
def test_what_a_person_named_is_replaced_whole_and_keeps_its_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`records report --html -o r.html` on a full disk left half of the new one in the place of the older."""
    older, fresh = tmp_path / "r.html", tmp_path / "new.html"
    files.put_whole(older, b"older")
    older.chmod(0o640)
    (tmp_path / "link.html").symlink_to(older)
    files.put_whole(tmp_path / "link.html", b"second")
    assert older.read_bytes() == b"second"
    assert stat.S_IMODE(older.stat().st_mode) == 0o640
    files.put_whole(Path(os.devnull), b"into a device")
    assert not Path(os.devnull).is_file()
    monkeypatch.setattr(files, "make_durable", full)
    monkeypatch.setattr(Path, "write_bytes", half)
    for path in (older, fresh):
        with pytest.raises(OSError, match="No space"):
            files.put_whole(path, b"half")
    assert older.read_bytes() == b"second"
    assert {path.name for path in tmp_path.iterdir()} == {"r.html", "link.html"}


@LINKS
def test_what_is_written_piece_by_piece_is_there_once_all_of_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, fresh = tmp_path / "p.csv", tmp_path / "new.csv"
    with files.putting_whole(fresh) as file:
        file.write("µ 1\n")
        assert not fresh.exists()
    assert fresh.read_bytes() == "µ 1\n".encode()
    fresh.rename(older)
    older.chmod(0o640)
    (tmp_path / "link.csv").symlink_to(older)
    with files.putting_whole(tmp_path / "link.csv") as file:
        file.write("2\n")
    assert older.read_bytes() == b"2\n"
    assert stat.S_IMODE(older.stat().st_mode) == 0o640
    with files.putting_whole(Path(os.devnull)) as file:
        file.write("into a device")
    with pytest.raises(ZeroDivisionError), files.putting_whole(older) as file:
        file.write(f"half{1 // 0}")
    with (
        pytest.raises(FileNotFoundError, match="no-such"),
        files.putting_whole(tmp_path / "no-such" / "p.csv"),
    ):
        pass
    monkeypatch.setattr(files, "make_durable", full)
    for path in (older, fresh):
        with pytest.raises(OSError, match=r"No space.*csv"), files.putting_whole(path) as file:
            file.write("half")
    assert older.read_bytes() == b"2\n"
    assert {path.name for path in tmp_path.iterdir()} == {"p.csv", "link.csv"}


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size there")
@pytest.mark.parametrize(
    "words",
    [
        ("protocols", "plot", "knee-replacement-quadriceps-early", "--svg"),
        ("rehearse", str(SHORT), "--level", "quadriceps=20", "--pulses"),
    ],
)
def test_a_drawing_or_pulses_that_find_no_room_leave_what_was_there(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Both wrote over an older file and left half of the new one. The room is a file's largest size of 2 kB."""
    older = tmp_path / "kept" / "older"
    older.parent.mkdir()
    for before in (b"older", None):
        if before is not None:
            older.write_bytes(before)
        done = subprocess.run(
            [sys.executable, "-c", TIGHT, *words, str(older), "--home", str(tmp_path / "home")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode in {1, 2, 3}, done.stderr
        assert "Traceback" not in done.stderr
        assert "older" in done.stderr
        assert [path.read_bytes() for path in older.parent.iterdir()] == ([before] if before is not None else [])
        older.unlink(missing_ok=True)


TIGHT = """
import resource, sys
sys.dont_write_bytecode = True  # half a compiled file would be left in the tree
from estim.cli import main
import estim.rehearsal, estim.desk.checking  # what may be compiled is, while there is room
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
raise SystemExit(main())
"""


def half(path: Path, _data: bytes) -> None:
    path.touch()
    full(0)


def full(_number: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@POSIX
def test_a_home_is_taken_back_from_other_users(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "records").mkdir(parents=True)
    (home / "records" / "index.sqlite").write_bytes(b"x")
    (home / "run.sh").write_bytes(b"x")
    for path, mode in (
        (home, 0o755),
        (home / "records", 0o777),
        (home / "run.sh", 0o755),
        (home / "records" / "index.sqlite", 0o644),
    ):
        path.chmod(mode)
    (home / "away").symlink_to(tmp_path)
    assert files.take_back(home) == 4
    modes = {path.name: path.stat().st_mode & 0o777 for path in (home, *home.rglob("*")) if not path.is_symlink()}
    assert modes == {"home": 0o700, "records": 0o700, "index.sqlite": 0o600, "run.sh": 0o700}
    assert files.take_back(home) == 0
    assert files.take_back(tmp_path / "none") == 0


def test_a_process_is_asked_without_being_sent_anything() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    assert is_alive(child.pid)
    child.communicate()
    assert not is_alive(child.pid)
    assert not is_alive(0)
    assert not is_alive(-1)
    assert not is_alive(1 << 62)


@pytest.mark.parametrize("name", ["queue", "json", "argparse", "typing", "sitecustomize"])
def test_a_file_in_the_working_directory_is_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()\nraise SystemExit(9)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(("", ".", str(Path.cwd().parent))))
    with (tmp_path / "log").open("wb") as log:
        child = start_module("firmware_sim", ["--help"], log=log)
    out, _ = child.communicate()
    assert child.returncode == 0
    assert b"--tcp" in out
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("path", "pseudo"),
    [
        ("/dev/pts/3", True), ("/dev/ttys004", True), ("/dev/ttyS0", False), ("/dev/ttyACM0", False),
        ("/dev/cu.usbmodem14101", False), ("/dev/tty.usbmodem14101", False), ("COM3", False),
    ],
)  # fmt: skip
def test_a_simulators_terminal_is_told_from_a_port(path: str, *, pseudo: bool) -> None:
    assert is_pseudo_terminal(path) is (pseudo and sys.platform != "win32")  # which has none of that name


def calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", "")), node


def test_what_is_written_as_text_has_the_same_bytes_on_every_system() -> None:
    """On Windows text gets other line ends where nothing is said: a trial's file was then not the one it began with."""
    silent = []
    for file in sorted(p for tree in ("src", "firmware_sim") for p in (ROOT / tree).rglob("*.py")):
        for name, call in calls(file):
            words = {each.value for each in call.args if isinstance(each, ast.Constant)}
            writes = name == "write_text" or (name in {"open", "fdopen"} and words & {"w", "a", "x"})
            if writes and "newline" not in {each.arg for each in call.keywords}:
                silent.append(f"{file.relative_to(ROOT)}:{call.lineno}")
    assert silent == []


@pytest.mark.skipif(sys.platform == "win32", reason="a priority is the process' own on POSIX alone")
def test_what_a_command_asked_for_in_a_test_ends_with_the_test() -> None:
    favour()
    ordinary_again()
    assert os.getpriority(os.PRIO_PROCESS, 0) == PRIORITY


def test_what_a_console_starts_loads_as_an_ordinary_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Five that begin at once held two processors for seconds, and nothing else on that computer went on."""
    order: list[str] = []

    class Client:
        pid = 1

        def __init__(self, *_: object, **__: object) -> None:
            order.append("controller")

        def close(self) -> None:
            order.append("closed")

    def shown(*_: object, **__: object) -> int:
        order.append("shown")
        return 0

    monkeypatch.setattr("estim.controller.client.ControllerClient", Client)
    monkeypatch.setattr("estim.platform.priority.favour", lambda: order.append("favoured"))
    monkeypatch.setattr("estim.console.start.run_console", shown)
    given = argparse.Namespace(device="p24:/dev/none", emg="", language=None, theme=None)
    assert sessions._console(given, Home(tmp_path), lambda _: None) == 0
    assert order == ["controller", "favoured", "shown", "closed"], "the threads that hear keys are begun by what shows"


def test_priority_is_asked_for_and_said() -> None:
    code = "from estim.platform.priority import raise_priority; print(raise_priority())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30).stdout
    assert ("high priority class" if sys.platform == "win32" else "memory") in said
    assert callable(raise_priority)


def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        child = start_module("firmware_sim", ["p24", "--until-parent"], log=log)
    assert child.stdin is not None
    assert child.stdout is not None
    assert b"socket://" in child.stdout.readline()
    began = time.monotonic()
    child.stdin.close()
    child.wait(20)
    assert 2.0 < time.monotonic() - began < 15.0
    child.stdout.close()


def test_of_who_may_read_a_key_only_what_was_looked_at_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert files.who_may_read(tmp_path / "station.key") == "readable by its owner alone"
    monkeypatch.setattr(sys, "platform", "win32")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "ann"))
    inside = files.who_may_read(tmp_path / "ann" / "AppData" / "station.key")
    outside = files.who_may_read(tmp_path / "share" / "station.key")
    assert inside == f"in the profile {tmp_path / 'ann'}, whose access list it inherits; the list itself was not read"
    assert outside.startswith(f"outside the profile {tmp_path / 'ann'}: who may read it was not read")
    assert "owner alone" not in inside + outside


def test_a_folder_that_was_never_installed_says_what_an_extra_needs_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names(packages: list[str]) -> set[str]:
        return {package.partition("[")[0].partition("<")[0].partition(">")[0] for package in packages}

    assert names(extras.packages_of("clinic")) == {"sqlalchemy", "psycopg"}

    def nothing(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", nothing)
    assert names(extras.packages_of("clinic")) == {"sqlalchemy", "psycopg"}
    assert extras.packages_of("clinic", tmp_path / "pyproject.toml") == []


def test_a_command_is_quoted_as_the_systems_shell_takes_it() -> None:
    assert extras.for_a_shell("pylsl>=1.16", "linux") == "'pylsl>=1.16'"
    assert extras.for_a_shell("pylsl>=1.16", "win32") == '"pylsl>=1.16"'
    assert extras.for_a_shell(r"C:\Program Files\python.exe", "win32") == r'"C:\Program Files\python.exe"'
    assert extras.for_a_shell(r"C:\Python311\python.exe", "win32") == r"C:\Python311\python.exe"


def test_standard_input_of_a_service_is_no_terminal_and_its_end_stops_nothing() -> None:
    """Windows calls NUL a terminal, whose end is Ctrl+D, which stops."""
    with open(os.devnull, "rb") as nothing:
        assert not is_terminal(nothing.fileno())
        beside = Bystander(nothing.fileno())
        try:
            assert not any(beside.wait(0.05) for _ in range(4))
        finally:
            beside.close()


class Shown(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_somebody_sits_at_a_terminal_and_at_nothing_else(tmp_path: Path) -> None:
    """On Windows NUL calls itself a terminal; a service has it, or no standard input at all."""
    (tmp_path / "typed").touch()
    with open(os.devnull, encoding="utf-8") as nothing, (tmp_path / "typed").open(encoding="utf-8") as file:
        assert not somebody_sits_at(nothing)
        assert not somebody_sits_at(file)
    assert not somebody_sits_at(file), "closed"
    assert not somebody_sits_at(None)
    assert not somebody_sits_at(io.StringIO())
    assert somebody_sits_at(Shown())

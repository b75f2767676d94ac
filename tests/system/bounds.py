"""The bounds of SAFETY.md, measured: from each event to the last pulse, or to the word that tells it, in real time.

python tests/system/bounds.py [--times 3] [--only Space] [--write]

About 8 minutes on a quiet machine. Prints the table; with --write it takes the place of the one in SAFETY.md. Rows that
are worked out in simulated time, or that need a process which can't be killed, name their test and are not measured
here.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.support import put_between  # noqa: E402
from tests.system.conftest import wait_until  # noqa: E402
from tests.system.hardships import Disk, stall, thread_with, unkillable  # noqa: E402
from tests.system.machine import EndedBefore  # noqa: E402
from tests.system.running import Session, begin, end, until_pulsing  # noqa: E402
from tests.system.session_kills import TRIES, strike  # noqa: E402
from tests.system.terminal import KEYS  # noqa: E402
from tests.system.typed import TypedSession  # noqa: E402

BEGIN, END = "<!-- bounds: made by tests/system/bounds.py --write -->", "<!-- end of bounds -->"
HEAD = "| Event | Bound | Worst measured | Where it is shown |\n|---|---|---|---|\n"
STALL_S = 0.4
QUIET_S = 2.6  # longer than any device's own timer

Measure = Callable[[Path, int], float]  # folder, seed → milliseconds


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        bound_ms: what the worst may be; 0 where `worst` stands for it.
        measure: one measurement; None where `worst` says what another test found.
        told: the figure is the time until it was told, not until the last pulse.
    """

    event: str
    bound: str
    tests: tuple[str, ...]
    bound_ms: int = 0
    measure: Measure | None = None
    worst: str = ""
    told: bool = False


def _blow(kind: str, stage: str = "titration") -> Measure:
    def measure(folder: Path, seed: int) -> float:
        return strike(folder, kind, seed, stage).after_ms

    return measure


def _after(session: Session, at_us: int) -> float:
    """From `at_us` to the last pulse of all, ms."""
    until = time.monotonic() + QUIET_S
    while time.monotonic() < until:
        session.pulses.look()
        session.draw()
        time.sleep(0.005)
    return max(0, session.pulses.last_us() - at_us) / 1_000


def _in_output(act: Callable[[Session], object], front: str = "console") -> Measure:
    """Something happens at a random instant of output; from then to the last pulse."""

    def measure(folder: Path, seed: int) -> float:
        session = begin(folder, front)
        try:
            until = time.monotonic() + 0.5 + (seed * 0.37) % 1.5
            while time.monotonic() < until:
                session.pulses.look()
                session.draw()
                time.sleep(0.002)
            until_pulsing(session, session.pulses.fresh)
            at_us = session.pulses.now_us()
            act(session)
            return _after(session, at_us)
        finally:
            end(session)

    return measure


def _key(name: str) -> Measure:
    def press(session: Session) -> None:
        assert session.console is not None
        os.write(session.console.master, KEYS[name])

    return _in_output(press)


def _terminal_silent(folder: Path, seed: int) -> float:
    """It goes on taking what is drawn, and answers no status report any more: as behind a dead ssh line."""

    def falls_silent(session: Session) -> None:
        assert session.console is not None
        session.console.answers = False

    return _in_output(falls_silent, "console that is answered")(folder, seed)


def _terminal_stands(folder: Path, seed: int) -> float:
    """Nobody reads what the console draws, and nobody answers it."""
    session = begin(folder, "console that is answered")
    try:
        time.sleep(0.2 + (seed * 0.37) % 1.0)
        at_us = session.pulses.now_us()
        time.sleep(QUIET_S + 2)
        return max(0, session.pulses.last_us() - at_us) / 1_000
    finally:
        end(session)


def _line_key(text: bytes) -> Measure:
    def measure(folder: Path, seed: int) -> float:
        one = TypedSession(folder)
        try:
            one.to_output()
            until = time.monotonic() + (seed * 0.37) % 1.0
            one.until(lambda: time.monotonic() > until, "a moment")
            at_us = one.pulses.now_us()
            one.type(text)
            until = time.monotonic() + QUIET_S
            one.until(lambda: time.monotonic() > until, "quiet")
            return max(0, one.pulses.last_us() - at_us) / 1_000
        finally:
            one.close()

    return measure


def _told_after(word: bytes, act: Callable[[Session, Disk], object]) -> Measure:
    """From an event until the front says so."""

    def measure(folder: Path, _seed: int) -> float:
        folder.mkdir(parents=True)
        disk = Disk(folder)
        session = begin(folder / "home", env=disk.surroundings)
        heard = bytearray()

        def hears() -> bool:
            assert session.front.stdout is not None
            os.set_blocking(session.front.stdout.fileno(), False)
            with contextlib.suppress(BlockingIOError):
                heard.extend(os.read(session.front.stdout.fileno(), 65_536))
            return word in heard

        try:
            until_pulsing(session, session.pulses.fresh)
            hears()
            heard.clear()
            began = time.monotonic()
            act(session, disk)
            wait_until(hears, what=f"{word!r} is said")
            told_s = time.monotonic() - began
            disk.takes(0.0)
            return told_s * 1_000
        finally:
            end(session)

    return measure


def _disk_frozen_and_stopped(session: Session, disk: Disk) -> None:
    os.kill(session.controller, signal.SIGSTOP)
    disk.takes(20.0)


def _disk_frozen(folder: Path, _seed: int) -> float:
    """Nothing becomes durable any more; from then to the last pulse."""
    folder.mkdir(parents=True)
    disk = Disk(folder)
    session = begin(folder / "home", env=disk.surroundings)
    try:
        until_pulsing(session, session.pulses.fresh)
        at_us = session.pulses.now_us()
        disk.takes(30.0)
        time.sleep(6.0)
        return max(0, session.pulses.last_us() - at_us) / 1_000
    finally:
        disk.takes(0.0)
        end(session)


def _killed_in_a_disk(folder: Path, _seed: int) -> float:
    """The thread that writes its record waits inside the system and can't be killed with it."""
    session = begin(folder)
    try:
        until_pulsing(session, session.pulses.fresh)
        controller = session.controller
        with unkillable(thread_with(controller, "record.jsonl")):
            at_us = session.pulses.now_us()
            os.kill(controller, signal.SIGKILL)
            return _after(session, at_us)
    finally:
        end(session)


def _held_up(folder: Path, _seed: int) -> float:
    """The controller stands for 0.4 s while it works."""
    session = begin(folder)
    try:
        until_pulsing(session, session.pulses.fresh)
        stall(session.controller, STALL_S, working=True)
        return _after(session, session.pulses.now_us() - round(STALL_S * 1e6))
    finally:
        end(session)


_KEYS = "tests/system/test_stop_key_pty.py::test_the_stop_leaves_while_the_ui_loop_stands"
_TYPED = "tests/system/test_typed.py::test_each_way_stops_and_its_end_is_true"
_BLOWS = "tests/system/test_session_kills.py::test_a_blow_ends_output_and_leaves_a_record_that_verifies"
_HARD = "tests/system/test_hardships.py::"
_SILENT = "tests/system/test_console_way_out.py::test_a_terminal_that_answers_no_more_stops"
_SESSIONS = "tests/system/test_sessions.py::"
_WORLDS = "tests/rehearsal/test_worlds.py::test_nothing_breaks_in_many_worlds"
ROWS: tuple[Row, ...] = (
    Row(
        "Space in the console",
        "the next turn of the controller, then at most one pulse period: 45 ms at 50 Hz",
        (_KEYS,),
        45,
        _key("space"),
    ),
    Row("F12 in the console", "the same", (_KEYS,), 45, _key("f12")),
    Row(
        "Escape in the console",
        "100 ms more (the rest of a sequence is waited for); the screen prints SPACE",
        (_KEYS,),
        145,
        _key("escape"),
    ),
    Row(
        "An empty line in `estim run`", "its look every 50 ms, a turn, a period: 95 ms", (_TYPED,), 95, _line_key(b"\n")
    ),
    Row(
        "Controller killed",
        "100 ms",
        (_SESSIONS + "test_the_controller_is_killed_while_it_stimulates", _BLOWS),
        100,
        _blow("controller SIGKILL"),
    ),
    Row(
        "Controller killed while a thread of it waits for a frozen disk",
        "100 ms (Linux: threads that wait for a disk have files of their own)",
        (_HARD + "test_a_disk_that_holds_a_thread_of_a_dead_controller_delays_no_stop",),
        100,
        _killed_in_a_disk,
    ),
    Row(
        "Controller hangs",
        "500 ms of silence, then the take-over: 600 ms",
        (_SESSIONS + "test_the_controller_hangs_while_it_stimulates", _BLOWS),
        600,
        _blow("controller SIGSTOP"),
    ),
    Row("Front killed", "100 ms", (_BLOWS,), 100, _blow("front SIGKILL")),
    Row("Console killed", "100 ms", (_BLOWS,), 100, _blow("console SIGKILL")),
    Row("Its terminal closed", "100 ms", (_BLOWS,), 100, _blow("terminal closed")),
    Row(
        "Nobody reads what the front says",
        "350 ms: it looks with each heartbeat",
        (_BLOWS,),
        350,
        _blow("front's pipe closed"),
    ),
    Row(
        "Front hangs",
        "1.0 s and one turn: 1,050 ms",
        ("tests/session/test_engine.py::test_the_console_falls_silent", _BLOWS),
        1_050,
        _blow("front SIGSTOP"),
    ),
    Row("Console hangs", "the same", (_BLOWS,), 1_050, _blow("console SIGSTOP")),
    Row(
        "The terminal answers no more (it did at the start)",
        "asked every 0.5 s, silent for 1 s: 1.7 s",
        (_SILENT,),
        1_700,
        _terminal_silent,
    ),
    Row("The terminal takes and answers nothing any more", "the same", (_SILENT,), 1_700, _terminal_stands),
    Row(
        "The terminal of `estim run` is stopped (Ctrl+S)",
        "it is looked at with each heartbeat, for 1 s: 1.2 s",
        (_TYPED,),
        1_200,
        _line_key(b"\x13"),
    ),
    Row(
        "Controller held up for more than 250 ms, at work or waiting",
        "the turn that notices it: 450 ms for a stall of 400 ms",
        (_HARD + "test_a_controller_held_up_while_it_works_stops_and_says_so",),
        450,
        _held_up,
    ),
    Row(
        "Disk frozen",
        "2.0 s after the first line that waits for it, which comes within 0.5 s: 2.6 s",
        ("tests/session/test_engine.py::test_a_record_that_is_late_stops",),
        2_600,
        _disk_frozen,
    ),
    Row(
        "Controller hangs while its disk is frozen",
        "told within 1.5 s, ended within 8 s",
        (_HARD + "test_a_controller_that_stands_is_told_and_ended",),
        1_500,
        _told_after(b"controller was lost", _disk_frozen_and_stopped),
        told=True,
    ),
    Row(
        "Link cut, or the device hangs",
        "the device's own timer; told within 1.5 s, UNCERTAIN is the outcome, exit code 4",
        (_HARD + "test_a_device_that_hangs_leaves_the_output_uncertain_and_says_so",),
        1_500,
        _told_after(b"UNCERTAIN", lambda session, _: os.kill(session.simulator.pid, signal.SIGSTOP)),
        told=True,
    ),
    Row(
        "Controller can't be killed and keeps the port",
        "the device's own timer; UNCERTAIN and what makes it safe told within 1.5 s, ended within 8 s",
        ("tests/controller/test_taking_over.py::test_a_process_that_cannot_be_killed_delays_nothing",),
        worst="as its test asserts",
    ),
    Row(
        "Controller and front killed",
        "the device's own timer: 2.0 s and a period",
        ("tests/firmware/test_devices.py::test_the_keep_alive_ends_output_after_two_seconds", _BLOWS),
        2_020,
        _blow("both SIGKILL"),
    ),
    Row(
        "Controller and front hang",
        "the same; output stays off when they wake",
        (_BLOWS,),
        2_020,
        _blow("both SIGSTOP"),
    ),
    Row("Front killed during a take-over", "the same", (_BLOWS,), 2_020, _blow("front SIGKILL", "take-over")),
    Row(
        "Disk slow (fsync 400 ms, 2 s while signing in and signing)",
        "nothing stops",
        (
            _HARD + "test_a_slow_disk_and_a_front_that_is_held_up_end_no_session",
            _HARD + "test_signing_in_and_signing_take_as_long_as_the_disk_needs",
        ),
        worst="`make hardships`",
    ),
    Row(
        "Stop meets a lost or damaged frame, late bytes, silence, an ignored stop",
        "5 ms in simulated time, and what each of them adds: the table of [rehearsal.md](docs/rehearsal.md)",
        (_WORLDS,),
        worst="as there",
    ),
    Row(
        "A cut (− 20 %) or lower meets a damaged frame",
        "250 ms for the answer that does not come, then output is stopped",
        (_WORLDS,),
        worst="in simulated time",
    ),
)


def table(measured: dict[str, str]) -> str:
    """The rows, each with what was measured."""
    lines = [
        f"| {row.event} | {row.bound} | {measured.get(row.event, row.worst)} | "
        f"{'<br>'.join(f'`{test}`' for test in row.tests)} |\n"
        for row in ROWS
    ]
    return HEAD + "".join(lines)


def _measure(at: int, folder: Path, number: int) -> float | None:
    """One measurement of a row; None where no session could be brought to it."""
    row = ROWS[at]
    assert row.measure is not None
    for attempt in range(TRIES):
        try:
            return row.measure(folder / f"{at}-{number}-{attempt}", number)
        except (EndedBefore, AssertionError, OSError) as error:
            sys.stderr.write(f"{row.event}: once more: {str(error).splitlines()[:1]}\n")
    return None


def _worst(row: Row, found: Sequence[float | None]) -> tuple[str, bool]:
    times = [each for each in found if each is not None]
    if not times:
        return "NOT REACHED", True
    worst = max(times)
    over = worst > row.bound_ms
    said = f"{worst:.0f} ms" if worst < 1_000 else f"{worst / 1_000:.2f} s"
    return f"{'told ' if row.told else ''}{said}{' (OVER)' if over else ''}", over or None in found


def main() -> int:
    """Measure all of them; 1 if one was over its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="of each")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", action="append", help="rows whose event carries this word")
    parser.add_argument("--write", action="store_true", help="into SAFETY.md")
    given = parser.parse_args()
    rows = [
        row
        for row in ROWS
        if row.measure is not None and (not given.only or any(word in row.event for word in given.only))
    ]
    measured: dict[str, str] = {}
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ProcessPoolExecutor(given.jobs) as pool:
        asked = {
            row.event: [pool.submit(_measure, ROWS.index(row), Path(folder), number) for number in range(given.times)]
            for row in rows
        }
        for row in rows:
            measured[row.event], bad = _worst(row, [each.result() for each in asked[row.event]])
            wrong += bad
            sys.stderr.write(f"{row.event}: {measured[row.event]}\n")
    sys.stdout.write(table(measured))
    if given.write:
        page = ROOT / "SAFETY.md"
        made = table(measured)
        put_between(page, BEGIN, END, made)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""`estim doctor`: is this machine fit for a session? Terminal, keys, ports, permissions, clock, disk, key.

Reads, asks tmux for one value, writes and removes one file in the home; touches no device.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from estim.cli.output import EXIT_REFUSED, home_of, print_json

if TYPE_CHECKING:
    from estim.records.home import Home

COLUMNS_MIN, ROWS_MIN = 80, 24
TMUX_ESCAPE_MS_MAX = 50  # above it Escape is a slow third choice of the stop; tmux 3.3 has 500 by default
FREE_MB_MIN, FREE_MB_WARN = 100, 1_000  # a session's record is some MB
FSYNC_MS_WARN, FSYNC_MS_MAX = 200.0, 1_000.0  # a raise that is not durable within 1 s is dropped
MARKS = {"ok": "✓", "warn": "!", "bad": "✖"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line. `bad` means that a session should not begin here, `warn` that something is less than it could be."""

    part: str
    state: Literal["ok", "warn", "bad"]
    text: str


def _found(part: str, state: Literal["ok", "warn", "bad"], text: str) -> Finding:
    return Finding(part=part, state=state, text=text)


def doctor(given: argparse.Namespace) -> int:
    """0 if a session can begin here, 1 if something is bad."""
    home = home_of(given)
    findings = [
        *terminal(os.environ, is_tty=sys.stdin.isatty() and sys.stderr.isatty(), size=shutil.get_terminal_size()),
        *tmux(os.environ, _tmux_escape_ms() if "TMUX" in os.environ else None),
        *keys(home.root),
        *ports(),
        *clock(home.root, now=datetime.datetime.now(datetime.UTC)),
        *disk(home.root),
        *station_key(home.root),
        *whole(home),
        *private(home.root),
    ]
    bad = any(finding.state == "bad" for finding in findings)
    if given.json:
        print_json({"ok": not bad, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            print(f"{MARKS[finding.state]} {finding.part:9} {finding.text}")
    return EXIT_REFUSED if bad else 0


def terminal(environment: Mapping[str, str], *, is_tty: bool, size: os.terminal_size) -> Iterator[Finding]:
    """Can the console draw and read keys here?"""
    if not is_tty:
        yield _found("terminal", "warn", "this is none: the console needs one; estim run and rehearse do not")
    term = environment.get("TERM", "")
    if is_tty and term in {"", "dumb"}:
        yield _found("terminal", "bad", f"TERM is {term!r}: the console can't draw; try TERM=xterm-256color")
    if is_tty and (size.columns < COLUMNS_MIN or size.lines < ROWS_MIN):
        text = f"{size.columns}×{size.lines}: state and stop stay in sight, the rest needs {COLUMNS_MIN}×{ROWS_MIN}"
        yield _found("terminal", "warn", text)
    elif is_tty:
        yield _found("terminal", "ok", f"{term}, {size.columns}×{size.lines}")
    locale = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    if "utf-8" not in locale.lower().replace("utf8", "utf-8"):
        yield _found("terminal", "warn", f"the locale {locale!r} is not UTF-8: bars and shapes may be drawn wrong")
    if environment.get("STY"):
        yield _found("keys", "warn", "GNU screen holds Escape back; stop with SPACE")


def tmux(environment: Mapping[str, str], escape_ms: int | None) -> Iterator[Finding]:
    """Escape is held back there; Space and F12 are as fast as without it."""
    if "TMUX" not in environment:
        return
    if escape_ms is None:
        yield _found("keys", "warn", "tmux does not say its escape-time: stop with SPACE, Escape may come late")
    elif escape_ms > TMUX_ESCAPE_MS_MAX:
        advice = "stop with SPACE; `tmux set -s escape-time 10` makes Escape faster"
        yield _found("keys", "warn", f"tmux holds Escape back for {escape_ms} ms: {advice}")
    else:
        yield _found("keys", "ok", f"tmux holds Escape back for {escape_ms} ms")


def _tmux_escape_ms() -> int | None:
    tmux_path = shutil.which("tmux")
    if tmux_path is None:
        return None
    try:
        said = subprocess.run(  # noqa: S603 - tmux itself
            [tmux_path, "show-options", "-sv", "escape-time"], capture_output=True, text=True, timeout=2, check=True
        )
        return int(said.stdout.strip())
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def keys(home: Path) -> Iterator[Finding]:
    """Is the site's key map usable?"""
    from estim.console.keys import parse_keymap
    from estim.console.settings import parse_settings
    from estim.safety.errors import UsageError

    path = home / "console.toml"
    if not path.is_file():
        yield _found("keys", "ok", "the console's own; SPACE, F12 and ESC stop")
        return
    try:
        parse_keymap(parse_settings(path.read_bytes()).data)
    except (UsageError, OSError) as error:
        yield _found("keys", "bad", f"{path}: {error}")
    else:
        yield _found("keys", "ok", f"{path}; SPACE, F12 and ESC stop")


def ports() -> Iterator[Finding]:
    """Which serial ports are there, and may this user open them?"""
    from estim.drivers.discovery import list_devices

    rows = list_devices(probe=False)
    if not rows:
        yield _found("ports", "ok", "no serial port; sim://p24 is always there")
    for row in rows:
        yield port(str(row["address"]))


def port(path: str) -> Finding:
    """May this user read and write it?"""
    if not path.startswith("/") or os.access(path, os.R_OK | os.W_OK):
        return _found("ports", "ok", path)
    advice = "add yourself to its group (often dialout or uucp) and log in again"
    return _found("ports", "bad", f"{path} can't be opened by this user: {advice}")


def clock(home: Path, *, now: datetime.datetime) -> Iterator[Finding]:
    """Records are named and dated by this clock; it must not lie before what it has dated already."""
    folders = [path.name for path in (home / "records").glob("*/*") if path.is_dir()]
    latest = max(folders, default="")
    stamp = now.strftime("%Y%m%dT%H%M%S.%fZ")
    if latest[: len(stamp)] > stamp:
        yield _found("clock", "bad", f"it is {stamp} here, but the record {latest} lies later: set the clock")
    else:
        yield _found("clock", "ok", now.strftime("%Y-%m-%d %H:%M UTC"))


def disk(home: Path) -> Iterator[Finding]:
    """Is there room, may it be written, and how long does a durable line take?"""
    try:
        home.mkdir(parents=True, exist_ok=True)
        free_mb = shutil.disk_usage(home).free // 1_000_000
        took_ms = max(_fsync_ms(home / ".doctor") for _ in range(5))
    except OSError as error:
        yield _found("disk", "bad", f"{home} can't be written: {error}")
        return
    state: Literal["ok", "warn", "bad"] = "ok"
    if free_mb < FREE_MB_WARN or took_ms > FSYNC_MS_WARN:
        state = "warn"
    if free_mb < FREE_MB_MIN or took_ms > FSYNC_MS_MAX:
        state = "bad"
    yield _found("disk", state, f"{home}: {free_mb} MB free, a durable line takes up to {took_ms:.1f} ms")


def _fsync_ms(path: Path) -> float:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        began = time.perf_counter()
        os.write(handle, b"doctor\n")
        os.fsync(handle)
        return (time.perf_counter() - began) * 1000
    finally:
        os.close(handle)
        path.unlink(missing_ok=True)


def station_key(home: Path) -> Iterator[Finding]:
    """The key that signs this station's records: there, and its owner's alone."""
    from estim.records.keys import PRIVATE

    path = home / "keys" / PRIVATE
    if not path.exists():
        yield _found("key", "ok", "none yet; the first session makes one")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        yield _found("key", "bad", f"{path} can be read by others (mode {mode:o}): chmod 600, or make a new one")
    elif not os.access(path, os.R_OK):
        yield _found("key", "bad", f"{path} can't be read by this user: no record can be signed")
    else:
        yield _found("key", "ok", f"{path}, readable by its owner alone")


def whole(home: Home) -> Iterator[Finding]:
    """Do registers, keys and chains fit each other? Does the site's file of limits hold?"""
    from estim.records.guard import REGISTERS, check
    from estim.records.patients import load_patients, spellings
    from estim.records.site import site_problem
    from estim.records.station import judge_station
    from estim.safety.errors import RecordError

    wrong = [f"{path}: {reason}" for path, _, reason in judge_station(home.root)]
    for register in REGISTERS:
        try:
            check(home.root, register)
        except RecordError as error:
            wrong += [str(error)] if not wrong else []
    if problem := site_problem(home):
        wrong.append(problem)
    for text in wrong:
        yield _found("home", "bad", text)
    try:
        twice = spellings(load_patients(home.patients))
    except RecordError as error:
        twice = ()
        if not wrong:
            yield _found("home", "bad", str(error))
    for names in twice:
        yield _found("home", "warn", f"{' and '.join(names)} are one pseudonym: join them with `estim records join`")
    if not wrong:
        yield _found("home", "ok", "registers, keys and chains fit each other")


def private(home: Path) -> Iterator[Finding]:
    """Does everything in the home belong to its owner alone?"""
    if os.name != "posix" or not home.is_dir():
        return
    is_open = [path for path in (home, *home.rglob("*")) if not path.is_symlink() and path.stat().st_mode & 0o077]
    if is_open:
        text = f"{len(is_open)} files or folders of {home} can be read by others: `chmod -R go= {home}`"
        yield _found("privacy", "warn", text)
    else:
        yield _found("privacy", "ok", f"{home} is its owner's alone")

"""`estim doctor`: is this machine fit for a session? Terminal, keys, ports, permissions, clock, disk, key;
for each finding the command that cures it. Ports that can't be a stimulator's are nobody's trouble.

Reads, asks tmux for one value, writes and removes one file in the home; touches no device.
"""

from __future__ import annotations

import argparse
import datetime
import getpass
import os
import shlex
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli.doctor_ports import fix_ports, ports
from estim.cli.finding import Diagnosis, State
from estim.cli.finding import found as _found
from estim.cli.output import EXIT_REFUSED, fitted, home_of, print_json
from estim.platform.files import trouble, unread, who_may_read
from estim.platform.terminals import somebody_sits_at
from estim.safety.errors import quoted

if TYPE_CHECKING:
    from estim.records.home import Home

COLUMNS_MIN, ROWS_MIN = 80, 24
TMUX_ESCAPE_MS_MAX = 50  # above it Escape is a slow third choice of the stop; tmux 3.3 has 500 by default
FREE_MB_MIN, FREE_MB_WARN = 100, 1_000  # a session's record is some MB
FSYNC_MS_WARN, FSYNC_MS_MAX = 200.0, 1_000.0  # a raise that is not durable within 1 s is dropped
MARKS = {"ok": "✓", "warn": "!", "bad": "✖"}


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """`doctor`."""
    own = commands.add_parser("doctor", parents=[home])
    own.add_argument(
        "--fix-ports", action="store_true", help="Linux: install the udev rule for stimulators' ports, or show it"
    )


def doctor(given: argparse.Namespace) -> int:
    """0 if a session can begin here, 1 if something is bad."""
    if given.fix_ports:
        return fix_ports(given)
    from estim.records.home import NOWHERE

    home = home_of(given)
    is_tty = somebody_sits_at(sys.stdin) and somebody_sits_at(sys.stderr)
    findings = [
        *terminal(os.environ, is_tty=is_tty, size=shutil.get_terminal_size()),
        *tmux(os.environ, _tmux_escape_ms() if "TMUX" in os.environ else None),
        *python(os.environ),
        *ports(),
        *(at_home(home) if home is not NOWHERE else no_home()),
    ]
    bad = any(finding.state == "bad" for finding in findings)
    if given.json:
        print_json({"ok": not bad, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            said = finding.text.replace("\n", f"\n{'':12}")  # a name's own line end begins no finding
            print(fitted(f"{MARKS[finding.state]} {finding.part:9} {said}", indent=12))
            if finding.cure:
                print(fitted(f"  {'':9} cure: {finding.cure}", indent=12))
    return EXIT_REFUSED if bad else 0


def at_home(home: Home) -> Iterator[Diagnosis]:
    """What lies in the home."""
    yield from keys(home.root)
    yield from clock(home.root, now=datetime.datetime.now(datetime.UTC))
    yield from disk(home.root)
    yield from priority()
    yield from station_key(home.root)
    yield from qualified(home.root)
    yield from whole(home)
    yield from private(home.root)


def no_home() -> Iterator[Diagnosis]:
    """A container, a service: nowhere to keep records."""
    yield _found("home", "bad", "no home folder is known for this user", "export ESTIM_HOME=FOLDER")


def terminal(environment: Mapping[str, str], *, is_tty: bool, size: os.terminal_size) -> Iterator[Diagnosis]:
    """Can the console draw and read keys here?"""
    if not is_tty:
        text = "this is none: the console needs one; estim run and rehearse do not"
        yield _found("terminal", "warn", text, "ssh -t HOST estim console (from afar), or a terminal's own window")
    term = environment.get("TERM", "")
    if is_tty and term in {"", "dumb"}:
        yield _found("terminal", "bad", f"TERM is {quoted(term)}: the console can't draw", "export TERM=xterm-256color")
    if is_tty and (size.columns < COLUMNS_MIN or size.lines < ROWS_MIN):
        text = f"{size.columns}×{size.lines}: state and stop stay in sight, the rest needs {COLUMNS_MIN}×{ROWS_MIN}"
        yield _found("terminal", "warn", text, f"resize -s {ROWS_MIN} {COLUMNS_MIN} (xterm), or a larger window")
    elif is_tty:
        yield _found("terminal", "ok", f"{term}, {size.columns}×{size.lines}")
    locale = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    if "utf-8" not in locale.lower().replace("utf8", "utf-8"):
        text = f"the locale {quoted(locale)} is not UTF-8: bars and shapes may be drawn wrong"
        yield _found("terminal", "warn", text, "export LC_ALL=C.UTF-8")
    if environment.get("STY"):
        yield _found("keys", "warn", "GNU screen holds Escape back; stop with SPACE")


def python(environment: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Does every start compile everything anew?"""
    if environment.get("PYTHONDONTWRITEBYTECODE"):
        text = "PYTHONDONTWRITEBYTECODE is set: each start takes twice as long"
        yield _found("python", "warn", text, "unset PYTHONDONTWRITEBYTECODE")


def tmux(environment: Mapping[str, str], escape_ms: int | None) -> Iterator[Diagnosis]:
    """Escape is held back there; Space and F12 are as fast as without it."""
    if "TMUX" not in environment:
        return
    if escape_ms is None:
        text = "tmux does not say its escape-time: stop with SPACE, Escape may come late"
        yield _found("keys", "warn", text, "tmux set -s escape-time 10")
    elif escape_ms > TMUX_ESCAPE_MS_MAX:
        text = f"tmux holds Escape back for {escape_ms} ms: stop with SPACE"
        yield _found("keys", "warn", text, "tmux set -s escape-time 10")
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


def keys(home: Path) -> Iterator[Diagnosis]:
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
        yield _found(
            "keys",
            "bad",
            f"{path}: {unread(error) if isinstance(error, OSError) else error}",
            "estim help console.md#keys",
        )
    else:
        yield _found("keys", "ok", f"{path}; SPACE, F12 and ESC stop")


def clock(home: Path, *, now: datetime.datetime) -> Iterator[Diagnosis]:
    """Records are named and dated by this clock; it must not lie before what it has dated already."""
    folders = [path.name for path in (home / "records").glob("*/*") if path.is_dir()]
    latest = max(folders, default="")
    stamp = now.strftime("%Y%m%dT%H%M%S.%fZ")
    if latest[: len(stamp)] > stamp:
        text = f"it is {stamp} here, but the record {latest} lies later: set the clock"
        yield _found("clock", "bad", text, "sudo timedatectl set-ntp true" if sys.platform == "linux" else "")
    else:
        yield _found("clock", "ok", now.strftime("%Y-%m-%d %H:%M UTC"))


def disk(home: Path) -> Iterator[Diagnosis]:
    """Is there room, may it be written, and how long does a durable line take?"""
    elsewhere = "make room there, or: estim doctor --home ANOTHER-FOLDER"
    try:
        home.mkdir(parents=True, exist_ok=True)
        free_mb = shutil.disk_usage(home).free // 1_000_000
        took_ms = max(_fsync_ms(home / ".doctor") for _ in range(5))
    except OSError as error:
        why = trouble(error)
        yield _found("disk", "bad", f"{home} can't be written: {why}", elsewhere)
        return
    state: State = "ok"
    if free_mb < FREE_MB_WARN or took_ms > FSYNC_MS_WARN:
        state = "warn"
    if free_mb < FREE_MB_MIN or took_ms > FSYNC_MS_MAX:
        state = "bad"
    yield _found(
        "disk",
        state,
        f"{home}: {free_mb} MB free, a durable line takes up to {took_ms:.1f} ms",
        elsewhere if state == "bad" else "",
    )


def priority() -> Iterator[Diagnosis]:
    """What a controller gets of the processor: asked for by a process of its own, as for a session."""
    from estim.platform.priority import grouped_by_session
    from estim.platform.processes import start_module

    with open(os.devnull, "ab") as nowhere:
        asking = start_module("estim.platform.priority", [], log=nowhere)
    had = asking.communicate()[0].decode("ascii", "replace").strip() or "not known"
    yield priority_had(had, grouped=grouped_by_session())


def priority_had(had: str, *, grouped: bool) -> Diagnosis:
    """What it is worth: where processes are grouped by session, a nice value counts inside this terminal alone."""
    text = f"the control loop gets: {had}; all bounds hold without it, too"
    if not grouped:
        return _found("priority", "ok", text)
    text += (
        "; this system shares the processor among sessions first (sched_autogroup): what is only nice, as the screen "
        "is, comes first among the programs of this terminal alone, and a busy program of another session gets as much"
    )
    if "nice" not in had:  # real time counts everywhere; without any, a share for each session is the better rule
        return _found("priority", "ok", text)
    return _found("priority", "warn", text, "sudo sysctl kernel.sched_autogroup_enabled=0")


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


def station_key(home: Path) -> Iterator[Diagnosis]:
    """The key that signs this station's records: there, whole, this station's and its owner's alone."""
    from estim.records.keys import PRIVATE
    from estim.records.station import check_key
    from estim.safety.errors import RecordError

    path = home / "keys" / PRIVATE
    new_key = "estim records new-key --operator ID --reason TEXT"
    if not path.exists():
        try:
            check_key(home)
        except RecordError as error:
            yield _found("key", "bad", str(error), new_key)
        else:
            yield _found("key", "ok", "none yet; the first session makes one")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        text = f"{path} can be read by others (mode {mode:o})"
        yield _found("key", "bad", text, f"chmod 600 {shlex.quote(str(path))}")
    elif not os.access(path, os.R_OK):
        text = f"{path} can't be read by this user: no record can be signed"
        yield _found("key", "bad", text, f"sudo chown {getpass.getuser()} {shlex.quote(str(path))}")
    else:
        try:
            check_key(home)
        except RecordError as error:
            away = shlex.quote(f"{path}.away")
            yield _found("key", "bad", str(error), f"mv {shlex.quote(str(path))} {away} && {new_key}")
        else:
            yield _found("key", "ok", f"{path}, {who_may_read(path)}")


def whole(home: Home) -> Iterator[Diagnosis]:
    """Do registers, keys and chains fit each other? Does the site's file of limits hold?"""
    from estim.records.master_seen import seen_master
    from estim.records.patients import load_patients, spellings
    from estim.records.site import site_problem, site_warning
    from estim.records.verify_home import judge_beside_records
    from estim.safety.errors import RecordError

    wrong = []
    for verdict in judge_beside_records(home.root):
        wrong.append(verdict.reason if verdict.path in verdict.reason else f"{verdict.path}: {verdict.reason}")
    for simulated in (False, True):
        records = home.records(simulated=simulated)
        try:
            seen = seen_master(records)
        except RecordError as error:
            wrong.append(str(error))
            continue
        if seen is not None and seen.reason and not seen.torn:
            wrong.append(f"{records / 'master.jsonl'}: {seen.reason}")
    problem = site_problem(home)
    if problem and not any(text in problem for text in wrong):
        wrong.append(problem)
    if warning := site_warning(home):
        yield _found("limits", "warn", f"{home.site_file}: {warning}", "estim limits show")
    from_backup = "estim records verify (what is hurt), then estim records restore BACKUP --home ANOTHER-FOLDER"
    for text in wrong:
        yield _found("home", "bad", text, "" if "`estim " in text else from_backup)
    try:
        twice = spellings(load_patients(home.patients))
    except RecordError as error:
        twice = ()
        if not wrong:
            yield _found("home", "bad", str(error), from_backup)
    for names in twice:
        join = f"estim records join {' '.join(map(shlex.quote, names[:2]))} --reason TEXT"
        yield _found("home", "warn", f"{' and '.join(names)} are one pseudonym: join them", join)
    if not wrong:
        yield _found("home", "ok", "registers, keys and chains fit each other")


def private(home: Path) -> Iterator[Diagnosis]:
    """Does everything in the home belong to its owner alone?"""
    if os.name != "posix" or not home.is_dir():
        return
    is_open = [path for path in (home, *home.rglob("*")) if not path.is_symlink() and path.stat().st_mode & 0o077]
    if is_open:
        text = f"{len(is_open)} files or folders of {home} can be read by others"
        yield _found("privacy", "warn", text, f"chmod -R go= {shlex.quote(str(home))}")
    else:
        yield _found("privacy", "ok", f"{home} is its owner's alone")


def qualified(root: Path) -> Iterator[Diagnosis]:
    """When each device that was on a bench is due there again."""
    if not (root / "qualifications").is_dir():
        return
    from estim.records.keys import station_signer
    from estim.records.qualification import every

    today = datetime.datetime.now().astimezone().date()
    for name, one in every(root, public_hex=station_signer(root).public_hex).items():
        if one.refusal:
            yield _found("bench", "bad", f"{name}: {one.refusal}", "estim qualify run")
        elif due := one.due(today):
            yield _found("bench", "warn", f"{name}: {due}", "estim qualify run")
        else:
            yield _found("bench", "ok", f"{name}: {one.words(today)}")

"""`estim doctor`: the serial ports, and `--fix-ports`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from estim.cli.finding import Diagnosis, found
from estim.cli.output import EXIT_REFUSED, print_json

FIX = "sudo estim doctor --fix-ports"
SELF_FIX = "estim doctor --fix-ports"


def ports() -> Iterator[Diagnosis]:
    """Which serial ports are there, may this user open a stimulator's, and does anybody else talk to it?"""
    from estim.drivers.discovery import list_devices, nothing_plugged

    rows = list_devices(probe=False)
    if not any(row["could_be"] for row in rows):
        yield found("ports", "ok", f"sim://p24 is always there; {nothing_plugged()}")
    for row in rows:
        yield port(row)
    if sys.platform == "linux":
        yield from neighbours(any(row["could_be"] for row in rows), modem_manager=runs("ModemManager"))


def port(row: Mapping[str, object], *, linux: bool = sys.platform == "linux") -> Diagnosis:
    """One port. What can't be a stimulator (no USB id of one: the board's own port) is nobody's trouble."""
    path, could_be = str(row["address"]), row["could_be"]
    if not could_be:
        return found("ports", "ok", f"{path}: no stimulator that estim knows")
    names = " or ".join(str(name) for name in could_be) if isinstance(could_be, list | tuple) else str(could_be)
    if number := row.get("usb_serial"):
        names += f", USB serial number {number}"
    if not path.startswith("/") or os.access(path, os.R_OK | os.W_OK):
        cure = str(row.get("cure", ""))  # held by whom, or which of two it is
        return found("ports", "warn" if cure else "ok", f"{path}: {names}", cure)
    if not linux:
        return found("ports", "bad", f"{path}: {names}, which this user may not open", f"sudo chmod a+rw {path}")
    return found("ports", "bad", f"{path}: {names}, which this user may not open", FIX)


def neighbours(plugged: bool, *, modem_manager: bool) -> Iterator[Diagnosis]:  # noqa: FBT001
    """Does ModemManager get in the way of a stimulator on Linux?"""
    from estim.cli.udev import RULE_FILE, in_place

    if in_place():
        yield found("ports", "ok", f"{RULE_FILE.name} is in place")
    elif modem_manager:
        text = "ModemManager runs and may speak to a stimulator that is plugged in; no rule keeps it away"
        yield found("ports", "bad" if plugged else "warn", text, FIX)


def runs(name: str) -> bool:
    """Does a program of this name run? Linux."""
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text(encoding="utf-8", errors="replace").strip() == name:
                return True
        except OSError:
            continue
    return False


def fix_ports(given: argparse.Namespace) -> int:
    """Install the rule, or show it and say how: 0 once it is in place."""
    from estim.cli.udev import RULE_FILE, in_place, rule

    if sys.platform != "linux":
        said, code = "this system needs no rule: a stimulator's port belongs to whoever is signed in", 0
    elif in_place():
        said, code = f"{RULE_FILE} is in place already", 0
    else:
        try:
            install(RULE_FILE)
            said, code = f"{RULE_FILE} is written; unplug the stimulator and plug it in again", 0
        except OSError as error:
            said, code = f"{RULE_FILE} can't be written ({error.strerror}): {FIX}", EXIT_REFUSED
    if given.json:
        print_json({"ok": code == 0, "text": said, "file": str(RULE_FILE), "rule": rule()})
    elif code:
        print(f"{rule()}\nestim: {said}")
    else:
        print(said)
    return code


def install(path: Path) -> None:
    """Write it and have udev take it up for ports that are there already.

    Raises:
        OSError: it can't be written.
    """
    from estim.cli.udev import rule
    from estim.platform.files import put_whole

    put_whole(path, rule().encode("utf-8"))
    for words in (("control", "--reload-rules"), ("trigger", "--subsystem-match=tty")):
        try:
            subprocess.run(["udevadm", *words], capture_output=True, timeout=10, check=False)  # noqa: S603, S607
        except (OSError, subprocess.SubprocessError):
            return  # no udev is running (a container): the rule waits for it

"""The udev rule for the stimulators' ports on Linux, made from the models' table.

It gives the port to whoever sits at the computer, and asks ModemManager to keep away: that one would try modem commands
on a new port while estim talks to a stimulator. Some of its policies are reported to disregard the wish, so
`estim doctor` looks whether it runs.
"""

from __future__ import annotations

from pathlib import Path

from estim.drivers.models import MODELS

# Before 73-seat-late.rules, which turns the tag `uaccess` into the right of the seated user.
RULE_FILE = Path("/etc/udev/rules.d/60-estim.rules")
PLACES = (RULE_FILE, Path("/usr/lib/udev/rules.d/60-estim.rules"), Path("/lib/udev/rules.d/60-estim.rules"))


def rule() -> str:
    """The file's text."""
    ids: dict[tuple[int, int | None], list[str]] = {}
    for model in MODELS.values():
        ids.setdefault(model.usb, []).append(model.profile.title)
    lines = [
        "# Stimulators' serial ports: for whoever sits at this computer, and not for ModemManager.",
        "# Written by `estim doctor --fix-ports` from estim's own table of models.",
    ]
    for (vendor, product), titles in ids.items():
        which = f'ATTRS{{idVendor}}=="{vendor:04x}"'
        if product is not None:
            which += f', ATTRS{{idProduct}}=="{product:04x}"'
        lines += [
            f"# {', '.join(titles)}" + ("" if product is not None else ": any product of this maker of USB bridges"),
            f'SUBSYSTEM=="tty", {which}, TAG+="uaccess", ENV{{ID_MM_DEVICE_IGNORE}}="1", ENV{{ID_MM_PORT_IGNORE}}="1"',
        ]
    return "\n".join(lines) + "\n"


def in_place(places: tuple[Path, ...] = PLACES) -> bool:
    """Is this very rule installed?"""
    return any(path.is_file() and path.read_text(encoding="utf-8", errors="replace") == rule() for path in places)

"""`estim stream`: a running session's timeline to Lab Streaming Layer, from a process of its own."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli import blinding
from estim.cli.output import decimal_number, home_of, print_json

if TYPE_CHECKING:
    from estim.records.home import Home

LOOK_S = 0.05
QUIET_S = 30.0  # a record that was never sealed and does not grow: nobody writes it any more


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """The parser."""
    stream = commands.add_parser("stream", parents=[home])
    stream.add_argument(
        "session", nargs="?", default="", help="its folder's name; without it the one that runs or comes next"
    )
    stream.add_argument("--wait", type=decimal_number, default=600.0, metavar="S", help="how long to wait for one")


def stream(given: argparse.Namespace) -> int:
    """Until the record is sealed."""
    from estim.data.lsl_out import Growing, Streams, pylsl
    from estim.safety.errors import RecordError

    home = home_of(given)
    library = pylsl()
    until = time.monotonic() + given.wait
    while (folder := _folder(home, given.session)) is None:
        if time.monotonic() > until:
            raise RecordError("no session began")
        time.sleep(LOOK_S)
    blinding.refuse(home, folder)
    growing, streams = Growing(folder), Streams(folder.name, library)
    heard = time.monotonic()
    while not streams.done and time.monotonic() - heard < QUIET_S:
        for line in growing.lines():
            heard = time.monotonic()
            streams.take(line)
        time.sleep(LOOK_S)
    document = {"session": folder.name, "sent": streams.sent, "offset_s": streams.offset_s, "sealed": streams.done}
    if given.json:
        print_json(document)
    else:
        print(f"{folder.name}: {streams.sent} samples sent; LSL's clock is the session's and {streams.offset_s} s")
    return 0


def _folder(home: Home, name: str) -> Path | None:
    """The session that is named, else the newest whose record has no seal yet."""
    from estim.records.segment import RECORD

    found = [path.parent for kind in (False, True) for path in home.records(simulated=kind).glob(f"*/{RECORD}")]
    if name:
        return next((folder for folder in found if folder.name == name), None)
    newest = max(found, key=lambda folder: folder.name, default=None)
    if newest is None or b'"kind":"seal"' in (newest / RECORD).read_bytes()[-2_000:]:
        return None
    return newest

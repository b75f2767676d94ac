"""A running session's timeline to Lab Streaming Layer (extra `estim[lsl]`), by a process of its own.

It reads the record as it grows and is no part of the session: the control loop knows nothing of it, and whatever
happens to it happens to nobody else. Time stamps are those of the command's bytes, moved from the session's clock to
LSL's by the record's own checkpoints, which say both the session's time and the time since boot; so a sample that comes
0.2 s late (the record is made durable in pieces) still says when its bytes left.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from estim.data.rows import outputs
from estim.data.timeline import MARKED, OUTPUT, sample, text_of
from estim.platform.clocks import boot_us
from estim.platform.extras import how_to_get
from estim.records.segment import segment_name
from estim.safety.errors import UsageError

MARKERS, COMMANDS = "estim-markers", "estim-output"


def pylsl() -> Any:
    """The library.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return importlib.import_module("pylsl")
    except (ImportError, RuntimeError):
        raise UsageError(f"Lab Streaming Layer: {how_to_get('lsl')}") from None


class Growing:
    """A record's lines as they come, over all its segments. A torn last line waits for its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segment = self._at = 0

    def lines(self) -> Iterator[dict[str, Any]]:
        """What is new."""
        while True:
            path = self._folder / segment_name(self._segment)
            if path.exists():
                with path.open("rb") as file:
                    file.seek(self._at)
                    for raw in file:
                        if not raw.endswith(b"\n"):
                            break
                        self._at += len(raw)
                        yield json.loads(raw)
            if not (self._folder / segment_name(self._segment + 1)).exists():
                return
            self._segment, self._at = self._segment + 1, 0


class Streams:
    """Both outlets of one session.

    Args:
        library: pylsl, or what stands for it. boot: time since boot in µs, now.

    Attributes:
        offset_s: LSL's clock minus the session's; None before the record has said a time since boot.
        done: the record was sealed.
    """

    def __init__(self, session: str, library: Any, *, boot: Callable[[], int] = boot_us) -> None:
        self._lsl, self._boot, self._session = library, boot, session
        self._outlets: tuple[Any, Any] | None = None
        self._waiting: list[dict[str, Any]] = []
        self.offset_s: float | None = None
        self.done = False
        self.sent = 0

    def take(self, line: dict[str, Any]) -> None:
        """Send one line of the record to its streams; those before the clocks are compared wait for it."""
        said = line["fields"]
        if line["kind"] in {"checkpoint", "seal"} and said.get("boot_us") is not None and self.offset_s is None:
            since_s = (self._boot() - said["boot_us"]) / 1e6
            self.offset_s = self._lsl.local_clock() - since_s - line["t_us"] / 1e6
        if self._outlets is None:
            self._outlets = self._open(line)
        self._waiting.append(line)
        if self.offset_s is not None:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                self._push(each, self.offset_s)
        self.done = self.done or line["kind"] == "seal"

    def _open(self, line: dict[str, Any]) -> tuple[Any, Any]:
        simulated = str(bool(line.get("simulated"))).lower()
        made = []
        for name, kind, width, form in (
            (MARKERS, "Markers", 1, "string"),
            (COMMANDS, "Stimulation", len(OUTPUT), "int32"),
        ):
            info = self._lsl.StreamInfo(name, kind, width, 0.0, form, f"{name} {self._session}")
            about = info.desc()
            for key, value in (("session", self._session), ("simulated", simulated), ("unit", "µA and µs")):
                about.append_child_value(key, value)
            channels = about.append_child("channels")
            for label in OUTPUT if width > 1 else ("marker",):
                channels.append_child("channel").append_child_value("label", label)
            made.append(self._lsl.StreamOutlet(info))
        return made[0], made[1]

    def _push(self, line: dict[str, Any], offset_s: float) -> None:
        if self._outlets is None:
            return
        markers, commands = self._outlets
        kind, said = line["kind"], line["fields"]
        if kind in {"command", "unanswered"}:
            at = said["sent_us"] / 1e6 + offset_s
            for row in outputs(said):
                commands.push_sample(sample(row, acknowledged=kind == "command"), at)
                self.sent += 1
        elif kind in MARKED:
            markers.push_sample([text_of(kind, said)], line["t_us"] / 1e6 + offset_s)
            self.sent += 1

"""A terminal in memory: what a console on a pty has drawn, as rows of text. Enough of VT100 for what Textual writes."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

from tests.system.conftest import PATIENCE_S

ROOT = Path(__file__).parents[2]
KEYS = {
    "f1": b"\x1bOP", "f2": b"\x1bOQ", "f7": b"\x1b[18~", "f8": b"\x1b[19~", "f9": b"\x1b[20~", "f12": b"\x1b[24~",
    "enter": b"\r", "space": b" ", "escape": b"\x1b", "tab": b"\t", "up": b"\x1b[A", "down": b"\x1b[B",
    "ctrl+q": b"\x11",
}  # fmt: skip
_SEQUENCE = re.compile(
    r"\x1b\[([?<>=]?[\d;]*)[ -/]*([@-~])"  # CSI
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC
    r"|\x1bP[^\x1b]*\x1b\\"  # DCS
    r"|\x1b[=>78cM]|\x1b[()][AB0]"
)


class Picture:
    """Rows of characters, moved over by the bytes that a program writes."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._cells = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""

    @property
    def text(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self._cells)

    def feed(self, data: bytes) -> None:
        text = self._rest + self._decode(data)
        self._rest, at = "", 0
        while at < len(text):
            if text[at] != "\x1b":
                self._put(text[at])
                at += 1
                continue
            match = _SEQUENCE.match(text, at)
            if match is None:
                if len(text) - at < 64:
                    self._rest = text[at:]  # the end of it comes with the next bytes
                    return
                at += 1
                continue
            if match[2] is not None:
                self._control(match[1], match[2])
            at = match.end()

    def _control(self, given: str, final: str) -> None:
        numbers = [int(part or 0) for part in given.split(";")] if given and given[0].isdigit() else []
        first = numbers[0] if numbers else 0
        if final in "Hf":
            self._row = max(0, first - 1)
            self._column = max(0, (numbers[1] if len(numbers) > 1 else 1) - 1)
        elif final in "ABCD":
            step = max(1, first)
            self._row += {"A": -step, "B": step}.get(final, 0)
            self._column += {"C": step, "D": -step}.get(final, 0)
        elif final == "G":
            self._column = max(0, first - 1)
        elif final == "J" and first in {2, 3}:
            self._cells = [[" "] * self.columns for _ in range(self.rows)]
        elif final == "K" and 0 <= self._row < self.rows:
            self._cells[self._row][self._column :] = [" "] * (self.columns - self._column)

    def _put(self, letter: str) -> None:
        if letter == "\r":
            self._column = 0
        elif letter == "\n":
            self._row += 1
        elif letter >= " ":
            if 0 <= self._row < self.rows and 0 <= self._column < self.columns:
                self._cells[self._row][self._column] = letter
            self._column += 1


class Hands:
    """Who sits before a picture: looks, waits, types. What is looked at and typed into, the subclasses know.

    Attributes:
        patience_s: how long it waits where no bound is said.
    """

    picture: Picture
    patience_s = PATIENCE_S

    def look(self, seconds: float = 0.0) -> None:
        """Take in what is drawn within `seconds`."""
        raise NotImplementedError

    def press(self, *keys: str) -> None:
        raise NotImplementedError

    def wait(self, done: Callable[[], bool], *, seconds: float | None = None, what: str = "") -> None:
        seconds = self.patience_s if seconds is None else seconds
        until = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < until, f"not within {seconds} s: {what}\n{self.picture.text}"
            self.look(0.05)

    def sees(self, *words: str, seconds: float | None = None) -> None:
        """Wait until one of the words stands on the screen."""
        self.wait(lambda: any(word in self.picture.text for word in words), seconds=seconds, what=" or ".join(words))

    def type(self, text: str) -> None:
        self.press(*text)


class Tty(Hands):
    """A program on a pty of its own, with the picture that it draws.

    Args:
        controlling: the pty is the program's controlling terminal, so that closing it sends SIGHUP.
    """

    def __init__(
        self, *arguments: str, home: Path, columns: int = 100, rows: int = 30, controlling: bool = True,
        environment: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        given = {key: value for key, value in os.environ.items() if key not in {"TEXTUAL_DRIVER", "NO_COLOR"}}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "estim", *arguments, "--home", str(home)],
            stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, start_new_session=True,
            preexec_fn=_take_terminal if controlling else None,  # noqa: PLW1509  # no threads in the tests' process
            env={**given, "TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
                 "LANG": "C.UTF-8", **(environment or {})},
        )  # fmt: skip
        os.close(slave)
        self.picture = Picture(columns, rows)
        self.closed = False
        _OPEN.add(self)
        self.answers = False  # a status report ("I am all right"), as most terminals do
        self.keys = 0

    def look(self, seconds: float = 0.0) -> None:
        """Take in what is drawn within `seconds`; other terminals are read as well, or their programs would stand."""
        until = time.monotonic() + seconds
        while True:
            left = max(0.0, until - time.monotonic())
            read = {tty.master: tty for tty in (*_OPEN, self) if not tty.closed}
            drawn = False
            for master in select.select(list(read), [], [], left)[0]:
                here = read[master].take_in()
                if read[master] is self and not here:
                    return
                drawn = drawn or read[master] is self
            if left <= 0.0 and not drawn:
                return

    def take_in(self) -> bool:
        """What was drawn; False once the program is gone."""
        try:
            data = os.read(self.master, 65536)
        except OSError:
            _OPEN.discard(self)
            return False
        self.picture.feed(data)
        if self.answers and b"\x1b[5n" in data:
            os.write(self.master, b"\x1b[0n")
        return bool(data)

    def press(self, *keys: str) -> None:
        for key in keys:
            os.write(self.master, KEYS.get(key) or key.encode())
            self.keys += 1
            self.look(0.02)

    @staticmethod
    def mode(master: int) -> int:
        """Whether the terminal echoes and reads by lines."""
        local: int = termios.tcgetattr(master)[3]
        return local & (termios.ECHO | termios.ICANON)

    def leave(self) -> None:
        """Ctrl+Q, and it ends."""
        self.press("ctrl+q")
        self.sees("Q leaves now")
        self.press("q")
        self.wait(lambda: self.process.poll() is not None, what="it leaves")

    def close(self) -> None:
        """The terminal goes away."""
        if not self.closed:
            self.closed = True
            _OPEN.discard(self)
            os.close(self.master)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.close()


_OPEN: set[Tty] = set()  # terminals that are looked at


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)

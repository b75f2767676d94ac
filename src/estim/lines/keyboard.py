"""What a person types, in lines, and the stop in it: an empty line, any space, a stop key's own bytes."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import time
import unicodedata
from collections.abc import Iterator

from estim.controller.terminal_reports import is_space
from estim.platform.terminals import in_foreground, is_terminal, unseen
from estim.platform.waiting import Waiting, waiting

LINE_MAX = 4_096


STOP_WORDS = frozenset({"stop", "stopp", "halt"})


def says_stop(line: str, *, first: bool = False) -> bool:
    """Whether a line carries the word: in capitals, with a sign behind it, in an input method's wide letters.

    Args:
        first: only as its first word; a note may speak of stopping.
    """
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", line).casefold())
    return not STOP_WORDS.isdisjoint(words[:1] if first else words)


def _is_stop(raw: bytes, line: str) -> bool:
    """The word itself; nothing but spaces, Ctrl+Space (a zero byte) and Latin-1's no-break space (no UTF-8) among them;
    or a key that no letter stands for: an escape sequence, whatever it means.
    """
    if b"\x1b" in raw or says_stop(line, first=True) or b"\xc2\x9b" in raw or "\\x9b" in line:
        return True
    return all(each.isspace() or is_space(each) or each == "\0" for each in line.replace("\\xa0", " "))


class Keyboard:
    """Lines from standard input, read without waiting.

    Bytes that are no letters are made visible instead of being refused: a half letter never costs a session.
    """

    def __init__(self, fd: int | None = None, wait: Waiting | None = None) -> None:
        self._fd = sys.stdin.fileno() if fd is None else fd
        self._waiting = wait or waiting()
        self._source = self._waiting.source(self._fd, others_too=True)
        self._tail = b""
        self._returned = False  # the last byte was a carriage return
        self._lines: list[str] = []
        self._stops = False

    @property
    def ended(self) -> bool:
        """End of input."""
        return self._source.ended

    def wait(self, wait_s: float) -> None:
        """Until something is typed, or so long; then it is read."""
        self._waiting.wait(wait_s)
        data = self._source.read()
        if not data and self.ended and self._tail:  # a last line that nobody ended is one
            data = b"\n"
        if not data:
            return
        if self._returned:  # a line's end in two bytes, as Windows has it, is one
            data = data.removeprefix(b"\n")
        self._returned = data.endswith(b"\r")
        *lines, self._tail = (self._tail + data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")).split(b"\n")
        if len(self._tail) > LINE_MAX:
            self._tail = self._tail[-LINE_MAX:]
        for raw in lines:
            line = raw.decode("utf-8", errors="backslashreplace")
            if _is_stop(raw, line):
                self._stops = True
            else:
                self._lines.append(line)

    def stops(self) -> bool:
        """Whether a stop was typed since the last call."""
        stops, self._stops = self._stops, False
        return stops

    def lines(self) -> list[str]:
        """Complete lines since the last call; a stop is none of them."""
        lines, self._lines = self._lines, []
        return lines

    @contextlib.contextmanager
    def unseen(self) -> Iterator[None]:
        """What is typed meanwhile is not shown."""
        with unseen(self._fd):
            yield

    def close(self) -> None:
        """Nothing is read any more."""
        self._waiting.close()


class Bystander:
    """Who may stop a session that a script plays: at a terminal any line and the end of input, else what says stop.

    Else is a pipe, whose other lines may be meant for somebody else. A file is not read at all: it lists what a
    loop of sessions shall do next. Nor is a terminal while this program is in its background, where the system would
    hold up whoever reads.
    """

    def __init__(self, fd: int | None = None) -> None:
        self._keyboard: Keyboard | None = None
        self._fd, self._terminal = -1, False
        with contextlib.suppress(AttributeError, OSError, ValueError):  # no standard input at all
            self._fd = sys.stdin.fileno() if fd is None else fd
            self._terminal = is_terminal(self._fd)
            if not stat.S_ISREG(os.fstat(self._fd).st_mode):
                self._keyboard = Keyboard(self._fd)

    def wait(self, wait_s: float) -> bool:
        """So long, or until something is typed; gives whether to stop."""
        if self._keyboard is None or (self._terminal and not in_foreground(self._fd)):
            time.sleep(wait_s)
            return False
        self._keyboard.wait(wait_s)
        said, typed, ended = self._keyboard.stops(), self._keyboard.lines(), self._keyboard.ended
        if ended and not self._terminal:
            self.close()
        return said or (self._terminal and (bool(typed) or ended))

    def close(self) -> None:
        """Nothing is read any more."""
        if self._keyboard is not None:
            self._keyboard.close()
            self._keyboard = None

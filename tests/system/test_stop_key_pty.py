"""The stop keys on a real terminal driver over a pty: they act in the input thread, with the UI loop standing still."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.conftest import PATIENCE_S

ROOT = Path(__file__).parents[2]


class Terminal:
    """The user's side of the console's terminal, and the pipe on which the console tells what happened."""

    def __init__(self, master: int, pipe: int) -> None:
        self._master, self._pipe = master, pipe
        self.screen = b""
        self.told = b""

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def wait(self, done: Callable[[], bool]) -> bool:
        """Read both until `done`; False if that never comes."""
        end = time.monotonic() + PATIENCE_S
        while not done() and time.monotonic() < end:
            for readable in select.select([self._master, self._pipe], [], [], 0.05)[0]:
                try:
                    data = os.read(readable, 65536)
                except OSError:
                    return done()
                if readable == self._pipe:
                    self.told += data
                else:
                    self.screen += data
        return done()

    def hears(self, word: bytes) -> bool:
        return self.wait(lambda: word in self.told)


@contextmanager
def console(phase: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    read, write = os.pipe()
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
    }
    environment.pop("TEXTUAL_DRIVER", None)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.system.console_child", str(write), phase],
        stdin=slave, stdout=slave, stderr=slave, pass_fds=(write,), cwd=ROOT, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    os.close(write)
    try:
        terminal = Terminal(master, read)
        assert terminal.hears(b"ready\n"), terminal.screen[-2000:]
        yield terminal
    finally:
        child.kill()
        child.wait()
        os.close(master)
        os.close(read)


@pytest.mark.hazard("H40")
@pytest.mark.parametrize("key", [b" ", b"\x1b[24~", b"\x1b"], ids=["space", "f12", "escape"])
def test_the_stop_leaves_while_the_ui_loop_stands(key: bytes) -> None:
    with console("running") as terminal:
        terminal.type(b"b")
        assert terminal.hears(b"busy\n")
        terminal.type(key)
        assert terminal.hears(b"idle\n")
        assert terminal.told.index(b"stop key\n") < terminal.told.index(b"idle\n")


def test_bracketed_paste_is_off_while_output_may_be_on() -> None:
    with console("running") as terminal:
        assert terminal.screen.rfind(b"\x1b[?2004l") > terminal.screen.rfind(b"\x1b[?2004h")
        terminal.type(b" ")
        assert terminal.wait(lambda: terminal.screen.rfind(b"\x1b[?2004h") > terminal.screen.rfind(b"\x1b[?2004l"))


def test_space_is_no_stop_where_output_is_proved_off() -> None:
    with console("off") as terminal:
        terminal.type(b" ")
        terminal.type(b"b")
        assert terminal.hears(b"idle\n")
        assert b"stop" not in terminal.told

"""What a command prints fits the terminal: broken between words, so that no number is cut in two."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KNEE = "knee-replacement-quadriceps-early"


def printed(columns: int, *words: str, home: Path) -> list[str]:
    """The lines of a command on a terminal of so many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES"}}
    child = subprocess.Popen(
        [sys.executable, "-m", "estim", *words],
        stdin=slave, stdout=slave, stderr=slave, cwd=ROOT,
        env={**given, "LANG": "C.UTF-8", "TERM": "xterm", "PYTHONPATH": str(ROOT / "src"), "ESTIM_HOME": str(home)},
    )  # fmt: skip
    os.close(slave)
    data = b""
    with contextlib.suppress(OSError):  # its end, on Linux
        while piece := os.read(master, 65536):
            data += piece
    os.close(master)
    assert child.wait() == 0, data.decode()
    return data.decode("utf-8").replace("\r", "").splitlines()


@pytest.mark.parametrize(
    "words",
    [("limits",), ("protocols", "list"), ("protocols", "show", KNEE), ("protocols", "plot", KNEE)],
    ids=" ".join,
)
def test_no_line_is_wider_than_the_terminal_and_no_word_is_cut(words: tuple[str, ...], tmp_path: Path) -> None:
    narrow, wide = (printed(columns, *words, home=tmp_path) for columns in (80, 400))
    assert max(map(len, narrow)) <= 80
    if words[1:2] != ("plot",):
        assert " ".join(narrow).split() == " ".join(wide).split()


@pytest.mark.parametrize("topic", ["frequency_hz", "L5", "run"])
def test_the_handbook_is_drawn_on_a_terminal_and_its_colours_are_not_spelled_out(topic: str, tmp_path: Path) -> None:
    """`<U+001B>[36m` stood before each word."""
    drawn = printed(80, "help", topic, home=tmp_path)
    assert any("\x1b[" in line for line in drawn)
    assert not any("<U+" in line for line in drawn)
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in drawn) <= 80

"""Printing where the terminal, the file or the pipe is not UTF-8: a readable stand-in instead of an error.

A cron job, a redirected Windows console (code page 1252), an old terminal, a hospital's remote shell: estim's own signs
(≤, µ, °, ✓) and every name that somebody typed must come out there too. Files that estim writes are UTF-8 everywhere.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import unicodedata

STAND_INS = {
    "≤": "<=", "≥": ">=", "≈": "~", "µ": "u", "μ": "u", "\N{OHM SIGN}": "Ohm",
    "\N{GREEK CAPITAL LETTER OMEGA}": "Ohm", "°": " deg ", "²": "2", "³": "3",
    "×": "x", "·": "-", "•": "*", "–": "-", "—": "-", "−": "-", "…": "...", "±": "+/-", "→": "->", "←": "<-", "↑": "^",
    "↓": "v", "✓": "ok", "✖": "X", "✗": "X", "│": "|", "─": "-", "█": "#", "▁": "_", "“": '"', "”": '"', "„": '"',
    "‘": "'", "’": "'", "«": '"', "»": '"', "ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "ł": "l",
    "Ł": "L", "€": "EUR", "½": "1/2", "¼": "1/4",
}  # fmt: skip
NAME = "estim.stand-in"


def stand_in(error: UnicodeError) -> tuple[str, int]:
    """What stands for letters that the encoding has not: their own stand-in, the bare letter, or a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    made = []
    for sign in error.object[error.start : error.end]:
        plain = STAND_INS.get(sign) or unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode("ascii")
        made.append(plain or "?")
    return "".join(made), error.end


codecs.register_error(NAME, stand_in)


def speak() -> None:
    """From now on nothing that is printed can fail for its letters, or for a stream that was closed from the start."""
    _fill()
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors=NAME)


def _fill() -> None:
    """Standard streams that are closed lead nowhere. Left open, the number 1 would go to the next file that is opened,
    such as a record, and whatever prints would write into it.
    """
    with contextlib.suppress(OSError):
        while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(handle, True)  # noqa: FBT003
        os.close(handle)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def is_utf8() -> bool:
    """Does standard output take every letter?"""
    return (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "") in {"utf8", "utf8sig"}


def say(line: str) -> None:
    """One line on standard error, if anybody can still read it."""
    complain(f"estim: {' '.join(line.split())}")


def complain(text: str) -> None:
    """Text on standard error. Where nobody can read it, it goes nowhere: the interpreter would end with 120."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def finish() -> None:
    """Everything printed is out, or OSError says why not, here instead of behind our back at the very end."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try once more when it ends, and complain itself.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise

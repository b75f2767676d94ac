"""Printing anywhere, whatever it is: a readable stand-in instead of an error, and nothing that steers a terminal.

A cron job, a redirected Windows console (code page 1252), an old terminal, a hospital's remote shell: estim's own signs
(≤, µ, °, ✓) and every name that somebody typed must come out there too. Files that estim writes are UTF-8 everywhere.

Names, notes and files come from anybody: an escape sequence in one would clear the screen of who lists it, a direction
character would turn a line around. So what nobody can see is spelled out, wherever text is printed.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
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


# What may hide something: all but printable ASCII, the line's end and a tab. A bare carriage return would overwrite.
_SUSPECT = re.compile(r"\r(?!\n)|[^\t\n\r\x20-\x7e]")


def legible(text: str) -> str:
    """As it may stand on a terminal: what `records.pseudonym.shown` hides nothing of, line ends and tabs kept."""
    if _SUSPECT.search(text) is None:
        return text
    from estim.protocols.unseen import shown

    return _SUSPECT.sub(lambda found: shown(found[0]), text)


def print_line(text: str) -> None:
    """One line on standard output, whatever names of files and words of records in it hold."""
    if not text.isprintable():
        from estim.protocols.unseen import in_one_line

        text = in_one_line(text)
    print(text)


def speak() -> None:
    """From now on nothing that is printed can fail for its letters, or for a stream that was closed from the start."""
    _fill()
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors=NAME)


def speak_legibly() -> None:
    """From now on all that is printed on standard output is legible. Not for the console: it draws with escape
    sequences, on this stream where the system is Windows.
    """
    stream = sys.stdout
    with contextlib.suppress(TypeError, AttributeError):  # a stream of somebody else's making
        if "write" in vars(stream):
            return
        write = stream.write
        stream.write = lambda text: write(legible(text))  # type: ignore[method-assign]


def pass_on(text: str) -> None:
    """Print what a program will read, such as a table: to a file or a pipe as it is, byte order mark and all; on a
    terminal legible like the rest.
    """
    stream = sys.stdout
    if stream.isatty():
        stream.write(text)
    else:
        type(stream).write(stream, text)


def draw(text: str) -> None:
    """Print on a terminal what was made for it here, with its colours; nothing of it is a stranger's."""
    type(sys.stdout).write(sys.stdout, text)


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


def speak_documents() -> None:
    """From now on a document is read anywhere: an encoding that writes plain ASCII in other bytes (UTF-16, EBCDIC, a
    byte order mark before all) gives way to UTF-8.
    """
    stream = sys.stdout
    if "{".encode(getattr(stream, "encoding", None) or "ascii") != b"{":
        with contextlib.suppress(AttributeError):  # a stream of somebody else's making
            stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]


def is_utf8() -> bool:
    """Does standard output take every letter?"""
    return (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "") in {"utf8", "utf8sig"}


def say(line: str) -> None:
    """One line on standard error, if anybody can still read it."""
    complain(f"estim: {' '.join(line.split())}")


def complain(text: str) -> None:
    """Text on standard error. Where nobody can read it, it goes nowhere: the interpreter would end with 120."""
    try:
        print(legible(text), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def finish() -> None:
    """Everything printed is out, or OSError says why not, here instead of behind our back at the very end."""
    sys.stdout.flush()

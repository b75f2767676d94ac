"""What a terminal sends, byte for byte, as tokens. Pure: bytes and time go in, tokens come out; no byte fails.

Console and line mode read through this, so a stop is the same in both. Nothing swallows a stop: a sequence or a paste
that stays unfinished is `Cut`, and a space or an F12 behind it is found whatever it was meant to be.
"""

from __future__ import annotations

import re

from estim.controller.terminal_reports import (
    KEYPAD,
    LETTERED,
    NAMES,
    Cut,
    Mouse,
    Press,
    TerminalReport,
    Token,
    control,
    is_space,
    letter,
    meaning,
)

ESCAPE_S = 0.1  # what an escape sequence may stand still before it counts as unfinished
LATE_S = 1.0  # so long its end may still come, and is then no key of its own
PASTE_ENDS_S = 2.0  # a paste whose end never came
SEQUENCE_MAX = 64
STRING_MAX = 4096
ESC = 0x1B
_SEQUENCES = re.compile(rb"(?:\x1b\[|\xc2\x9b|\x9b)([0-?]*)([@-~$])")
_CONTROL_SEQUENCE = re.compile(rb"([0-?]*)([!-/]*)([@-~])")


class Intake:
    """Takes a terminal's bytes as they come and gives what they mean. `tick` tells it that time passed.

    `feed` and `tick` never raise, whatever comes, and nothing that is held back holds back a stop.
    """

    def __init__(self) -> None:
        self._held = b""
        self._since_s = 0.0
        self._pasting = False
        self._told = False  # that a paste stands unfinished
        self._cut = b""  # what stood unfinished for too long, while its end may still come

    def feed(self, data: bytes, now_s: float) -> list[Token]:
        """The tokens that end in `data`."""
        late_s = now_s - self._since_s
        self._since_s, self._told = now_s, False
        found: list[Token] = []
        hides = self._held[1:2] in _STRINGS and _closing(self._held + data) is None
        if hides or _is_old_mouse(self._held):
            found += _stops_within(data)  # what has no end yet must not hide what a hand types
            if found:
                self._held = b""
                return found
        rest = self._held + data
        at = _late_end(self._cut, data) if self._cut and late_s < LATE_S else 0
        self._held = self._cut = b""
        while at < len(rest):
            step = self._pasted(rest, at) if self._pasting else _one(rest, at)
            if step is None:
                self._held = rest[at:]
                break
            tokens, at = step
            found += tokens
            if any(isinstance(token, TerminalReport) and token.text == _PASTE_BEGINS for token in tokens):
                self._pasting = True
        return found

    def tick(self, now_s: float) -> list[Token]:
        """What stood unfinished for too long."""
        still_s = now_s - self._since_s
        if self._pasting and still_s >= PASTE_ENDS_S:
            self._pasting, self._held = False, b""
        if self._pasting and still_s >= ESCAPE_S and not self._told:
            self._told = True
            return [Cut("paste")]
        if not self._held or still_s < ESCAPE_S or self._pasting or _is_half_letter(self._held):
            return []
        held, self._held = self._held, b""
        if held == b"\x1b":
            return [Press("escape")]
        self._cut = held
        return [Cut(held.decode("latin-1"))]

    @property
    def waits(self) -> bool:
        """Something is unfinished, so `tick` has work to do soon."""
        return bool(self._held) or self._pasting

    def _pasted(self, data: bytes, at: int) -> tuple[list[Token], int] | None:
        """Pasted text types nothing; a stop key among it stops."""
        end = data.find(_PASTE_END, at)
        inside = data[at:] if end < 0 else data[at:end]
        found: list[Token] = [*_stops_within(inside)]
        if end >= 0:
            self._pasting = False
            return [*found, TerminalReport("paste")], end + len(_PASTE_END)
        keep = next((size for size in range(len(_PASTE_END) - 1, 0, -1) if inside.endswith(_PASTE_END[:size])), 0)
        if keep == len(inside):
            return None
        return found, len(data) - keep


_STRINGS = frozenset({b"P", b"]", b"_", b"^", b"X"})
_PASTE_BEGINS = "\x1b[200~"
_PASTE_END = b"\x1b[201~"


def _closing(data: bytes) -> int | None:
    """Behind the end of a control string (BEL, or ESC and a backslash), None while it has none."""
    ends = [at + size for mark, size in ((b"\x1b\\", 2), (b"\x07", 1)) if (at := data.find(mark, 2)) >= 0]
    return min(ends, default=None)


def _is_half_letter(held: bytes) -> bool:
    """Its end, however late, still makes it a letter, or a space; anything else that comes ends it."""
    return 0xC2 <= (held[0] if held else 0) < 0xF5 and held[:2] != b"\xc2\x9b"


def _is_old_mouse(held: bytes) -> bool:
    return held[:3] in {b"\x1b[M", b"\xc2\x9bM"} or held[:2] == b"\x9bM"


def _late_end(cut: bytes, data: bytes) -> int:
    """How much of `data` is the late end of a sequence that was cut: it is no press of its own."""
    if cut[:2] != b"\x1b[" or _is_old_mouse(cut):
        return 0
    step = _control_sequence(cut + data, 2)
    ended = step is not None and step[1] > len(cut) and not any(isinstance(token, Cut) for token in step[0])
    return step[1] - len(cut) if step is not None and ended else 0


def _stops_within(data: bytes) -> list[Token]:
    """Stops in bytes that mean nothing else."""
    found: list[Token] = []
    if b"\xa0" in data.replace(b"\xc2\xa0", b"") and not _decodes(data):
        found.append(Press("space", pasted=True))
    if any(is_space(each) for each in data.decode("utf-8", "ignore")):
        found.append(Press("space", pasted=True))
    for match in _SEQUENCES.finditer(data):
        if meaning(match[1].decode("latin-1"), match[2].decode("latin-1")).stops:
            found.append(Press("f12", pasted=True))
    return found[:1]


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _one(data: bytes, at: int) -> tuple[list[Token], int] | None:
    """The token that begins at `at` and where the next one does; None where its end has not come yet."""
    byte = data[at]
    if byte == ESC:
        return _escape(data, at)
    if byte == 0x9B:
        return _control_sequence(data, at + 1)
    if byte < 0x20 or byte == 0x7F:
        return [control(byte)], at + 1
    if byte < 0x80:
        return [letter(chr(byte))], at + 1
    size = 2 if 0xC2 <= byte < 0xE0 else 3 if 0xE0 <= byte < 0xF0 else 4 if 0xF0 <= byte < 0xF5 else 0
    if not size:
        return ([letter("\xa0")] if byte == 0xA0 else []), at + 1  # a no-break space as Latin-1 has it
    part = data[at : at + size]
    good = 1 + next((n for n, each in enumerate(part[1:]) if not 0x80 <= each < 0xC0), len(part) - 1)
    if good < size:
        return None if good == len(part) else ([], at + good)
    if part == b"\xc2\x9b":
        return _control_sequence(data, at + 2)
    text = part.decode("utf-8", "ignore")
    return ([letter(text)] if text and (text.isprintable() or is_space(text)) else []), at + size


def _escape(data: bytes, at: int) -> tuple[list[Token], int] | None:
    follows = data[at + 1 : at + 2]
    if not follows:
        return None
    if follows == b"\x1b":
        return [Press("escape")], at + 1
    if follows == b"[":
        return _control_sequence(data, at + 2)
    if follows == b"O":
        return _single_shift(data, at)
    if follows in _STRINGS:
        end = _closing(data[at:])
        if end is not None:
            return [TerminalReport(data[at : at + end].decode("latin-1"))], at + end
        return ([Cut("string")], len(data)) if len(data) - at > STRING_MAX else None
    inner = _one(data, at + 1)
    if inner is None:
        return None
    tokens: list[Token] = [Press(f"alt+{each.key}") for each in inner[0] if isinstance(each, Press)]
    return tokens or [Cut("alt")], inner[1]


def _single_shift(data: bytes, at: int) -> tuple[list[Token], int] | None:
    match = re.compile(rb"([0-9;]*)([@-~])?").match(data, at + 2)
    if match is None or (match.end() == len(data) and match[2] is None):
        return None if len(data) - at < SEQUENCE_MAX else ([Cut("shift")], len(data))
    if match[2] is None:
        return [Cut("shift")], match.end()
    final = match[2].decode()
    if final in LETTERED:
        return [Press(LETTERED[final])], match.end()
    name = KEYPAD.get(final)
    if name is None:
        return [Press(f"alt+{final.lower()}")], match.end()
    return [Press(name, _typed(name))], match.end()


def _typed(name: str) -> str:
    return next((text for text, known in NAMES.items() if known == name), name if len(name) == 1 else "")


def _control_sequence(data: bytes, at: int) -> tuple[list[Token], int] | None:
    """Behind its introducer: parameters, intermediates, one final byte; anything else cuts it."""
    if data[at : at + 1] == b"M":  # the oldest mouse report: three bytes that may be anything
        return _old_mouse(data, at + 1)
    if data[at : at + 1] == b"[":  # the Linux console's F1 to F5
        name = data[at + 1 : at + 2]
        if not name:
            return None
        return ([Press(f"f{name[0] - 0x40}")], at + 2) if b"A" <= name <= b"E" else ([Cut("[[")], at + 1)
    match = _CONTROL_SEQUENCE.match(data, at)
    end = next((n for n in range(at, len(data)) if not 0x21 <= data[n] < 0x40), len(data))
    rxvt = data[at:end].find(b"$")
    if rxvt > 0 and data[at : at + 1] not in {b"?", b"<", b">"} and data[at + rxvt + 1 : at + rxvt + 2] != b"y":
        return [meaning(data[at : at + rxvt].decode("latin-1"), "$")], at + rxvt + 1
    if match is None:
        if end == len(data) and end - at < SEQUENCE_MAX:
            return None
        return [Cut(data[at:end].decode("latin-1"))], max(end, at)
    if match[2] and match[2] != b"$":
        return [TerminalReport(f"\x1b[{match[0].decode('latin-1')}")], match.end()
    return [meaning(match[1].decode("latin-1"), (match[2] + match[3]).decode("latin-1")[-1])], match.end()


def _old_mouse(data: bytes, at: int) -> tuple[list[Token], int] | None:
    values: list[int] = []
    while len(values) < 3:
        if at >= len(data):
            return None
        byte = data[at]
        if byte < 0x20:
            return [Cut("mouse")], at
        wide = 0xC2 <= byte < 0xE0 and 0x80 <= (data[at + 1] if at + 1 < len(data) else 0) < 0xC0  # mode 1005
        values.append((byte & 0x1F) << 6 | data[at + 1] & 0x3F if wide else byte)
        at += 2 if wide else 1
    code = max(0, values[0] - 32)
    return [Mouse(code, max(0, values[1] - 33), max(0, values[2] - 33), up=code & 3 == 3)], at

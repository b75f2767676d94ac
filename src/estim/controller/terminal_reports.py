"""What a terminal says, report by report: presses, mouse, answers of its own. Data and pure functions.

- Whatever Unicode calls a space is Space; every report whose key is F12 is F12, with any modifier, lock or event type.
- What a terminal says by itself (answers, mouse, focus, releases) is no press.
- What stays unfinished is `Cut`, and stops while output may be on; so does a function key that is in no table here.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

How = Literal["press", "repeat", "release"]


@dataclass(frozen=True, slots=True)
class Press:
    """One key: its name as Textual has it (`a`, `f12`, `ctrl+q`, `alt+x`, `space`), and the text that it types."""

    key: str
    text: str = ""
    how: How = "press"
    pasted: bool = False

    @property
    def stops(self) -> bool:
        """This key stops while output may be on."""
        *modifiers, last = self.key.split("+")
        return last in {"space", "escape", "f12"} or self.key == "ctrl+@" or "alt" in modifiers


@dataclass(frozen=True, slots=True)
class Mouse:
    """A mouse report: button code as xterm sends it, column and row from 0, `up` for a release."""

    code: int
    x: int
    y: int
    up: bool = False
    stops: bool = False


@dataclass(frozen=True, slots=True)
class TerminalReport:
    """Something that the terminal says by itself, or (it stops) a key in no table here; `text` is the whole of it."""

    text: str
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """A sequence or a paste that was not finished; what it was meant to be nobody knows."""

    text: str = ""
    stops: bool = True


Token = Press | Mouse | TerminalReport | Cut

_SPACES = frozenset({"\x85", "\u180e", "\u200b", "\u2060", "\u2800", "\u3164", "\ufeff"})
"""Spaces that are not of Unicode's category Zs but come from a space bar or look like one: next line, Mongolian vowel
separator (Zs until Unicode 6.2), zero-width space, word joiner, braille blank, Hangul filler, byte order mark.
"""


def is_space(letter: str) -> bool:
    """A space by Unicode (categories Zs, Zl, Zp), or one that acts as such."""
    return unicodedata.category(letter) in {"Zs", "Zl", "Zp"} or letter in _SPACES


# Reports of F12 as terminals send them, each from its own documentation. `Intake` knows the rule behind them; a test
# holds every row against it, in the console and in line mode.
F12_REPORTS: tuple[tuple[bytes, str], ...] = (
    (b"\x1b[24~", "xterm (ctlseqs, PC-style function keys), VT220, tmux, screen, Windows console in VT mode"),
    (b"\x1b[24;2~", "xterm, Shift (ctlseqs, modifyFunctionKeys); tmux with xterm-keys; mintty; Konsole; iTerm2"),
    (b"\x1b[24;3~", "xterm, Alt"),
    (b"\x1b[24;5~", "xterm, Ctrl"),
    (b"\x1b[24;6~", "xterm, Shift+Ctrl"),
    (b"\x1b[24;8~", "xterm, Shift+Alt+Ctrl"),
    (b"\x1b[24;9~", "xterm, Meta"),
    (b"\x1b[24;65~", "kitty, Caps Lock on (keyboard protocol: lock bits 64 and 128)"),
    (b"\x1b[24;129~", "kitty, Num Lock on"),
    (b"\x1b[24;1:1~", "kitty, press (keyboard protocol, event types)"),
    (b"\x1b[24;1:2~", "kitty, repeat"),
    (b"\x1b[24;1:3~", "kitty, release"),
    (b"\x1b[57375u", "kitty's functional key code of F12"),
    (b"\x1b[57375;5:1u", "kitty, the same with Ctrl"),
    (b"\x1b[24$", "rxvt, Shift (rxvtRef, key codes)"),
    (b"\x1b[24^", "rxvt, Ctrl"),
    (b"\x1b[24@", "rxvt, Shift+Ctrl"),
    (b"\x1b\x1b[24~", "rxvt and iTerm2, Meta sends escape"),
    (b"\x1b[>24;2~", "xterm, Shift (ctlseqs, modifyFunctionKeys at 3)"),
    (b"\x1b[27;2;57375~", "xterm's form of any key with modifiers (ctlseqs, modifyOtherKeys), by kitty's code"),
    (b"\x1b[38~", "Linux console, Shift (F24 in the kernel's default key map)"),
    (b"\x1b[50~", "Linux console, Ctrl (F36, strings as in kbd's key maps)"),
    (b"\x1b[62~", "Linux console, Shift+Ctrl (F48)"),
    (b"\x1b[34~", "Apple's Terminal, Shift (F20)"),
    (b"\x1b[45~", "xterm without PC-style function keys, Shift (F24; terminfo xterm+nopcfkeys)"),
    (b"\x1b[57~", "the same with Ctrl (F36)"),
    (b"\x1b[36;2~", "VT420 and VT510 PC keyboards, Shift+Ctrl (terminfo vt420pc)"),
    (b"\x1b[012q", "aixterm, iris-ansi (terminfo)"),
    (b"\x1b[024q", "aixterm, Shift"),
    (b"\x1b[036q", "aixterm, Ctrl"),
    (b"\x1bO[", "PuTTY, VT100+ keys (terminfo putty+fnkeys+vt100)"),
    (b"\x1b@", "Windows' telnet and serial console, VT-UTF8 (terminfo ms-vt-utf8)"),
    (b"\x1bFC", "Interix (terminfo)"),
    (b"\x1b[X", "xterm and PuTTY with SCO function keys"),
    (b"\x1b[j", "SCO, Shift"),
    (b"\x1b[v", "SCO, Ctrl"),
    (b"\x1b[{", "SCO, Shift+Ctrl"),
    (b"\x1b[193z", "xterm with Sun function keys"),
    (b"\x1b[213z", "the same with Ctrl (terminfo xterm-sun)"),
    (b"\x1b[235z", "Sun console (terminfo sun)"),
    (b"\xc2\x9b24~", "8-bit controls in UTF-8 (S8C1T)"),
    (b"\x9b24~", "8-bit controls"),
    (b"\x1b[123;88;0;1;0;1_", "Windows Terminal, win32-input-mode (virtual key 0x7B), key down"),
    (b"\x1b[123;88;0;1;16;1_", "the same with Shift"),
    (b"\x1b[123;88;0;0;0;1_", "the same, key up"),
)
_F12_NUMBERS = frozenset({24, 38})
_F12_FINALS = frozenset({"X", "j", "v", "{"})
_KEYS_FINALS = frozenset("~$^@qz")
_PASTES = frozenset({200, 201})

_NUMBERED = {
    1: "home", 2: "insert", 3: "delete", 4: "end", 5: "pageup", 6: "pagedown", 7: "home", 8: "end", 11: "f1", 12: "f2",
    13: "f3", 14: "f4", 15: "f5", 17: "f6", 18: "f7", 19: "f8", 20: "f9", 21: "f10", 23: "f11", 24: "f12", 38: "f12",
    29: "menu",
}  # fmt: skip
LETTERED = {
    "A": "up", "B": "down", "C": "right", "D": "left", "F": "end", "H": "home", "P": "f1", "Q": "f2", "S": "f4",
    "Z": "shift+tab",
}  # fmt: skip
KEYPAD = {"M": "enter", "k": "plus", "m": "minus", "j": "asterisk", "l": "comma", "n": "full_stop", "o": "slash"} | {
    chr(ord("p") + digit): str(digit) for digit in range(10)
}
_CODES = {9: "tab", 13: "enter", 27: "escape", 127: "backspace", 8: "backspace", 57375: "f12"} | {
    57363 + number: f"f{number}" for number in range(1, 13)
}
_VIRTUAL = {8: "backspace", 9: "tab", 13: "enter", 27: "escape", 32: "space", 33: "pageup", 34: "pagedown", 35: "end",
            36: "home", 37: "left", 38: "up", 39: "right", 40: "down", 45: "insert", 46: "delete"} | {
    111 + number: f"f{number}" for number in range(1, 13)
}  # fmt: skip
NAMES = {
    "+": "plus", "-": "minus", "?": "question_mark", "/": "slash", "=": "equals_sign", "*": "asterisk", ",": "comma",
    ".": "full_stop",
}  # fmt: skip
_MODIFIERS = ((1, "shift"), (2, "alt"), (4, "ctrl"), (8, "super"), (16, "hyper"), (32, "meta"))
_HOW: dict[int, How] = {2: "repeat", 3: "release"}


def letter(text: str, modifiers: int = 0, how: How = "press") -> Press:
    """The press of a key that types `text`. A letter with Ctrl, Alt or such types nothing."""
    held = [name for bit, name in _MODIFIERS if modifiers & bit and name != "shift"]
    if is_space(text):
        return Press("+".join([*held, "space"]), text if not held else "", how)
    if held and text.isalpha():
        text = text.lower()
    return Press("+".join([*held, NAMES.get(text, text)]), "" if held else text, how)


def named(name: str, modifiers: int = 0, how: How = "press") -> Press:
    """The press of a key that types nothing."""
    held = [word for bit, word in _MODIFIERS if modifiers & bit]
    return Press("+".join([*held, name]), "", how)


def control(code: int) -> Press:
    """The press behind a control character."""
    names = {0: "ctrl+@", 9: "tab", 10: "enter", 13: "enter", 8: "backspace", 127: "backspace"}
    if code in names:
        return Press(names[code])
    return Press(f"ctrl+{chr(code + 0x40).lower()}")


_INTEGER_MAX = 7  # digits; whatever is longer is no code of a key


def _integers(text: str) -> list[list[int]]:
    """`24;5:3` → [[24], [5, 3]]; what is empty or no number is 0."""
    return [
        [int(one) if one.isdigit() and len(one) <= _INTEGER_MAX and one.isascii() else 0 for one in part.split(":")]
        for part in text.split(";")
    ]


def meaning(parameters: str, final: str) -> Token:  # one return a kind of report
    """What a whole control sequence says."""
    whole = f"\x1b[{parameters}{final}"
    if final == "~":
        parameters = parameters.removeprefix(">")  # xterm's modifyFunctionKeys at 3 marks its keys so
    if parameters[:1] in {"<", "?", ">", "="}:
        return _mouse(parameters[1:], final) if parameters[0] == "<" and final in "Mm" else TerminalReport(whole)
    numbers = _integers(parameters)
    first = numbers[0][0]
    second = numbers[1] if len(numbers) > 1 else [1]
    modifiers = max(0, (second[0] or 1) - 1) & 0x3F
    how = _HOW.get(second[1] if len(second) > 1 else 1, "press")
    if final in _F12_FINALS and not parameters:
        return Press("f12")
    if final == "~" and first == 27 and len(numbers) > 2:  # xterm's modifyOtherKeys
        return _coded(numbers[2][0], modifiers, "press") or TerminalReport(whole, stops=True)
    if final == "~" and first in _PASTES:
        return TerminalReport(whole)
    if final in _KEYS_FINALS:  # no answer of a terminal ends so: a key that is in no table may be F12
        if first in _F12_NUMBERS:
            return named("f12", modifiers, how)
        name = _NUMBERED.get(first) if final not in "qz" else None
        return named(name, modifiers, how) if name is not None else TerminalReport(whole, stops=True)
    if final == "u":
        return _typed_space(numbers, modifiers, how) or _coded(first, modifiers, how) or TerminalReport(whole)
    if final == "_":
        return _windows(numbers) or TerminalReport(whole)
    if final == "M" and len(numbers) >= 3:
        return _mouse(parameters, final, offset=32)
    if final in LETTERED and (not parameters or first <= 1):
        return named(LETTERED[final], modifiers, how)
    return TerminalReport(whole)


def _typed_space(numbers: list[list[int]], modifiers: int, how: How) -> Press | None:
    """The space bar in another layout, or a key that types a space: kitty tells all three codes of a key and the text
    that it types.
    """
    codes = [*numbers[0], *(numbers[2] if len(numbers) > 2 else [])]
    spaces = any(0x20 <= code < 0x110000 and is_space(chr(code)) for code in codes)
    return letter(" ", modifiers & ~1, how) if spaces else None


def _coded(code: int, modifiers: int, how: How) -> Press | None:
    if code in _CODES:
        return named(_CODES[code], modifiers, how)
    if not 0x20 <= code < 0x110000 or 0xD800 <= code < 0xF900:  # surrogates; kitty's own codes
        return None
    text = chr(code)
    if modifiers & 1 and text.isalpha() and len(text.upper()) == 1:
        text = text.upper()
    return letter(text, modifiers, how)


def _windows(numbers: list[list[int]]) -> Press | None:
    """`Vk ; Sc ; Uc ; Kd ; Cs ; Rc _`: the virtual key, the letter, whether it went down, the control state."""
    values = [*(part[0] for part in numbers), 0, 0, 0, 0, 0]
    key, code, down, state = values[0], values[2], values[3], values[4]
    modifiers = (1 if state & 0x10 else 0) | (2 if state & 0x03 else 0) | (4 if state & 0x0C else 0)
    how: How = "press" if down else "release"
    if key in _VIRTUAL:
        name = _VIRTUAL[key]
        return letter(" ", modifiers & ~1, how) if name == "space" else named(name, modifiers, how)
    return _coded(code, 0, how)  # what an input method, a paste or another program typed has no key


def _mouse(parameters: str, final: str, *, offset: int = 0) -> Token:
    values = [*(part[0] for part in _integers(parameters)), 0, 0]
    code, x, y = values[:3]
    return Mouse(max(0, code - offset), max(0, x - 1), max(0, y - 1), up=final == "m")

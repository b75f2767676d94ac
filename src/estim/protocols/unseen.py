"""Signs that nobody can see: what draws nothing and changes how letters around are read or where they stand. Pure."""

from __future__ import annotations

import unicodedata

_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control, format and direction, halves of a pair, line ends
_WANTED = frozenset("\t\n\r\u00ad\u200c\u200d")  # layout; a place to part a word; joiners that scripts need


def is_unseen(letter: str) -> bool:
    """Whether it hides from whoever reads."""
    return unicodedata.category(letter) in _CATEGORIES


def first_unseen(text: str) -> str:
    """The first sign of a text in a file that nobody can see, but for those that writing needs; "" for none."""
    if text.isprintable():  # nearly all
        return ""
    return next((letter for letter in text if is_unseen(letter) and letter not in _WANTED), "")


def unseen_words(sign: str) -> str:
    """What to say of one: its code, since it can't be shown."""
    what = "control characters" if unicodedata.category(sign) == "Cc" else "a sign"
    return f"{what} (U+{ord(sign):04X}) that nobody can see and that can make a text read as another one"


def shown(text: str) -> str:
    """Text of unknown origin as it may stand on a terminal, a page or in a record: what nobody can see, and what is
    nobody's letter and may draw anything, is spelled out.
    """
    return "".join(f"<U+{ord(letter):04X}>" if _hidden(letter) else letter for letter in text)


def in_one_line(text: str) -> str:
    """As `shown`, also of line ends: a name or a record's word that holds one would forge a line of its own."""
    return text if text.isprintable() else shown(text)


def shown_in_lines(text: str) -> str:
    """As `shown`, of text that may have several lines: its line ends and tabs stay."""
    if text.isprintable():  # which nothing is that hides
        return text
    return "".join(letter if letter in "\n\t" else shown(letter) for letter in text)


def _hidden(letter: str) -> bool:
    return is_unseen(letter) or unicodedata.category(letter) in {"Co", "Cn"}

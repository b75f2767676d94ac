"""One written form for a pseudonym, so that one person is one person however it was typed."""

from __future__ import annotations

import re
import unicodedata

from estim.protocols.file_names import is_a_device_on_windows
from estim.protocols.unseen import shown
from estim.safety.errors import RecordError, brief

SHORT = 24
WRITTEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
# What keyboards, word processors and web pages put in the place of a hyphen: U+2010 to U+2015, minus, small and full
# width ones, hyphenation point. The soft hyphen is none of them: mostly it is not drawn, so P-017 with one more in it
# looks like P-017 and would be another patient.
_HYPHENS = dict.fromkeys(
    map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u02d7\u2043\u2027\ufe58\ufe63\uff0d"), "-"
)


def normal(text: str) -> str:
    """The form by which pseudonyms are compared: NFKC, one hyphen, no blanks around, no case."""
    return unicodedata.normalize("NFKC", text.translate(_HYPHENS)).translate(_HYPHENS).strip().casefold()


def written(text: str) -> str:
    """A pseudonym as it is kept: as typed, with one kind of hyphen and without blanks around.

    Raises:
        RecordError: what no pseudonym can be: control and format characters, other letters, too long.
    """
    kept = unicodedata.normalize("NFKC", text.translate(_HYPHENS)).translate(_HYPHENS).strip()
    if not WRITTEN.fullmatch(kept):
        said = shown(brief(text)) or "''"
        raise RecordError(
            f"patient {said}: a pseudonym is 1 to 40 of the letters A to Z, digits, - and _, and never a name"
        )
    return kept


def of_somebody_new(text: str) -> str:
    """`written`, of who is not known here yet: also no name that Windows would not keep as a file's. Who is called so
    already keeps the name, as everything that was written of them does.

    Raises:
        RecordError: as `written`, or such a name.
    """
    kept = written(text)
    if is_a_device_on_windows(kept):
        raise RecordError(f"patient {kept}: Windows keeps this name for a device; please take another pseudonym")
    return kept


def legible_name(what: str, text: str) -> str:
    """A name that is typed, not looked up: as it is.

    Raises:
        RecordError: it holds what nobody can see, so that two that look alike would be two; or no letter and no digit.
    """
    if text.strip() and not any(letter.isalnum() for letter in text):
        raise RecordError(f"{what} {shown(brief(text))}: a name has a letter or a digit")
    if shown(text) != text:
        raise RecordError(f"{what} {shown(brief(text))}: holds signs that nobody can see; please type it anew")
    return text


def is_whole_name(text: str) -> bool:
    """Whether this is more than initials or a pseudonym, as an operator signs in: it stands in every line that names
    who did something, and whole names belong to the register of operators alone, for signatures.
    """
    return len(text.strip()) > SHORT or any(letter.isspace() for letter in text.strip())

"""Words that somebody wrote: judged, and repeated in a refusal."""

from __future__ import annotations

DIGITS_MAX = 18
QUOTED_MAX = 80


def is_whole(text: str) -> bool:
    """Whether a person wrote a whole number from 0 on in the digits 0 to 9, of which Python takes so many."""
    return text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX


def quoted(value: object) -> str:
    """What somebody wrote, as a refusal repeats it: never thousands of letters."""
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= QUOTED_MAX else f"{text[: QUOTED_MAX - 1]}…"
    return repr(text) if isinstance(value, str) else text

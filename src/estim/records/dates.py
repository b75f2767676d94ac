"""A day as a person writes it."""

from __future__ import annotations

import datetime
import re

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def plain_day(text: str) -> datetime.date:
    """`2026-11-21`, and nothing else.

    Raises:
        ValueError: another text. Python reads `2026-W51-1`, `20261214` and more, which few people do.
    """
    if not _DAY.fullmatch(text):
        raise ValueError(text)
    return datetime.date.fromisoformat(text)

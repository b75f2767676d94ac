"""PINs typed at a terminal."""

from __future__ import annotations

import getpass
import sys


def typed_unseen(text: str) -> str:
    """Typed unseen at a terminal; a line of standard input where there is none."""
    return getpass.getpass(text) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")

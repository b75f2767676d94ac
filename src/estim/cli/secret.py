"""PINs typed at a terminal, and who is logged in to this computer."""

from __future__ import annotations

import getpass
import sys

from estim.platform.terminals import somebody_sits_at


def typed_unseen(text: str) -> str:
    """Typed unseen at a terminal; a line of standard input where there is none."""
    return getpass.getpass(text) if somebody_sits_at(sys.stdin) else sys.stdin.readline().rstrip("\n")


def login() -> str:
    """Who is logged in to this computer: a claim, as good as the computer's own log-in."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""

"""Where the console begins, and where it says that it can't."""

from __future__ import annotations

import pytest

from estim.console.start import need_terminal
from estim.safety.errors import UsageError


def test_a_terminal_that_can_draw_nothing_is_told_what_works_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor's shell, a log viewer: frames would be pages of escape sequences."""
    monkeypatch.delenv("TEXTUAL_DRIVER", raising=False)
    monkeypatch.setenv("TERM", "dumb")
    with pytest.raises(UsageError, match=r"TERM=dumb.*`estim run`"):
        need_terminal()

"""`make windows` within a time: what there is no time for is neither right nor wrong."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tools.windows import __main__ as windows
from tools.windows.blows import SESSION_S, NoTime, blow, most_s, session


def test_a_step_is_waited_for_no_longer_than_there_is_time() -> None:
    assert most_s(None) == SESSION_S
    assert most_s(time.monotonic() + 10 * SESSION_S) == SESSION_S
    assert 0 < most_s(time.monotonic() + 30) <= 30
    over = time.monotonic() - 1
    with pytest.raises(NoTime):
        session(Path("no"), Path("no"), over)
    with pytest.raises(NoTime):
        blow(Path("no"), Path("no"), "front", over)


def test_within_a_time_only_what_was_seen_whole_is_played_in_an_order_that_a_seed_repeats() -> None:
    files = windows.shuffled(7)
    assert files == windows.shuffled(7) != windows.shuffled(8)
    assert {"drivers/test_links.py", "safety/test_limits.py"} <= set(files)
    assert not [file for file in files if file.startswith(("records/", "protocols/"))]

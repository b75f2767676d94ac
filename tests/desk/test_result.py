"""What a session came to, for whoever reads nothing but the document."""

from __future__ import annotations

import time

import pytest

from estim.desk.result import Seen, result_of
from estim.session.snapshot import Alarm

GONE = Alarm(code="record-failed", priority="medium", text="The record can't be written: it is gone.")
TIRED = Alarm(code="remind", priority="low", text="The level has stood for a minute.")


@pytest.mark.parametrize(("fatal", "named"), [("lost", ["The record can't be written: it is gone."]), ("", [])])
def test_a_session_that_ended_by_a_fault_names_it(fatal: str, named: list[str]) -> None:
    """A record that was replaced by another file ended the session, and `problems` was empty."""
    seen = Seen(source="p", simulated=True, began=time.perf_counter(), fatal=fatal, alarms=(GONE, TIRED))
    result = result_of(seen)
    assert result.outcome == ("fault" if fatal else "stopped")
    assert [problem["message"] for problem in result.document["problems"]] == named

"""What a session came to, for whoever reads nothing but the document."""

from __future__ import annotations

import json
import time
from typing import Literal

import pytest

from estim.controller.interface import Takeover
from estim.desk.result import Seen, result_of
from estim.session.snapshot import Alarm

GONE = Alarm(code="record-failed", priority="medium", text="The record can't be written: it is gone.")
TIRED = Alarm(code="remind", priority="low", text="The level has stood for a minute.")


@pytest.mark.parametrize(
    ("fatal", "named"), [("in use", ["in use", "The record can't be written: it is gone."]), ("", [])]
)
def test_a_session_that_ended_by_a_fault_names_it(fatal: str, named: list[str]) -> None:
    """A record that was replaced by another file ended the session, and `problems` was empty."""
    seen = Seen(source="p", simulated=True, began=time.perf_counter(), fatal=fatal, alarms=(GONE, TIRED))
    result = result_of(seen)
    assert result.outcome == ("fault" if fatal else "stopped")
    assert [problem["message"] for problem in result.document["problems"]] == named


@pytest.mark.parametrize(("output", "outcome"), [("OFF", "fault"), ("UNCERTAIN", "uncertain")])
def test_a_lost_controller_is_named(output: Literal["OFF", "UNCERTAIN"], outcome: str) -> None:
    """What took over said so on standard error alone; a script read `fault` and no reason."""
    taken = Takeover(cause="eof", output=output, text="The controller was lost (eof); the device was stopped.")
    result = result_of(Seen(source="p", simulated=True, began=time.perf_counter(), takeover=taken))
    assert result.outcome == outcome
    assert [problem["message"] for problem in result.document["problems"]] == [taken.text]


@pytest.mark.parametrize(("end", "counted"), [({"contractions": None}, 2), ({}, 2), ({"contractions": 1}, 1)])
def test_contractions_that_a_take_over_can_not_know_are_those_of_the_record(
    end: dict[str, object], counted: int
) -> None:
    """The report counted 1 where this document, and the last line of `estim run`, said 0."""
    whole = [{"n": n, "purpose": "therapy", "whole": True} for n in (1, 2)]
    lines = [("contraction", fields) for fields in (*whole, {"n": 3, "purpose": "therapy", "whole": False})]
    lines += [("contraction", {"n": 1, "purpose": "titration", "whole": True})]
    lines += [("end", {"outcome": "fault", "output": "OFF", **end})]
    data = b"".join(
        json.dumps({"n": n, "t_us": n, "kind": kind, "fields": fields}).encode() + b"\n"
        for n, (kind, fields) in enumerate(lines)
    )
    result = result_of(Seen(source="p", simulated=True, began=time.perf_counter(), data=data))
    assert result.document["contractions"] == counted

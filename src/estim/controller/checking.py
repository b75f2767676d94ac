"""`estim protocols check`: everything that schema, device and limits say of a file, for every week in which it
changes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from estim.controller.setup_from import Words, setup_from
from estim.drivers.models import MODELS
from estim.protocols.compile import compile_schedule
from estim.protocols.loader import line_index, load
from estim.protocols.resolve import resolve
from estim.protocols.schema import Protocol
from estim.protocols.setup import Setup
from estim.safety.errors import Problem, ProtocolError, SetupError
from estim.safety.limits import Limits
from estim.safety.schedule import PatientFacts
from estim.safety.verdict import admissible

SAMPLE_REGION = "thigh"  # stands for `any-permitted`, which today's setup must make a real one


def check_file(path: Path, limits: Limits, *, model: str) -> dict[str, Any]:
    """One file's entry of DESIGN 9: `{"file", "ok", "runnable", "problems"}`."""
    try:
        protocol = load(path)
    except ProtocolError as error:
        return _entry(path, list(error.problems), runnable=False)
    if not protocol.runnable:
        why = Problem(
            severity="info", key="basis", message=f"not runnable: {protocol.not_runnable_because}", rule="not-runnable"
        )
        return _entry(path, [why], runnable=False)
    lines = line_index(path)
    problems = [
        replace(problem, line=problem.line or lines.line_of_key(problem.key))
        for problem in check_protocol(protocol, limits, model=model)
    ]
    return _entry(path, problems, runnable=True)


def _entry(path: Path, problems: list[Problem], *, runnable: bool) -> dict[str, Any]:
    ok = not any(problem.severity == "refuse" for problem in problems)
    return {
        "file": str(path),
        "ok": ok,
        "runnable": runnable and ok,
        "problems": [problem.to_json() for problem in problems],
    }


def check_protocol(protocol: Protocol, limits: Limits, *, model: str) -> list[Problem]:
    """What the device and the limits say, in every week and session in which something changes; each finding once."""
    found: dict[tuple[str, str, str], Problem] = {}
    for week, session in _moments(protocol):
        for problem in _at(protocol, limits, model, week=week, session=session):
            found.setdefault((problem.severity, problem.key, problem.message), problem)
    return list(found.values())


def _moments(protocol: Protocol) -> list[tuple[int, int]]:
    weeks, sessions = {1}, {1, 2}
    for step in protocol.progression:
        weeks.add(step.from_week or 1)
        sessions.add(step.from_session or 1)
    for phase in protocol.phase:
        weeks |= {phase.from_week or 1, (phase.to_week or 0) + 1}
        sessions |= {phase.from_session or 1, (phase.to_session or 0) + 1}
    return [(week, session) for week in sorted(weeks) for session in sorted(sessions)]


def _at(protocol: Protocol, limits: Limits, model: str, *, week: int, session: int) -> list[Problem]:
    profile = MODELS[model].profile
    open_regions = tuple(
        f"{channel.name}={SAMPLE_REGION}" for channel in protocol.channel if channel.region == "any-permitted"
    )
    try:
        resolved = resolve(protocol, week=week, session=session)
        words = Words(patient="check", regions=open_regions, week=week, session=session)
        setup = setup_from(resolved, words, simulated=True).setup
        schedule = compile_schedule(resolved, _trusting(setup), profile, levels_needed=False)
    except (ProtocolError, SetupError) as error:
        return list(error.problems)
    except ValidationError as error:
        message = "; ".join(entry["msg"] for entry in error.errors())
        return [_course(f"in week {week}, session {session}: {message}")]
    except ValueError:
        return []  # nothing is played in this week or session, which is no fault
    found = [*schedule.bends, *admissible(schedule, limits, profile)]
    return [replace(problem, key=_file_key(problem.key, protocol, resolved)) for problem in found]


def _file_key(key: str, protocol: Protocol, resolved: Protocol) -> str:
    """`phase[0]` of what is played this week may be another one in the file."""
    match = re.match(r"phase\[(\d+)\](.*)", key)
    if match is None:
        return key
    name = resolved.phase[int(match[1])].name
    return f"phase[{[phase.name for phase in protocol.phase].index(name)}]{match[2]}"


def _trusting(setup: Setup) -> Setup:
    """A patient of whom nothing tightens: the file is judged, not a patient."""
    facts = PatientFacts(
        insensate_skin=False, lesion_t6_or_above=False, child=False, fragile_bone=False, first_ever_session=False
    )
    return replace(setup, patient=facts)


def _course(message: str) -> Problem:
    return Problem(severity="refuse", key="progression", message=message, rule="course")

"""A refusal of the controller as a line for people: what was asked, what is allowed, which layer says so. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from estim.console.language import ENGLISH, Words

SEVERITY_MARKS: Mapping[str, str] = {"refuse": "✖", "warn": "!", "info": "i"}

SHOWN = 3


def problem_lines(problems: Sequence[Mapping[str, Any]], say: Words) -> list[str]:
    """The first of them, and how many more there are."""
    lines = [problem_line(problem, say) for problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(say("problem.more", count=len(problems) - SHOWN))
    return lines


def problem_line(problem: Mapping[str, Any], say: Words = ENGLISH) -> str:
    """One problem as a line for people."""
    severity = str(problem.get("severity"))
    severity = severity if severity in SEVERITY_MARKS else "refuse"
    mark = f"{SEVERITY_MARKS[severity]} {say(f'severity.{severity}')}".strip()
    unit = f" {problem['unit']}" if problem.get("unit") else ""
    asked = allowed = ""
    if problem.get("asked") is not None:
        asked = f" {say('problem.asked', value=problem['asked'], unit=unit)}"
    if problem.get("allowed") is not None:
        allowed = f" {say('problem.allowed', value=problem['allowed'], unit=unit)}"
    named = [str(problem[key]) for key in ("rule", "layer", "source") if problem.get(key) not in {None, "", "schema"}]
    tail = f" ({' · '.join(named)})" if named else ""
    return f"{mark}: {say.heard(str(problem.get('message', '')))}{asked}{allowed}{tail}"

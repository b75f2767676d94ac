"""Which key of a course makes it refused: what was right in week 1 is named by the change that broke it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from estim.protocols.schema import Protocol
from estim.safety.errors import Problem

Judge = Callable[[Protocol], Sequence[Problem]]


def at_their_progressions(protocol: Protocol, judge: Judge, found: Sequence[Problem]) -> list[Problem]:
    """What was found, with each refusal that only a `set` brings at the key of that `set`; the rest as it is.

    Args:
        judge: says what is refused of a protocol in the week and session in question.
    """
    told = list(found)
    refused = [problem for problem in told if problem.severity == "refuse"]
    sets = [(number, key) for number, step in enumerate(protocol.progression) if step.set is not None
            for key in step.set.model_dump(exclude_none=True)]  # fmt: skip
    if not refused or not sets:
        return told
    plain = _without(protocol, *sets)
    before = _marks(judge(plain))
    late = [problem for problem in refused if _mark(problem) not in before]
    if not late:
        return told
    gone = {place: _marks(judge(_without(protocol, place))) for place in sets}
    return [_placed(protocol, problem, gone) if problem in late else problem for problem in told]


def _placed(protocol: Protocol, problem: Problem, gone: dict[tuple[int, str], set[tuple[str, str]]]) -> Problem:
    """At the last change without which it is not refused; at the progressions as a whole where several make it."""
    causes = [place for place, marks in gone.items() if _mark(problem) not in marks]
    if not causes:
        return replace(problem, key="progression")
    number, key = causes[-1]
    step = protocol.progression[number]
    since = f"week {step.from_week}" if step.from_week is not None else f"session {step.from_session}"
    made = replace(problem, key=f"progression[{number}].set.{key}", message=f"from {since} on: {problem.message}")
    if problem.key.rpartition(".")[2] == key:
        return made
    return replace(made, asked=getattr(step.set, key), allowed=None, unit="")  # its numbers speak of another key


def _without(protocol: Protocol, *places: tuple[int, str]) -> Protocol:
    """The protocol with these keys of its `set`s left out."""
    steps = list(protocol.progression)
    for number, key in places:
        changes = steps[number].set
        if changes is not None:
            steps[number] = steps[number].model_copy(update={"set": changes.model_copy(update={key: None})})
    return protocol.model_copy(update={"progression": tuple(steps)})


def _marks(found: Sequence[Problem]) -> set[tuple[str, str]]:
    return {_mark(problem) for problem in found if problem.severity == "refuse"}


def _mark(problem: Problem) -> tuple[str, str]:
    return problem.rule, problem.key

"""An exercise that is done with the current: each contraction of the therapy is one of its repetitions.

The window of stimulation and the repetition run together, so both are counted by the same number; what the exercise
asks for beside (muscle, effort, the rules of standing) is looked at before anything is begun.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from estim.care.drills import Drill, drills, nearest
from estim.protocols import muscles
from estim.safety.errors import Problem, SetupError, UsageError, quoted
from estim.safety.units import is_whole

if TYPE_CHECKING:
    from estim.protocols.schema import Protocol

SCORES = ("help", "pain", "pain_next_morning", "exertion", "clean", "hold_s", "assistance", "touches")
ACTIVE = frozenset({"try-first", "task"})  # efforts whose movement the patient begins


def joined(name: str, protocol: Protocol) -> Drill:
    """The exercise `name`, if it goes with `protocol`.

    Raises:
        UsageError: there is no such exercise.
        SetupError: it takes no current, another muscle, an effort that the protocol forbids, or it is done standing
            while the protocol does not carry the rules for that.
    """
    drill = drills().get(name)
    if drill is None:
        raise UsageError(f"--drill {quoted(name)}: there is no such exercise; near: {nearest(name)}")
    found = []
    stimulation = drill.stimulation
    if stimulation is None:
        raise SetupError([_problem("drill", f"{name} is done without current", asked=name)])
    # A nerve, or a group, goes with each muscle that it drives.
    wanted = set(muscles.accounts(stimulation.muscle)) | {stimulation.muscle}
    played = {channel.muscle for channel in protocol.channel}
    if not any(wanted & ({muscle} | set(muscles.accounts(muscle))) for muscle in played):
        has = ", ".join(sorted(played))
        found.append(
            _problem(
                "drill", f"{name} goes with {stimulation.muscle}; {protocol.id} plays {has}", asked=name, allowed=has
            )
        )
    if drill.bears_weight and not protocol.weight_bearing:
        found.append(
            _problem(
                "drill",
                f"{name} is done standing: current needs the rules of weight bearing, and {protocol.id} has none "
                "(weight_bearing = true: harness or a second person, confirmed at arming)",
                asked=name,
            )
        )
    efforts = {phase.effort or "join" for phase in protocol.phase}
    if stimulation.effort in ACTIVE and efforts == {"relax"}:
        found.append(
            _problem(
                "drill",
                f"{name} is the patient's own movement ({stimulation.effort}); {protocol.id} asks to relax",
                asked=stimulation.effort,
                allowed="relax",
            )
        )
    if found:
        raise SetupError(found)
    return drill


def repetition_words(name: str, number: int, of: int, effort: str) -> str:
    """`repetition 3 of 15: …`, said as its window begins. Who shall relax is never told to push."""
    drill = drills()[name]
    count = f"{number} of {of}" if of else f"{number}"
    return f"  repetition {count}: " + (f"{drill.name}, by the current alone" if effort == "relax" else drill.cue)


def drill_line(name: str, given: int) -> dict[str, object]:
    """What the session's record keeps of it, beside the contractions."""
    return {"drill": name, "repetitions": given, "windows": given}


def scores_of(words: Iterable[str]) -> Mapping[str, object]:
    """`pain=2 help=none clean=true` as fields.

    Raises:
        UsageError: an unknown key, or a value that can't be.
    """
    found: dict[str, object] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or key not in SCORES or not text:
            raise UsageError(f"--score {quoted(word)}: KEY=VALUE; the keys are {', '.join(SCORES)}")
        if key in {"help", "assistance"}:
            found[key] = text
        elif key == "clean":
            if text not in {"true", "false"}:
                raise UsageError(f"--score {quoted(word)}: true or false")
            found[key] = text == "true"
        elif is_whole(text, 4) and (key in {"hold_s", "touches"} or int(text) <= 10):
            found[key] = int(text)
        else:
            raise UsageError(
                f"--score {quoted(word)}: a whole number{'' if key in {'hold_s', 'touches'} else ', 0 to 10'}"
            )
    return found


def _problem(key: str, message: str, *, asked: str = "", allowed: str = "") -> Problem:
    return Problem(
        severity="refuse", key=key, message=message, asked=asked, allowed=allowed, layer="protocol", rule="drill"
    )

"""What a protocol will play today, drawn from the schedule that the controller would judge, and what has changed since
last time. Read-only: nothing that is made here is ever played.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import ValidationError

from estim.console.language import ENGLISH, Words
from estim.desk.checking import SAMPLE_REGION
from estim.desk.setup_from import SetupWords, setup_from
from estim.drivers.models import MODELS
from estim.protocols.compile import compile_schedule
from estim.protocols.plot import WIDTH_MAX, WIDTH_MIN, plot
from estim.protocols.resolve import resolve
from estim.protocols.schema import Protocol
from estim.safety.errors import EstimError

_COMPARED = (
    "effort",
    "frequency_hz",
    "pulse_width_us",
    "on_s",
    "off_s",
    "ramp_up_s",
    "ramp_down_s",
    "contractions",
    "duration_s",
    "sets",
    "set_rest_s",
    "intensity",
    "relation",
    "mode",
)


def preview_lines(
    protocol: Protocol, *, model: str, week: int, session: int, columns: int, say: Words = ENGLISH
) -> tuple[str, ...]:
    """One cycle of each phase and the session as a line of time; where it can't be played, why."""
    if model not in MODELS:
        return (say("preview.no-device"),)
    regions = tuple(f"{each.name}={SAMPLE_REGION}" for each in protocol.channel if each.region == "any-permitted")
    try:
        resolved = resolve(protocol, week=week, session=session)
        words = SetupWords(patient="preview", regions=regions, week=week, session=session)
        setup = setup_from(resolved, words, simulated=True).setup
        schedule = compile_schedule(resolved, setup, MODELS[model].profile, levels_needed=False)
    except ValidationError as error:
        return (say("preview.not-playable", why="; ".join(item["msg"] for item in error.errors())),)
    except (EstimError, ValueError) as error:
        return tuple(say("preview.not-playable", why=line) for line in str(error).splitlines()[:4])
    names = max(len(each.name) for each in protocol.channel)
    room = columns - names - 24  # name, frame, rate and width stand beside each row
    drawn = plot(schedule, width=max(WIDTH_MIN, min(WIDTH_MAX, room)))
    return tuple(_in_words(line, say) for line in drawn.splitlines()[1:])


def _in_words(line: str, say: Words) -> str:
    """The drawing's few words in the screen's language."""
    if say.language == ENGLISH.language:
        return line
    words = sorted(say.names("plot-word"), key=len, reverse=True)  # "back at" before "back"
    return re.sub(
        rf"(?<![\w-])(?:{'|'.join(map(re.escape, words))})(?![\w-])", lambda found: say(f"plot-word.{found[0]}"), line
    )


def changes_since(
    protocol: Protocol, *, last: tuple[int, int, str], week: int, session: int, say: Words = ENGLISH
) -> tuple[str, ...]:
    """What the course plays otherwise than last time.

    Args:
        last: week, session and the file's version of the last time; the file of then is not kept, so of another version
            only that is said.
    """
    last_week, last_session, version = last
    lines = [say("changes.since", week=last_week, session=last_session)]
    if version and version != protocol.version:
        return (*lines, say("changes.version", before=version, now=protocol.version))
    try:
        before = _plays(resolve(protocol, week=last_week, session=last_session))
        now = _plays(resolve(protocol, week=week, session=session))
    except (ValueError, EstimError) as error:
        return (*lines, say("preview.not-playable", why=str(error).splitlines()[0]))
    found = [
        f"  {phase} {name} {before.get((phase, name), '–')} → {now.get((phase, name), '–')}"
        for phase, name in dict.fromkeys((*before, *now))
        if before.get((phase, name)) != now.get((phase, name))
    ]
    notes = [
        f"  {step.note}"
        for step in protocol.progression
        if step.note and step.from_week is not None and last_week < step.from_week <= week
    ]
    return (*lines, *(found or [say("changes.none")]), *notes)


def _plays(protocol: Protocol) -> Mapping[tuple[str, str], object]:
    return {
        (phase.name, name): value
        for phase in protocol.phase
        for name in _COMPARED
        if (value := getattr(phase, name, None)) is not None
    }


def suggested_week(protocol: Protocol, attended: int) -> int:
    """The course's week by the sessions attended; a suggestion alone (docs/decisions/session.md 24)."""
    days = protocol.dose.days_per_week
    a_week = max(days) if isinstance(days, tuple) else days
    return 1 + int(attended // max(1, a_week * protocol.dose.sessions_per_day))

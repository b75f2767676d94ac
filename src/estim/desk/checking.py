"""`estim protocols check`: everything that schema, device and limits say of a file, for every week in which it
changes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from estim.care.measures import measures, nearest
from estim.desk.culprits import at_their_progressions
from estim.desk.setup_from import SetupWords, moves, setup_from
from estim.drivers.models import MODELS
from estim.protocols.authoring import placeholders
from estim.protocols.catalogue import refuse_clash
from estim.protocols.compile import compile_schedule
from estim.protocols.conditions import check_conditions
from estim.protocols.course import UNJUDGED
from estim.protocols.lines import LineIndex
from estim.protocols.loader import RULE, BrokenFile, line_index, load, place_of_key
from estim.protocols.provenance import check_provenance
from estim.protocols.resolve import resolve
from estim.protocols.schema import Protocol
from estim.protocols.schema_base import entries_of
from estim.protocols.setup import Setup
from estim.protocols.slips import slip, unit_slips
from estim.safety.errors import Problem, ProtocolError, SetupError, quoted
from estim.safety.limits import ABSOLUTE, DEFAULT, Limits
from estim.safety.profile import DeviceProfile
from estim.safety.schedule import PatientFacts, Schedule
from estim.safety.static_rules import judge_day
from estim.safety.verdict import admissible

COARSE_STEP = 0.125  # of the lowest usual level; the steps of 1 mA at 8 mA still count as fine
SAMPLE_REGION = "thigh"  # stands for `any-permitted`, which today's setup must make a real one


def check_file(
    path: Path, limits: Limits, *, model: str, own: Path | None = None, cadence: int | None = None
) -> dict[str, Any]:
    """One file's entry of `protocols check --json`: `{"file", "ok", "runnable", "problems"}`, and `devices`: what each
    model plays.

    Args:
        own: the folder of own protocols, in which no two may have one id.
        cadence: turns of a crank, or steps, a minute, for what a window comes to; None: the file's, or a slow walker's.
    """
    try:
        protocol = load(path)
        refuse_clash(protocol, path, own)
    except BrokenFile as error:
        return _entry(path, [*error.problems, *_beside(error, limits, model, line_index(path))], runnable=False)
    except ProtocolError as error:
        return _entry(path, list(error.problems), runnable=False)
    if not protocol.runnable:
        why = Problem(
            severity="info", key="basis", message=f"not runnable: {protocol.not_runnable_because}", rule="not-runnable"
        )
        return _entry(path, [why], runnable=False)
    devices = {name: plays_on(protocol, limits, model=name) for name in MODELS}
    lines = line_index(path)
    cadence = cadence if moves(protocol) else None
    judged = check_protocol(protocol, limits, model=model, cadence=cadence)
    slips = unit_slips(protocol)
    if any(problem.severity == "refuse" for problem in judged):  # the likely reason stands first, at its own key
        slips = [replace(problem, severity="refuse") for problem in slips]
    placed = [_placed(problem, lines, protocol) for problem in judged]
    said = {problem.line for problem in placed if problem.severity == "refuse"}
    likely = [made for each in slips if (made := _placed(each, lines, protocol)).line not in said]
    to_write = [*check_provenance(protocol), *placeholders(protocol), *unknown_measures(protocol)]
    to_write += check_conditions(protocol.conditions)
    to_write += [] if protocol.dose.as_needed else beyond_the_course(protocol)
    problems = [*likely, *placed, *(_placed(problem, lines, protocol) for problem in to_write)]
    entry = _entry(path, problems, runnable=True)
    return entry | {"devices": {name: playing.to_json() for name, playing in devices.items()}}


def _beside(error: BrokenFile, limits: Limits, model: str, lines: LineIndex) -> list[Problem]:
    """What the limits refuse in the part of a broken file that is not broken."""
    protocol = error.mended.for_limits()
    if protocol is None or not protocol.runnable:
        return []
    refused = [each for each in check_protocol(protocol, limits, model=model) if each.severity == "refuse"]
    return [_placed(each, lines, protocol) for each in refused if error.mended.is_files_own(place_of_key(each.key))]


def unknown_measures(protocol: Protocol) -> list[Problem]:
    """Criteria that a course of care can't judge: no assessment has that name, or that value. One of the site's own
    stays possible; then it is given by hand each time (`--measure`).
    """
    found: list[tuple[str, str, str | float, str]] = []
    for number, criterion in enumerate(protocol.criterion):
        name, measure = criterion.measure, measures().get(criterion.measure)
        if measure is None:
            message = (
                f"{quoted(name)} is no assessment of the course of care, "
                f"near: {nearest(name)}; it counts only by --measure"
            )
            found.append((f"criterion[{number}].measure", message, name, nearest(name)))
            continue
        allowed = ", ".join(measure.grades) or f"{measure.low:g} to {measure.high:g} {measure.unit}"
        found += [
            (f"criterion[{number}].{key}", f"{name} goes from {allowed}: this is never so, or always", bound, allowed)
            for key, bound in (("at_least", criterion.at_least), ("at_most", criterion.at_most))
            if bound is not None and measure.judge(bound)
        ]
        found += [
            (
                f"criterion[{number}].{key}",
                f"{name} is in %; {bound:g} looks like a share: that is {bound * 100:g} %",
                bound,
                allowed,
            )
            for key, bound in (("at_least", criterion.at_least), ("at_most", criterion.at_most))
            if bound is not None and 0 < bound <= 1 and measure.unit == "%"
        ]
    return [
        Problem(severity="warn", key=key, message=text, asked=asked, allowed=allowed, layer="protocol", rule="measure")
        for key, text, asked, allowed in found
    ]


def beyond_the_course(protocol: Protocol) -> list[Problem]:
    """Changes and phases that begin after the last week or session of the course: nobody ever gets there."""
    dose = protocol.dose
    weeks = dose.weeks[-1] if isinstance(dose.weeks, tuple) else dose.weeks
    days = dose.days_per_week[-1] if isinstance(dose.days_per_week, tuple) else dose.days_per_week
    last = {"week": weeks, "session": math.ceil(weeks * days * dose.sessions_per_day)}
    found = []
    for table, steps in (("progression", protocol.progression), ("phase", protocol.phase)):
        for number, step in enumerate(steps):
            for unit, most in last.items():
                first = getattr(step, f"from_{unit}") or 0
                if first > most:
                    words = f"from {unit} {first} on, and the course ends with {unit} {most} (dose): it is never played"
                    key = f"{table}[{number}].from_{unit}"
                    found.append(Problem(severity="warn", key=key, message=words, asked=first, allowed=most,
                                         layer="protocol", rule="course"))  # fmt: skip
    return found


def refused_entry(name: str, error: ProtocolError) -> dict[str, Any]:
    """The entry of a name that no file has."""
    return _entry(Path(name), list(error.problems), runnable=False)


def _placed(problem: Problem, lines: LineIndex, protocol: Protocol) -> Problem:
    """A finding with its line, and with the unit that was probably meant."""
    named = re.match(r"channel\[([^\]\d][^\]]*)\](.*)", problem.key)
    key = problem.key
    if named and named[1] in (names := [channel.name for channel in protocol.channel]):
        key = f"channel[{names.index(named[1])}]{named[2]}"
    hint = slip(key, problem.asked) if problem.severity == "refuse" else ""
    message = problem.message if hint and hint in problem.message else problem.message + hint
    table, _, rest = key.partition(".")
    line = lines.line_of([table, rest]) if table == "provenance" and rest else lines.line_of_key(key)
    return replace(problem, message=message, line=problem.line or line)


def _entry(path: Path, problems: list[Problem], *, runnable: bool) -> dict[str, Any]:
    ok = not any(problem.severity == "refuse" for problem in problems)
    return {
        "file": str(path),
        "ok": ok,
        "runnable": runnable and ok,
        "problems": [problem.to_json() for problem in problems],
    }


@dataclass(frozen=True, slots=True)
class Playing:
    """How a device plays a protocol.

    Attributes:
        verdict: exact | rounded | refused | not-runnable.
        reasons: what is rounded, or why it is refused; each once.
    """

    verdict: str
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For a report."""
        return {"verdict": self.verdict, "reasons": list(self.reasons)}


def plays_on(protocol: Protocol, limits: Limits, *, model: str) -> Playing:
    """Whether this model plays the protocol exactly, rounded to its own grid, or not at all.

    Only the device's own differences count as rounding; what the limits make of it (longer first ramps, capped bands)
    is the same on all devices and stands in `check_protocol`.
    """
    if not protocol.runnable:
        return Playing("not-runnable", (protocol.not_runnable_because,))
    problems = check_protocol(protocol, limits, model=model)
    refused = [problem.message for problem in problems if problem.severity == "refuse"]
    if refused:
        return Playing("refused", tuple(dict.fromkeys(refused)))
    bent = [problem.message for problem in problems if problem.layer == "device" and problem.severity != "refuse"]
    bent += _coarse_steps(protocol, MODELS[model].profile)
    return Playing("rounded" if bent else "exact", tuple(dict.fromkeys(bent)))


def _coarse_steps(protocol: Protocol, profile: DeviceProfile) -> list[str]:
    """Where one step of the device's amplitude is a coarse share of the levels that are usual."""
    said = []
    for channel in protocol.channel:
        low_ua = channel.plausible_ma[0] * 1000
        share = profile.amplitude_step_ua / low_ua
        if share > COARSE_STEP:
            said.append(
                f"{channel.name}: steps of {profile.amplitude_step_ua / 1000:g} mA, {share * 100:.0f} % of "
                f"{channel.plausible_ma[0]:g} mA"
            )
    return said


def check_protocol(protocol: Protocol, limits: Limits, *, model: str, cadence: int | None = None) -> list[Problem]:
    """What the device and the limits say, in every week and session in which something changes; each finding once."""
    found: dict[tuple[str, str, str], Problem] = {}
    for week, session in _moments(protocol):

        def judge(asked: Protocol, week: int = week, session: int = session) -> list[Problem]:
            return _at(asked, limits, model, week=week, session=session, cadence=cadence)

        for problem in at_their_progressions(protocol, judge, judge(protocol)):
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


def compiled_for(
    resolved: Protocol,
    model: str,
    *,
    week: int,
    session: int,
    limits: Limits = ABSOLUTE & DEFAULT,
    cadence: int | None = None,
) -> Schedule:
    """The schedule without levels, on the protocol's own pads, for a patient of whom nothing tightens.

    Raises:
        ProtocolRejected, SetupError: the device can't play it.
    """
    open_regions = tuple(
        f"{channel.name}={SAMPLE_REGION}" for channel in resolved.channel if channel.region == "any-permitted"
    )
    words = SetupWords(patient="check", regions=open_regions, week=week, session=session, cadence=cadence)
    setup = setup_from(resolved, words, simulated=True).setup
    return compile_schedule(resolved, _trusting(setup), MODELS[model].profile, levels_needed=False, limits=limits)


def _at(
    protocol: Protocol, limits: Limits, model: str, *, week: int, session: int, cadence: int | None
) -> list[Problem]:
    profile = MODELS[model].profile
    try:
        resolved = resolve(protocol, week=week, session=session)
        schedule = compiled_for(resolved, model, week=week, session=session, limits=limits, cadence=cadence)
    except (ProtocolError, SetupError) as error:
        return list(error.problems)
    except ValidationError as error:
        return _broken_by_the_course(error)
    except ValueError:
        return []  # nothing is played in this week or session, which is no fault
    dose = protocol.dose
    day = judge_day(schedule, limits, blocks=dose.blocks_per_session, sessions=dose.sessions_per_day)
    bends = [bend for bend in schedule.bends if bend.rule != UNJUDGED]
    found = [*bends, *admissible(schedule, limits, profile), *day]
    return [replace(problem, key=_file_key(problem.key, protocol, resolved)) for problem in found]


def _file_key(key: str, protocol: Protocol, resolved: Protocol) -> str:
    """`phase[0]` of what is played this week may be another one in the file."""
    pad = re.match(r"electrode\[([^\]]+)\]\.size_cm", key)
    if pad is not None:
        return _pad_key(pad[1], protocol) or key
    match = re.match(r"phase\[(\d+)\](.*)", key)
    if match is None:
        return key
    played = resolved.phase[int(match[1])]
    last = ".duration_s" if played.mode == "continuous" and match[2] == ".on_s" else match[2]  # it has no on time
    return f"phase[{[phase.name for phase in protocol.phase].index(played.name)}]{last}"


def _pad_key(pad: str, protocol: Protocol) -> str:
    """Where the file says the size of a pad: of its own, or of both pads of a channel."""
    for number, electrode in enumerate(protocol.electrode):
        if electrode.id == pad:
            return f"electrode[{number}].size_cm"
    for number, channel in enumerate(protocol.channel):
        if channel.electrode_cm is not None and pad in {f"{channel.name}-a", f"{channel.name}-b"}:
            return f"channel[{number}].electrode_cm"
    return ""


def _trusting(setup: Setup) -> Setup:
    """A patient of whom nothing tightens: the file is judged, not a patient."""
    facts = PatientFacts(
        insensate_skin=False, lesion_t6_or_above=False, child=False, fragile_bone=False, first_ever_session=False
    )
    return replace(setup, patient=facts)


def _broken_by_the_course(error: ValidationError) -> list[Problem]:
    """The rules between keys that a protocol breaks once its progressions are applied."""
    ruled = [RULE.match(entry["msg"]) for entry in entries_of(error)]
    told = [(found[1], found[3]) for found in ruled if found] or [("course", str(error))]
    return [Problem(severity="refuse", key="progression", message=text, rule=name) for name, text in told]

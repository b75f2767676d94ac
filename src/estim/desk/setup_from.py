"""From a command line's words to a `Setup`: which channel is which muscle, on which side, with which pads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from estim.desk.drill_session import joined
from estim.protocols.gait import STEPS_PER_MIN, TURNS_PER_MIN
from estim.protocols.schema import Protocol
from estim.protocols.setup import ChannelSetup, Measured, Setup
from estim.records.patients import WEEK_MAX
from estim.safety.caps import mark_for_sensory_ua
from estim.safety.electrodes import parse_size_cm
from estim.safety.errors import Problem, UsageError, brief, quoted
from estim.safety.units import UA_PER_MA, ceil_div, plain_number

MOVED = frozenset({"crank", "sensor", "switch"})
UNITS = {"mvic": "N·m", "quadriceps-index": "%"}  # of what a protocol may decide by
LONGEST_PAD_CM = 40  # twice the longest side of a pad of 200 cm² (L14) that is sold; beyond it somebody wrote mm
LEVEL_MAX_UA = 1_000_000  # of what can be typed as a level; what may flow is far below
MEASURE_MAX = 1_000_000
# What a session's setup can hold (controller/messages.py): beyond it nothing is begun.
SESSION_MAX, REASON_MAX, MEASURE_WORD_MAX = 10_000, 1_000, 200
OPPOSITE = {"left": "right", "right": "left"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupWords:
    """What was said about a session.

    Attributes:
        levels, motor: `NAME=mA`. pads: `NAME=7.6x12.7`. regions: `NAME=thigh`.
        measures: `quadriceps-index=82`, or with side and by what, `mvic=120:left:dynamometer`.
        side: the treated side. cadence: turns of a crank, or steps, a minute.
    """

    patient: str
    levels: tuple[str, ...] = ()
    motor: tuple[str, ...] = ()
    pads: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    side: str = "left"
    week: int = 1
    session: int = 1
    early: str = ""
    cadence: int | None = None
    left_out: str = ""
    drill: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The setup, and the levels that a scripted titration shall establish."""

    setup: Setup
    levels_ua: dict[str, int]
    motor_ua: dict[str, int]
    notes: tuple[Problem, ...] = field(default=())


def pairs(option: str, given: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE` words as a dictionary.

    Raises:
        UsageError: no `=`, a name that the protocol does not have, or one given twice.
    """
    known = list(names)
    found: dict[str, str] = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise UsageError(f"{option} {quoted(word)}: write {option} NAME=VALUE")
        if name not in known:
            raise UsageError(
                f"{option} {quoted(word)}: the protocol has no channel {quoted(name)}; it has {', '.join(known)}"
            )
        if name in found:
            raise UsageError(f"{option} {name} is given twice")
        found[name] = value
    return found


def _amplitudes(option: str, given: Iterable[str], names: Iterable[str]) -> dict[str, int]:
    amplitudes: dict[str, int] = {}
    for name, text in pairs(option, given, names).items():
        said = f"{option} {name}={brief(text)}"
        try:
            amplitude_ua = round(plain_number(text) * UA_PER_MA)
        except ValueError:
            raise UsageError(f"{said}: not a number of mA: digits, at most one point between them") from None
        if not 0 < amplitude_ua <= LEVEL_MAX_UA:
            meant = f"; {text} µA are {amplitude_ua / UA_PER_MA**2:g} mA"
            raise UsageError(
                f"{said}: an amplitude in mA, above 0 and at most 1000"
                + (meant if LEVEL_MAX_UA < amplitude_ua <= LEVEL_MAX_UA * UA_PER_MA else "")
            )
        amplitudes[name] = amplitude_ua
    return amplitudes


def setup_from(protocol: Protocol, words: SetupWords, *, simulated: bool) -> Said:
    """The setup of a session that is described on the command line; channels are plugged in the protocol's order.

    Raises:
        UsageError: a word that can't be understood.
    """
    names = [channel.name for channel in protocol.channel]
    if words.side not in OPPOSITE:
        raise UsageError(f"--side {quoted(words.side)}: left or right")
    if words.week < 1 or words.session < 1:
        raise UsageError("--week and --session count from 1")
    if words.week > WEEK_MAX or words.session > SESSION_MAX:
        raise UsageError(f"--week: 1 to {WEEK_MAX}, --session: 1 to {SESSION_MAX}")
    for option, reason in (("--early", words.early), ("--skip", words.left_out)):
        if len(reason) > REASON_MAX:
            raise UsageError(f"{option}: a reason of at most {REASON_MAX} letters, this one has {len(reason)}")
    levels = _amplitudes("--level", words.levels, names)
    motor = _amplitudes("--motor", words.motor, names)
    regions = pairs("--region", words.regions, names)
    pads: dict[str, tuple[float, ...]] = {}
    for name, text in pairs("--pad", words.pads, names).items():
        try:
            size = parse_size_cm(text)
        except ValueError as error:
            raise UsageError(f"--pad {name}: {error}") from None
        if max(size) > LONGEST_PAD_CM:
            likely = "x".join(f"{side / 10:g}" for side in size)
            meant = f"; as mm it is {likely}" if max(size) <= LONGEST_PAD_CM * 10 else ""
            raise UsageError(f"--pad {name}={brief(text)}: no pad is longer than {LONGEST_PAD_CM} cm{meant}")
        pads[name] = size
    notes: list[Problem] = []
    channels = []
    for number, channel in enumerate(protocol.channel, start=1):
        sensory = channel.output == "sensory"
        if simulated and sensory and channel.name in levels and channel.name not in motor:
            motor[channel.name] = _practice_mark(levels[channel.name])
            notes.append(mark_note(channel.name, motor[channel.name]))
        channels.append(
            ChannelSetup(
                name=channel.name,
                channel=number,
                side=_side(channel.side, words.side),
                region=regions.get(channel.name),
                pads_cm=(pads[channel.name], pads[channel.name]) if channel.name in pads else None,
                included=not (channel.optional and simulated and levels and channel.name not in levels),
                cap_ua=None,
            )
        )
    setup = Setup(
        patient_id=words.patient,
        channels=tuple(channels),
        week=words.week,
        session=words.session,
        measures=(measures := _measures(words.measures, protocol)),
        mvic="measured" if any(name == "mvic" for name, _ in measures) else None,
        measured=_measured(words, protocol),
        early_reason=words.early,
        left_out=words.left_out,
        drill=joined(words.drill, protocol).id if words.drill else "",
        cadence_per_min=_cadence(words.cadence, protocol),
        simulated=simulated,
    )
    return Said(setup=setup, levels_ua=levels, motor_ua=motor, notes=tuple(notes))


def check_measures(given: Sequence[str], protocol: Protocol) -> None:
    """What was measured, before it is taken.

    Raises:
        UsageError: no number, or nothing that this protocol asks for.
    """
    _measures(given, protocol)


def _measures(given: Iterable[str], protocol: Protocol) -> tuple[tuple[str, float], ...]:
    """What was measured: for the criteria that the protocol has, and the MVIC of a share of it."""
    known = [criterion.measure for criterion in protocol.criterion]
    known += ["mvic"] * any(channel.amplitude_rule == "percent-mvic" for channel in protocol.channel)
    found: dict[str, float] = {}
    sided: set[tuple[str, str]] = set()
    for word in given:
        if len(word) > MEASURE_WORD_MAX:
            raise UsageError(f"--measure {quoted(word)}: NAME=VALUE:SIDE:BY WHAT, at most {MEASURE_WORD_MAX} letters")
        name, equals, text = word.partition("=")
        side = text.partition(":")[2].partition(":")[0]
        if not equals or name not in known:
            raise UsageError(
                f"--measure {quoted(word)}: NAME=VALUE; this protocol asks for {', '.join(known) or 'none'}"
            )
        if (name in found and not (name == "mvic" and side)) or {(name, side), (name, "")} & sided:
            raise UsageError(f"--measure {name} is given twice")
        sided.add((name, side))  # of an MVIC each side has its own
        try:
            value = plain_number(text.partition(":")[0])
        except ValueError:
            value = math.nan
        if math.isnan(value) or (name == "mvic" and value <= 0):
            above = ", above 0" if name == "mvic" else ""
            raise UsageError(f"--measure {quoted(word)}: not a number{above}: plain digits, as {name}=120")
        if abs(value) > MEASURE_MAX:
            raise UsageError(f"--measure {quoted(word)}: at most {MEASURE_MAX}")
        found.setdefault(name, value)
    return tuple(found.items())


def _measured(words: SetupWords, protocol: Protocol) -> tuple[Measured, ...]:
    """Value, unit, side and by what: `mvic=120:left:dynamometer`. A share of an MVIC is of its own side."""
    sides = {
        _side(channel.side, words.side) for channel in protocol.channel if channel.amplitude_rule == "percent-mvic"
    }
    found = []
    for word in words.measures:
        name, _, text = word.partition("=")
        value, _, rest = text.partition(":")
        side, _, by = rest.partition(":")
        if side not in {"", *OPPOSITE}:
            raise UsageError(
                f"--measure {quoted(word)}: NAME=VALUE:SIDE:BY WHAT; the side is left or right, not {quoted(side)}"
            )
        if name == "mvic" and side and side not in sides:
            raise UsageError(f"--measure {quoted(word)}: the share is of the {' and '.join(sorted(sides))} side's MVIC")
        found.append(
            Measured(name=name, value=value, unit=UNITS.get(name, ""), side=side or words.side, by=by or "not stated")
        )
    return tuple(found)


def moves(protocol: Protocol) -> bool:
    """A crank or the gait triggers it, so that a cadence means something."""
    return any(phase.trigger is not None and phase.trigger.source in MOVED for phase in protocol.phase)


def _cadence(said: int | None, protocol: Protocol) -> int | None:
    """Turns or steps a minute, for a protocol that a crank or the gait triggers."""
    sources = {phase.trigger.source for phase in protocol.phase if phase.trigger is not None}
    if said is None:
        return None
    if not moves(protocol):
        raise UsageError(f"--cadence {said}: nobody walks or cycles in this protocol")
    (least, most), unit = (TURNS_PER_MIN, "turns") if "crank" in sources else (STEPS_PER_MIN, "steps")
    if not least <= said <= most:
        raise UsageError(f"--cadence {said}: {least} to {most} {unit} a minute")
    return said


def _side(side: str, treated: str) -> str:
    if side == "treated":
        return treated
    return OPPOSITE[treated] if side == "other" else side


def _practice_mark(level_ua: int) -> int:
    """A motor mark for practice: the first whole mA above the lowest mark that allows this level (L26)."""
    return ceil_div(mark_for_sensory_ua(level_ua), UA_PER_MA) * UA_PER_MA + UA_PER_MA


def mark_note(name: str, motor_ua: int) -> Problem:
    """That nobody said where the motor mark lies, and where it is put."""
    return Problem(
        severity="info",
        key=f"motor.{name}",
        message=f"{name}: no --motor was given; the simulated patient's motor mark is {motor_ua / UA_PER_MA:g} mA",
        asked=None,
        allowed=motor_ua / UA_PER_MA,
        unit="mA",
        layer="patient",
        rule="L26",
        source="simulated patient",
    )


def missing_levels(protocol: Protocol, said: Said) -> list[Problem]:
    """Channels for which a scripted titration knows no level."""
    played: Mapping[str, bool] = {channel.name: channel.included for channel in said.setup.channels}
    return [
        Problem(
            severity="refuse",
            key=f"level.{channel.name}",
            message=f"no level for {channel.name}: give --level {channel.name}=mA ({channel.amplitude_instruction})",
            layer="patient",
            rule="level",
        )
        for channel in protocol.channel
        if played.get(channel.name) and channel.name not in said.levels_ua
    ]

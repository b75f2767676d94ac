"""What can be refused without a device is refused before one is touched: the whole schedule at the levels that were
named.
"""

from __future__ import annotations

from dataclasses import replace

from estim.desk.setup_from import Said, mark_note, missing_levels
from estim.drivers.address import Address
from estim.drivers.models import MODELS
from estim.protocols.compile import compile_schedule
from estim.protocols.resolve import resolve
from estim.protocols.schema import Protocol
from estim.protocols.setup import ChannelSetup
from estim.safety.caps import level_step_ua
from estim.safety.errors import Problem, ProtocolRejected, SetupError
from estim.safety.limits import ABSOLUTE, DEFAULT, Limits
from estim.safety.profile import DeviceProfile
from estim.safety.schedule import Schedule
from estim.safety.units import UA_PER_MA, MicroAmp, ceil_div, floor_to_step
from estim.safety.verdict import judge
from estim.session import screening


def preflight(protocol: Protocol, said: Said, address: Address, *, limits: Limits = ABSOLUTE & DEFAULT) -> Said:
    """Compile and judge as the session will, with the named levels in place of found ones.

    Gives what was said with every level on the device's own steps, and a note of each that was not.

    Raises:
        SetupError: pads or levels are missing, or contradict the protocol.
        ProtocolRejected: a limit or the device forbids it; every violation at once.
    """
    profile = MODELS[address.model].profile
    answers = screening.scripted_answers()
    places = [
        screening.Place(name=channel.name, region=str(channel.region), side="left") for channel in protocol.channel
    ]
    patient = screening.patient_facts(answers, places)

    def named(channel: ChannelSetup, said: Said) -> ChannelSetup:
        level, motor = said.levels_ua.get(channel.name), said.motor_ua.get(channel.name)
        return replace(
            channel,
            level_ua=MicroAmp(level) if level is not None else None,
            motor_ua=MicroAmp(motor) if motor is not None else None,
        )

    setup = replace(
        said.setup, patient=patient, channels=tuple(named(channel, said) for channel in said.setup.channels)
    )
    try:
        resolved = resolve(protocol, week=setup.week, session=setup.session)
    except ValueError as error:
        problem = Problem(severity="refuse", key="--week", message=str(error), asked=setup.week, rule="course")
        raise SetupError([problem]) from None
    said = _on_steps(
        said, compile_schedule(resolved, setup, profile, levels_needed=False, limits=limits), profile, limits
    )
    setup = replace(setup, channels=tuple(named(channel, said) for channel in said.setup.channels))
    known = all(channel.level_ua is not None for channel in setup.channels if channel.included)
    schedule = compile_schedule(resolved, setup, profile, levels_needed=False, limits=limits)
    problems, _ = judge(schedule, limits, profile, patient)
    refused = [problem for problem in problems if problem.severity == "refuse"]
    if refused:
        raise ProtocolRejected(refused)
    if address.simulated and not known:
        raise SetupError(missing_levels(protocol, said))
    return said


def _on_steps(said: Said, schedule: Schedule, profile: DeviceProfile, limits: Limits) -> Said:
    """Levels and motor marks that this device and L15's step can reach from 0: each ends at the nearest below.

    Raises:
        SetupError: one lies below the smallest step.
    """
    levels, motor, notes = dict(said.levels_ua), dict(said.motor_ua), list(said.notes)
    implied = {note.key.removeprefix("motor."): note for note in said.notes if note.key.startswith("motor.")}
    for channel in schedule.channels:
        raise_ua = limits["raise_step_ua"].value
        step_ua = level_step_ua(schedule, channel.channel, step_ua=profile.amplitude_step_ua, raise_ua=raise_ua)
        for option, asked in (("level", levels), ("motor", motor)):
            asked_ua = asked.get(channel.name, 0)
            if asked_ua % step_ua == 0:
                continue
            if option == "motor" and channel.name in implied:  # nobody asked: the next step above, so that L26 holds
                asked[channel.name] = ceil_div(asked_ua, step_ua) * step_ua
                notes[notes.index(implied[channel.name])] = mark_note(channel.name, asked[channel.name])
                continue
            asked[channel.name] = floor_to_step(asked_ua, step_ua)
            notes.append(_step_note(option, channel.name, asked_ua, step_ua, profile))
    refused = [note for note in notes if note.severity == "refuse"]
    if refused:
        raise SetupError(refused)
    return replace(said, levels_ua=levels, motor_ua=motor, notes=tuple(notes))


def _step_note(option: str, name: str, asked_ua: int, step_ua: int, profile: DeviceProfile) -> Problem:
    asked, step, ends_ma = asked_ua / UA_PER_MA, step_ua / UA_PER_MA, floor_to_step(asked_ua, step_ua) / UA_PER_MA
    fits = asked_ua >= step_ua
    end = f"{ends_ma:g} mA is the nearest below" if fits else f"the smallest is {step:g} mA"
    return Problem(
        severity="info" if fits else "refuse",
        key=f"{option}.{name}",
        message=f"{name}: {asked:g} mA can't be had on the {profile.title} in steps of {step:g} mA; {end}",
        asked=asked,
        allowed=ends_ma if fits else step,
        unit="mA",
        layer="device",
        rule="level-step",
        source=profile.source,
    )

"""What can be refused without a device is refused before one is touched: the whole schedule at the levels that were
named.
"""

from __future__ import annotations

from dataclasses import replace

from estim.desk.setup_from import Said, missing_levels
from estim.drivers.address import Address
from estim.drivers.models import MODELS
from estim.protocols.compile import compile_schedule
from estim.protocols.resolve import resolve
from estim.protocols.schema import Protocol
from estim.protocols.setup import ChannelSetup
from estim.safety.errors import Problem, ProtocolRejected, SetupError
from estim.safety.limits import ABSOLUTE, DEFAULT, Limits
from estim.safety.units import MicroAmp
from estim.safety.verdict import judge
from estim.session import screening


def preflight(protocol: Protocol, said: Said, address: Address, *, limits: Limits = ABSOLUTE & DEFAULT) -> None:
    """Compile and judge as the session will, with the named levels in place of found ones.

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

    def named(channel: ChannelSetup) -> ChannelSetup:
        level, motor = said.levels_ua.get(channel.name), said.motor_ua.get(channel.name)
        return replace(
            channel,
            level_ua=MicroAmp(level) if level is not None else None,
            motor_ua=MicroAmp(motor) if motor is not None else None,
        )

    setup = replace(said.setup, patient=patient, channels=tuple(named(channel) for channel in said.setup.channels))
    try:
        resolved = resolve(protocol, week=setup.week, session=setup.session)
    except ValueError as error:
        problem = Problem(severity="refuse", key="--week", message=str(error), asked=setup.week, rule="course")
        raise SetupError([problem]) from None
    known = all(channel.level_ua is not None for channel in setup.channels if channel.included)
    schedule = compile_schedule(resolved, setup, profile, levels_needed=False)
    problems, _ = judge(schedule, limits, profile, patient)
    refused = [problem for problem in problems if problem.severity == "refuse"]
    if refused:
        raise ProtocolRejected(refused)
    if address.simulated and not known:
        raise SetupError(missing_levels(protocol, said))

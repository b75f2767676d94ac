"""What people ask for before anything runs: sign in, screening, configure, confirm. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from estim.protocols.compile import compile_schedule, compile_titration
from estim.protocols.compile_low_rate import compile_low_rate
from estim.protocols.resolve import resolve
from estim.protocols.schema import Protocol
from estim.protocols.setup import ChannelSetup, Setup
from estim.record_lines.kinds import Accepted, Bend, Note, Screening
from estim.safety.errors import Problem, ProtocolError, SetupError
from estim.safety.schedule import Schedule
from estim.safety.units import MicroAmp
from estim.safety.verdict import ClearedSchedule, clear
from estim.session import arming, events, screening, screening_questions
from estim.session.core import Core
from estim.session.plain import plain
from estim.session.record_json import header_line, setup_line
from estim.session.sitting import Known, Loaded
from estim.session.state import Phase, Turn


def no(key: str, message: str, *, rule: str = "session") -> Problem:
    """A refusal that is no matter of limits."""
    return Problem(severity="refuse", key=key, message=message, rule=rule)


def sign_in(core: Core, request: events.SignIn) -> None:
    """Open the session and its record."""
    if core.out.recording:
        core.refuse(request.id, no("sign-in", "a session is open already; sign it first"))
        return
    if not request.operator.strip() or not request.patient_id.strip():
        core.refuse(request.id, no("sign-in", "operator and patient are both needed"))
        return
    known = Known(dict(request.minutes_today), tuple(request.patient_flags))
    core.sit_down(request.operator.strip(), request.patient_id.strip(), known)
    core.out.open_record(core.sitting.patient_id)
    core.out.log(header_line(core, request))
    for text in request.notes:  # as a person's words are: they name sessions, and so the patient
        core.out.log(Note(said=plain({"text": f"at sign-in: {text}"})))
    core.accept(request.id, *(Problem(severity="warn", key="sign-in", message=t, rule="door") for t in request.notes))


def screen(core: Core, request: events.Screen) -> None:
    """Take the screening's answers; what they forbid is judged at configure and arm."""
    if not core.out.recording:
        core.refuse(request.id, no("screening", "sign in first"))
        return
    if request.scripted and not core.simulated:
        core.refuse(request.id, no("screening", "scripted answers are for simulated devices only"))
        return
    answers = dict(request.answers)
    asked = screening_questions
    core.out.log(
        Screening(
            answers=plain(answers), scripted=request.scripted, questionnaire=asked.NAME, version=asked.VERSION,
            language=request.language, sha256=asked.SHA256, questions=dict(asked.TEXTS),
        )
    )  # fmt: skip
    blocking = [problem for problem in screening.judge(answers) if problem.severity == "refuse"]
    core.sitting.screen(answers, core.now_us, forbids=bool(blocking))
    if blocking:
        core.refuse(request.id, *blocking)
    else:
        core.accept(request.id)


def configure(core: Core, request: events.Configure) -> None:
    """Compile and clear a protocol for single twitches, for finding levels, or for therapy at the levels found."""
    if core.phase not in {Phase.READY, Phase.CONFIGURED}:
        core.refuse(request.id, no("configure", f"not possible in {core.phase.value}"))
        return
    if not core.out.recording:
        core.refuse(request.id, no("configure", "sign in first"))
        return
    if core.sitting.screened_us is None:
        core.refuse(request.id, no("screening", "answer the screening first"))
        return
    setup = replace(request.setup, simulated=core.simulated, patient_id=core.sitting.patient_id)
    places = _places(request.protocol, setup)
    blocking = [
        p for p in screening.judge(core.sitting.answers, places, session=setup.session) if p.severity == "refuse"
    ]
    if blocking:
        core.refuse(request.id, *blocking)
        return
    facts = screening.patient_facts(core.sitting.answers, places)
    setup = replace(setup, patient=replace(facts, **dict.fromkeys(core.sitting.known.flags, True)))
    if _pads_changed(core, setup):
        core.sitting.found.lose_all()
    try:
        protocol = resolve(
            request.protocol,
            week=setup.week,
            session=setup.session,
            first_ever=setup.patient.first_ever_session is not False,
        )
        how: dict[str, Any] = {"sha256": request.protocol_sha256, "limits": core.limits}
        if request.purpose != "therapy":
            setup = _from_zero(setup)
            schedule = compile_titration(protocol, setup, core.profile, **how)
            if request.purpose == "low-rate":
                highest_ua = _clear(core, schedule, setup, request).caps_ua
                schedule = compile_low_rate(protocol, setup, core.profile, **how)
                schedule = _no_higher(schedule, highest_ua)
        else:
            setup = _with_found(core, setup)
            schedule = compile_schedule(protocol, setup, core.profile, **how)
        cleared = _clear(core, schedule, setup, request)
    except (ProtocolError, SetupError) as error:
        core.refuse(request.id, *error.problems)
        return
    except ValueError as error:
        core.refuse(request.id, no("protocol", str(error), rule="course"))
        return
    loaded = Loaded(
        protocol=request.protocol,
        protocol_sha256=request.protocol_sha256,
        setup=setup,
        purpose=request.purpose,
        cleared=cleared,
    )
    core.sitting.load(loaded, _still_confirmed(core, request, cleared), goes_on=_goes_on(core, request))
    if request.purpose == "therapy" and core.sitting.kept is None:
        core.ledger.begin_plan()
    core.begin_run(None)
    core.out.log(setup_line(loaded, cleared))
    for bend in schedule.bends:
        core.out.log(Bend(**plain(bend)))
    core.move(Turn.CONFIGURE, request.purpose)
    core.accept(request.id)


def _still_confirmed(core: Core, request: events.Configure, cleared: ClearedSchedule) -> frozenset[str]:
    """What need not be confirmed anew within its 10 minutes.

    Who the patient is holds for the sitting; who holds the stop and what secures the standing, as long as the protocol
    stays. The pads may have been moved and the skin is covered anew: both are looked at again. Warnings and differences
    that were read are asked again where they are others.
    """
    before = core.sitting.loaded
    if before is None or before.protocol_sha256 != request.protocol_sha256:
        return frozenset({"screening", "identity"})
    still = {"screening", "identity", "stop-control", "support"}
    if before.cleared is not None:
        if _read(before.cleared.warnings) >= _read(cleared.warnings):
            still.add("warnings")
        if _read(before.cleared.schedule.bends) >= _read(cleared.schedule.bends):
            still.add("bends")
    return frozenset(still)


def _read(problems: Iterable[Problem]) -> frozenset[str]:
    return frozenset(problem.message for problem in problems if problem.severity == "warn")


def _goes_on(core: Core, request: events.Configure) -> bool:
    """The plan that was broken off is asked for again: it goes on where it was."""
    return core.sitting.loaded is not None and core.sitting.loaded.protocol.id == request.protocol.id


def _clear(core: Core, schedule: Schedule, setup: Setup, request: events.Configure) -> ClearedSchedule:
    """Judge with what this patient already had today: before this session by the index, in it by our own count."""
    minutes, on_us = core.ledger.had(goes_on=core.sitting.kept is not None and _goes_on(core, request))
    return clear(schedule, core.limits, core.profile, setup.patient, minutes_today=minutes, session_on_us=on_us)


def _no_higher(schedule: Schedule, highest_ua: Mapping[int, MicroAmp]) -> Schedule:
    """The low-rate test with the caps of finding levels: at 2.5 Hz the limits on rms do not bind, and no twitch that
    says something of the pads needs more than any level may have.
    """
    caps_ua = {channel.channel: (highest_ua[channel.channel], channel.cap_ua) for channel in schedule.channels}
    return replace(
        schedule,
        channels=tuple(
            replace(channel, cap_ua=min(cap for cap in caps_ua[channel.channel] if cap is not None))
            for channel in schedule.channels
        ),
    )


def _places(protocol: Protocol, setup: Setup) -> tuple[screening.Place, ...]:
    """Where current would enter, for the screening: region and side of each channel."""
    regions = {channel.name: str(channel.region) for channel in protocol.channel}
    return tuple(
        screening.Place(name=channel.name, region=channel.region or regions.get(channel.name, ""), side=channel.side)
        for channel in setup.channels
        if channel.included
    )


def _pads_changed(core: Core, setup: Setup) -> bool:
    """Levels belong to channel, side and pads: another pad means that they are found again."""
    if core.sitting.loaded is None:
        return False
    before = core.sitting.loaded.setup
    known = {channel.name: (channel.channel, channel.side, channel.pads_cm) for channel in before.channels}
    now = {channel.name: (channel.channel, channel.side, channel.pads_cm) for channel in setup.channels}
    return any(known[name] != place for name, place in now.items() if name in known)


def _from_zero(setup: Setup) -> Setup:
    """Finding levels begins at 0 mA (L16), whatever was found before or came with the request: the contact may be
    another one since.
    """
    return replace(
        setup,
        channels=tuple(
            replace(
                channel, level_ua=None, motor_ua=None, sensory_ua=None, max_tolerated_ua=None,
                level_frequency_mhz=None, level_pulse_width_us=None,
            )
            for channel in setup.channels
        ),
    )  # fmt: skip


def _with_found(core: Core, setup: Setup) -> Setup:
    """A therapy plays the levels that this session found, never numbers that came with a request."""

    def found(channel: ChannelSetup) -> ChannelSetup:
        levels_found = core.sitting.found.get(channel.name)
        if levels_found is None or levels_found.level_ua == 0:
            return replace(channel, level_ua=None, motor_ua=None, sensory_ua=None, max_tolerated_ua=None)
        motor_ua = levels_found.motor_ua
        return replace(
            channel,
            level_ua=MicroAmp(levels_found.level_ua),
            motor_ua=MicroAmp(motor_ua) if motor_ua is not None else None,
            level_frequency_mhz=levels_found.frequency_mhz,
            level_pulse_width_us=levels_found.pulse_width_us,
        )

    return replace(setup, channels=tuple(found(channel) for channel in setup.channels))


def confirm(core: Core, request: events.Confirm) -> None:
    """A person confirms one of the things that arming asks for."""
    if request.what not in arming.CONFIRMATIONS:
        core.refuse(request.id, no("confirm", f"{request.what!r} is nothing that can be confirmed"))
        return
    if request.what == "warnings" and not request.value.strip():
        core.refuse(request.id, no("warnings", "a warning is accepted with a reason"))
        return
    core.sitting.confirm(request.what, request.value, core.now_us)
    core.out.log(Accepted(what=request.what, value=request.value))
    core.accept(request.id)

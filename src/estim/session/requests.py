"""What people ask of a session from arming to signing: one function a request; each answers it exactly once. Pure."""

from __future__ import annotations

from dataclasses import asdict

from estim.record_lines import events as lines
from estim.record_lines.base import SCRIPTED, SIGNATURE_MEANINGS
from estim.record_lines.kinds import Note, Outcome, Reason, Request
from estim.safety.errors import Problem
from estim.safety.reports import OutputState
from estim.safety.verdict import ClearedSchedule
from estim.session import after_stop, arming, ending, events, levels
from estim.session.after_off import playing_on
from estim.session.core import Core
from estim.session.effects import Install, Prepare, ToRoom
from estim.session.ledger import UNTIL_OFF
from estim.session.plain import plain
from estim.session.play import KEEP_LEVELS_PAUSE_US, RESUME_LEAD_US, START_LEAD_US, move_gates
from estim.session.preparing import no
from estim.session.route import BEGINNING
from estim.session.run import Run
from estim.session.snapshot import Signature
from estim.session.state import Phase, Turn


def arm(core: Core, request: events.Arm) -> None:
    """First step to output: everything that must be true is checked, then the stimulation level is opened."""
    problems = arming.missing(core)
    if problems or core.sitting.cleared is None:
        core.refuse(request.id, *(problems or (no("arm", "nothing is configured"),)))
        return
    core.out.emit(Install(cleared=core.sitting.cleared))
    _prepare(core, core.sitting.cleared)
    core.move(Turn.ARM)
    core.accept(request.id)


def _prepare(core: Core, cleared: ClearedSchedule) -> None:
    schedule = cleared.schedule
    phase = schedule.phases[core.run.place.phase if core.run is not None else 0]
    core.lease.status(core.now_us)
    channels = tuple(channel.channel for channel in schedule.channels)
    period_us = min(window.period_us for window in phase.windows)
    slow = tuple((window.channel, window.period_us) for window in phase.windows if window.period_us > period_us)
    core.link.prepare(Prepare(channels=channels, period_us=period_us, slow=slow), core.now_us)


def start(core: Core, request: events.Start) -> None:
    """Second step: the plan begins, from 0 mA, when its first authorisation is durable."""
    if core.phase is not Phase.ARMED or core.sitting.cleared is None:
        core.refuse(request.id, no("start", f"not armed (it is {core.phase.value})"))
        return
    if not core.link.open:
        core.refuse(request.id, no("start", "the device is not ready yet"))
        return
    if unseen := after_stop.not_looked_at(core):
        core.refuse(request.id, *(no("start", f"not confirmed: {what}", rule="arm") for what in unseen))
        return
    cleared, ledger = core.sitting.cleared, core.ledger
    kept = core.sitting.kept if core.sitting.purpose == "therapy" else None
    before = core.run
    core.begin_run(
        Run(
            cleared.schedule,
            core.profile.amplitude_step_ua,
            core.now_us + START_LEAD_US,
            gentle=cleared.patient.gentle,
            common_grid=not core.profile.changes_rate_while_running,
            first_alone=core.profile.first_pulse_alone,
            place=kept.place if kept else BEGINNING,
            contractions=kept.contractions if kept else 0,
            proven_ua=core.sitting.proven_ua,
            governor=lambda window, at_us: ledger.withholds(cleared.schedule.channel(window.channel), window, at_us),
        )
    )
    after_stop.keep_falls(core, before)
    core.sitting.begin_run()
    ledger.begin_run()
    core.sitting.clock.go(core.now_us)
    core.move(Turn.START)
    core.accept(request.id)


def pause_request(core: Core, request: events.Pause) -> None:
    """Output off, the plan's place kept. A limb that bears weight gets its running contraction to the end first."""
    if core.phase is not Phase.RUNNING or core.run is None:
        core.refuse(request.id, no("pause", f"nothing runs (it is {core.phase.value})"))
        return
    core.out.log(Request(what="pause", reason=request.reason))
    if core.sitting.cleared is not None and core.sitting.cleared.schedule.weight_bearing and core.run.players:
        core.run.pause_later(request.reason)
    else:
        core.pause(request.reason)
    after_stop.heed(core, request.reason)
    core.accept(request.id)


def resume(core: Core, request: events.Resume) -> None:
    """Go on from 0 mA, 3 s from now, with the contraction that was broken."""
    if core.phase is not Phase.PAUSED or core.run is None or core.sitting.cleared is None:
        core.refuse(request.id, no("resume", f"nothing is paused (it is {core.phase.value})"))
        return
    problems: list[Problem] = []
    if core.lease.console_stood_still(core.now_us):
        problems.append(no("console", arming.STOOD_STILL))
    if core.link.output is not OutputState.OFF or core.link.off_asked_us is not None:
        problems.append(no("resume", "the device has not confirmed that its output is off"))
    if core.now_us - core.standing.since_us > KEEP_LEVELS_PAUSE_US:
        problems.append(no("resume", "the pause was longer than 60 s: stop, and find the levels again", rule="pause"))
    lost = core.sitting.found.missing(channel.name for channel in core.sitting.cleared.schedule.channels)
    if lost and core.sitting.purpose == "therapy":
        problems.append(
            no("resume", f"the level of {', '.join(lost)} must be found again: stop first", rule="lead-off")
        )
    problems += [no("resume", f"not confirmed: {what}", rule="arm") for what in after_stop.not_looked_at(core)]
    if problems:
        core.refuse(request.id, *problems)
        return
    core.run.go_on(core.now_us + RESUME_LEAD_US)
    core.sitting.clock.go(core.now_us)
    _prepare(core, core.sitting.cleared)
    core.move(Turn.RESUME)
    core.accept(request.id)


def stop(core: Core, request: events.Stop) -> None:
    """Off. Never judged, never refused; answered after it was sent."""
    core.stop(f"stop-{request.source}")
    core.out.log(Request(what="stop", source=request.source))
    if request.source.startswith("observer"):  # the therapist must learn that it was somebody else
        text = f"Somebody who looks on has stopped it ({request.source})."
        core.sitting.alarms.sound("observer-stop", "medium", text)
    core.accept(request.id)


def raise_level(core: Core, request: events.Raise) -> None:
    """One step up on one channel."""
    if not core.shown.is_fresh(request.snapshot_n, core.now_us):
        core.refuse(request.id, no("raise", "the screen was older than 1 s: look, and press again", rule="L15"))
        return
    locked = levels.raise_locked(core, request.channel)
    if locked:
        core.refuse(request.id, no("raise", locked, rule="L15"))
        return
    levels.ask_raise(core, request.channel)
    core.accept(request.id)


def lower(core: Core, request: events.Lower) -> None:
    """Down; needs nobody's permission."""
    if not 0 <= request.percent <= 100:
        text = f"{request.percent} % is no share to lower by: 0 (one step) to 100"
        core.refuse(request.id, no("lower", text))
        return
    if levels.lower(core, request.channel, request.percent):
        core.accept(request.id)
    else:
        core.refuse(request.id, no("lower", "nothing runs"))


def mark(core: Core, request: events.Mark) -> None:
    """The level that plays now is one of the patient's marks."""
    if core.phase is not Phase.RUNNING or core.run is None or request.channel not in core.run.levels_ua:
        core.refuse(request.id, no("mark", "a mark is made while the channel runs"))
        return
    if (request.kind == "twitch") is not (core.sitting.purpose == "low-rate"):
        why = "only a twitch is marked at the low rate: levels belong to their rate"
        if request.kind == "twitch":
            why = "a twitch is marked in the low-rate test alone"
        core.refuse(request.id, no("mark", why, rule="low-rate"))
        return
    wrong = levels.mark_wrong(core, request.channel, request.kind)
    if wrong:
        core.refuse(request.id, no("mark", wrong, rule="marks"))
        return
    levels.mark(core, request.channel, request.kind)
    core.accept(request.id)


def contraction_seen(core: Core, request: events.ContractionSeen) -> None:
    """On a sensory channel: cut to 80 %, mark."""
    levels.contraction_seen(core, request.channel)
    core.accept(request.id)


def next_channel(core: Core, request: events.NextChannel) -> None:
    """Titration, low-rate test: on to the next channel; after the last one it is complete."""
    if core.phase is not Phase.RUNNING or core.run is None or core.sitting.purpose == "therapy":
        core.refuse(request.id, no("next-channel", "no levels are being found"))
        return
    _leave_phase(core, core.run, "level found" if core.sitting.purpose == "titration" else "channel tested")
    core.accept(request.id)


def skip_phase(core: Core, request: events.SkipPhase) -> None:
    """Leave the rest of this phase out."""
    if core.phase is not Phase.RUNNING or core.run is None:
        core.refuse(request.id, no("skip-phase", "nothing runs"))
        return
    if not request.reason.strip():
        core.refuse(request.id, no("skip-phase", "a reason is needed"))
        return
    _leave_phase(core, core.run, request.reason)
    core.accept(request.id)


def _leave_phase(core: Core, run: Run, reason: str) -> None:
    core.out.log(Request(what="skip-phase", phase=run.phase.name, reason=reason))
    playing = bool(run.output().channels)
    leaving = tuple(playing_on([player for player in run.players if player.amplitude_ua], core.now_us))
    core.book(run.skip_phase(core.now_us))
    core.authority.end()  # what was authorised was for the phase that is left
    if run.over:
        core.ledger.leave(UNTIL_OFF, leaving, core.sitting.purpose)
        ending.complete(core)
    elif playing:
        number = core.link.send(run.output(), core.now_us)
        core.ledger.leave(number, leaving, core.sitting.purpose)


def end_early(core: Core, request: events.EndEarly) -> None:
    """The treatment ends here, with a reason; complete if nearly all of it was given."""
    if core.phase not in {Phase.RUNNING, Phase.PAUSED} or not request.reason.strip():
        core.refuse(request.id, no("end-early", "possible while running or paused, with a reason"))
        return
    core.out.log(Request(what="end-early", reason=request.reason))
    ending.end_early(core)
    after_stop.heed(core, request.reason)
    core.accept(request.id)


def trigger(core: Core, request: events.PressTrigger) -> None:
    """The key of a key-triggered phase: one press, one contraction."""
    keeper = core.run.gatekeeper if core.run is not None else None
    if core.phase is not Phase.RUNNING or keeper is None or keeper.trigger.source != "key":
        core.refuse(request.id, no("trigger", "no phase waits for a key now"))
        return
    moves = keeper.press(core.now_us)
    if not moves:
        withheld = keeper.withheld
        move_gates(core, [])
        if withheld:
            core.refuse(request.id, no("trigger", "withheld: the muscle was on for too long", rule=withheld))
        else:
            core.refuse(request.id, no("trigger", "not yet: the last contraction was a moment ago", rule="trigger"))
        return
    move_gates(core, moves)
    core.accept(request.id)


def acknowledge(core: Core, request: events.Acknowledge) -> None:
    """An alarm was seen; it goes once its cause is gone."""
    alarm = core.sitting.alarms.get(request.code)
    if alarm is not None and request.code.startswith("warn-"):
        levels.accept_warning(core, request.code, request.reason)
    elif alarm is not None:
        core.sitting.alarms.seen(request.code)
    core.accept(request.id)


def reset_fault(core: Core, request: events.ResetFault) -> None:
    """Leave FAULT: output confirmed off, reason given; everything begins again at identification."""
    if core.phase is Phase.DISCONNECTED:  # asked again who it is: stop, identify, verify idle, as at the beginning
        core.out.log(Request(what="connect", reason=request.reason))
        core.link.connect()
        core.accept(request.id)
        return
    if core.phase is not Phase.FAULT:
        core.refuse(request.id, no("reset", f"there is no fault (it is {core.phase.value})"))
        return
    if core.link.output is not OutputState.OFF:
        asked = ""
        if core.link.gone:  # connecting is stop, identify, verify idle: the one way to a confirmed off
            core.link.connect()
            asked = "; the device is being asked again"
        text = f"output is {core.link.output.value}: it must be confirmed off first{asked}"
        core.refuse(request.id, no("reset", text))
        return
    if not request.reason.strip():
        core.refuse(request.id, no("reset", "a reason is needed"))
        return
    core.out.log(Request(what="reset-fault", reason=request.reason))
    core.sitting.alarms.reset()
    core.sitting.unload()
    core.begin_run(None)
    core.move(Turn.RESET, request.reason)
    core.link.connect()
    core.accept(request.id)


_NOTES = {kind.KIND: kind for kind in (Note, Outcome, Reason)}


def note(core: Core, request: events.Note) -> None:
    """Text into the record."""
    if not core.out.recording:
        core.refuse(request.id, no("note", "there is no open session"))
        return
    core.out.log(_NOTES.get(request.kind, Note)(said=plain(request.fields)))
    if request.kind == Reason.KIND:
        after_stop.heed(core, request.fields.get("stopped"))
    core.accept(request.id)


def sign(core: Core, request: events.Sign) -> None:
    """Close the session: its record ends, signed."""
    if not core.out.recording:
        core.refuse(request.id, no("sign", "there is no open session"))
        return
    stopped = core.phase not in {Phase.ARMED, Phase.RUNNING, Phase.PAUSED, Phase.STOPPING}
    if not stopped or core.link.output is not OutputState.OFF:
        core.refuse(request.id, no("sign", "output must be off and the session stopped first"))
        return
    if request.meaning not in SIGNATURE_MEANINGS and not (request.meaning == SCRIPTED and core.simulated):
        core.refuse(request.id, no("sign", f"{request.meaning!r} is none of {', '.join(SIGNATURE_MEANINGS)}"))
        return
    signature = Signature(
        operator=request.operator,
        name=request.name,
        meaning=request.meaning,
        utc=request.utc,
        authenticated=request.authenticated,
    )
    core.sitting.sign(signature)
    core.out.log(lines.Signature(**asdict(signature), comment=request.comment))
    ending.end_record(core)
    core.accept(request.id)


def room_action(core: Core, request: events.RoomAction) -> None:
    """Something is done in the simulated room."""
    if not core.simulated:
        core.refuse(request.id, no("room", "there is no simulated room beside a real device"))
        return
    core.out.emit(ToRoom(message=request.message))
    core.accept(request.id)

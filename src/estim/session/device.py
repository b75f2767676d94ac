"""What the stimulator and the room say, and what that means for the session. Pure.

A device is believed only about itself: OFF is what its own status says. Anything unexpected while output may be on is
off first and a fault then.
"""

from __future__ import annotations

from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.safety.reports import (
    Acknowledged,
    Battery,
    ChannelFault,
    CrankAngle,
    DeviceFault,
    DeviceLost,
    DeviceStatus,
    EmgSamples,
    EvokedForce,
    Identified,
    LinkDown,
    Noise,
    OutputState,
    PatientSays,
    PatientSwitch,
    PracticeState,
    Prepared,
    SensorEvent,
    Superseded,
)
from estim.session import levels
from estim.session.core import Core
from estim.session.play import move_gates
from estim.session.state import Phase, Turn
from estim.session.trigger import Gatekeeper


def identified(core: Core, report: Identified) -> None:
    """The device said who it is and is idle."""
    if core.phase in {Phase.ARMED, Phase.RUNNING, Phase.PAUSED, Phase.STOPPING}:
        core.fail("device-reset", "The device introduced itself in the middle of a session: it was restarted.")
    core.settle()
    core.link.identified(report, core.now_us)
    core.lease.status(core.now_us)
    core.see_output(OutputState.OFF)
    core.sitting.alarms.calm("link-lost")
    core.sitting.alarms.calm("device-lost")
    named_simulated = report.device_id.startswith("SIM")
    if report.model != core.profile.model:
        core.fail("wrong-device", f"This is a {report.model}, not the {core.profile.title} that was asked for.")
    elif report.device_id and named_simulated != core.simulated:
        core.fail(
            "simulated-mismatch",
            "A simulator answered at a real port."
            if named_simulated
            else "A real stimulator answered where a simulator was asked for.",
        )
    elif core.phase is Phase.DISCONNECTED:
        core.out.log(kinds.Device(model=report.model, device_id=report.device_id, firmware=report.firmware))
        core.move(Turn.IDENTIFIED)


def prepared(core: Core, _report: Prepared) -> None:
    """The stimulation level is open."""
    core.lease.status(core.now_us)
    if core.phase in {Phase.ARMED, Phase.RUNNING}:
        core.link.opened()


def acknowledged(core: Core, report: Acknowledged) -> None:
    """`report.seq` is the engine's own command number (the runner translates the driver's)."""
    core.link.acknowledged(report.seq, report.round_trip_us, core.now_us, report.lists)
    core.ledger.obeyed(core.link.answer.number, core.now_us, core.sitting.cleared)


def superseded(core: Core, report: Superseded) -> None:
    """A newer command took its place: nothing was sent for it."""
    core.link.superseded(report.seq)


def status(core: Core, report: DeviceStatus) -> None:
    """The device's own view of its output."""
    core.lease.status(core.now_us)
    core.link.status_line(core.now_us, report)
    idle = not report.output_on and not report.level_open
    if core.link.off_asked_us is not None:
        if idle:
            _confirmed_off(core)
        elif report.output_on:
            core.link.disobeyed(frozenset())
        return
    if core.phase in {Phase.ARMED, Phase.RUNNING}:
        _check_against_plan(core, report, idle=idle)
    elif idle:
        core.link.idle(core.now_us)
        core.see_output(OutputState.OFF)
    elif core.phase in {Phase.READY, Phase.CONFIGURED, Phase.PAUSED}:
        core.see_output(OutputState.UNCERTAIN)
        _fail_on(core, report, "The device says that it is stimulating although nobody asked it to.")


def _confirmed_off(core: Core) -> None:
    core.settle()
    core.link.off_confirmed()
    core.see_output(OutputState.OFF)
    if core.phase is Phase.STOPPING:
        core.ledger.log_dose(core.sitting.purpose)
        core.move(Turn.CONFIRMED_OFF, core.standing.cause)
        if core.sitting.purpose != "therapy" or core.sitting.outcome == "completed":
            core.begin_run(None)


def _check_against_plan(core: Core, report: DeviceStatus, *, idle: bool) -> None:
    """While armed or running the level must be open, and nothing may pulse that the plan does not play."""
    if not core.link.open:
        return
    if idle:
        core.fail("level-lost", "The device left its stimulation level by itself (its own timer, or a restart).")
        return
    if not core.link.settled(core.now_us):
        return
    planned = {player.window.channel for player in (core.run.players if core.run else ()) if player.amplitude_ua > 0}
    if report.output_on and not planned:
        _fail_on(core, report, "The device says that it is stimulating where the plan has a rest.")
    elif planned and not report.output_on:
        core.fail("output-lost", "The device stopped stimulating by itself (its own timer, or an error).")
    elif report.active_channels is not None and not set(report.active_channels) <= planned:
        extra = sorted(set(report.active_channels) - planned)
        _fail_on(core, report, f"The device stimulates on channel {extra} where the plan has none.")


def _fail_on(core: Core, report: DeviceStatus, text: str) -> None:
    """It plays what it was not told to, since its last command for all that is known."""
    planned: tuple[int, ...] = ()
    if core.run is not None:
        planned = tuple(window.channel for window in core.run.phase.windows)
    elif core.sitting.cleared is not None:
        planned = tuple(channel.channel for channel in core.sitting.cleared.schedule.channels)
    channels = report.active_channels or planned
    core.link.disobeyed(frozenset(channels))
    core.fail("device-on", text)


def channel_fault(core: Core, report: ChannelFault) -> None:
    """A channel's own error: the whole device is stopped, and its level found again (docs/decisions/session.md 13).

    While levels are being found they go on from 0 mA: what was raised since the pad came off nobody has felt.
    """
    core.sitting.alarms.sound("lead-off" if report.kind == "electrode" else report.kind, "medium", report.text)
    channels = core.sitting.cleared.schedule.channels if core.sitting.cleared else ()
    hit = [channel.name for channel in channels if report.channel in (None, channel.channel)]
    core.out.log(lines.LeadOff(channel=report.channel, fault=report.kind, text=report.text))
    if core.phase is Phase.RUNNING:
        core.pause("lead-off" if report.kind == "electrode" else report.kind)
    elif core.phase is Phase.ARMED:
        core.stop("lead-off")
    if core.phase is Phase.PAUSED and core.sitting.purpose != "therapy":
        levels.lower(core, report.channel, 100)
    core.sitting.found.lose(hit or [channel.name for channel in channels])


def device_fault(core: Core, report: DeviceFault) -> None:
    """The device refused a command."""
    core.out.log(lines.DeviceFault(code=report.code, text=report.text))
    if core.phase in {Phase.ARMED, Phase.RUNNING}:
        core.fail("device-refused", f"The device refused a command: {report.text} (code {report.code}).")
    else:
        core.sitting.alarms.sound(
            "device-refused", "medium", f"The device refused a command: {report.text} (code {report.code})."
        )


def device_lost(core: Core, report: DeviceLost) -> None:
    """The device can't be relied on any more."""
    _gone(core, "device-lost", report.reason, output_ended=report.output_ended)


def link_down(core: Core, report: LinkDown) -> None:
    """Bytes can't be exchanged any more."""
    _gone(core, "link-lost", report.reason, output_ended=False)


def _gone(core: Core, cause: str, reason: str, *, output_ended: bool) -> None:
    core.link.lose(core.now_us)
    text = f"The device can't be reached: {reason}."
    if core.phase is Phase.DISCONNECTED:
        core.sitting.alarms.sound(cause, "medium", text)
        return
    if core.link.output is OutputState.OFF and core.phase in {Phase.READY, Phase.CONFIGURED}:
        core.sitting.alarms.sound(cause, "medium", text)
        core.sitting.unload()
        core.begin_run(None)  # what is asked of a run now (lower, marks) is refused
        core.move(Turn.LOSE, cause)
        return
    if core.link.output is not OutputState.OFF:
        core.see_output(OutputState.OFF if output_ended else OutputState.UNCERTAIN)
    core.fail(cause, text)
    if output_ended:
        core.settle()
        core.link.off_confirmed()


def battery(core: Core, report: Battery) -> None:
    """Charge of a battery-powered device."""
    core.link.charged(report.percent)
    if report.percent <= 15:
        core.sitting.alarms.sound("battery-low", "low", f"The device's battery is at {report.percent} %.")
    else:
        core.sitting.alarms.calm("battery-low")


def noise(core: Core, report: Noise) -> None:
    """Bytes that were no frame."""
    core.out.log(
        lines.Noise(
            count=report.count,
            text=report.text,
            pulses_most=report.pulses_most or None,
            charge_most_pc=report.charge_most_pc or None,
        )
    )


def _keeper(core: Core) -> Gatekeeper | None:
    return core.run.gatekeeper if core.run is not None else None


def patient_switch(core: Core, report: PatientSwitch) -> None:
    """The patient's own switch stops, whatever else happens; unless the protocol makes it the trigger."""
    keeper = _keeper(core)
    if keeper is not None and keeper.trigger.source == "switch" and core.phase is Phase.RUNNING:
        move_gates(core, keeper.press(core.now_us) if report.pressed else keeper.release(core.now_us))
        return
    if report.pressed:
        core.out.log(lines.PatientSwitch(pressed=True))
        core.stop("patient-switch")
        core.sitting.alarms.sound("patient-stop", "medium", "The patient pressed the stop switch.")


def sensor(core: Core, report: SensorEvent) -> None:
    """A foot switch, tilt or other sensor says something that a triggered phase may wait for."""
    keeper = _keeper(core)
    if keeper is not None and keeper.trigger.source in {"sensor", "switch"}:
        move_gates(core, keeper.sensor(report.name, core.now_us))


def crank(core: Core, report: CrankAngle) -> None:
    """Where the crank stands, for a phase whose windows are angles."""
    keeper = _keeper(core)
    if keeper is not None and keeper.trigger.source == "crank":
        move_gates(core, keeper.crank(report.deg, core.now_us))


def emg(core: Core, report: EmgSamples) -> None:
    """The muscle's own activity, for a phase that waits for an effort."""
    keeper = _keeper(core)
    if keeper is not None:
        move_gates(core, keeper.hear(report, core.now_us))


def patient_says(core: Core, report: PatientSays) -> None:
    """Words of the virtual patient, for practice."""
    core.sitting.said(report.text)
    core.out.log(kinds.PatientSays(sensation=report.sensation, text=report.text))


def practice(core: Core, report: PracticeState) -> None:
    """The virtual muscle's answer, for practice."""
    core.sitting.practise(report)
    if core.simulated:  # the virtual muscle's share of its own maximum
        _evoked(core, report.channel, report.force_percent)


def evoked(core: Core, report: EvokedForce) -> None:
    """What is measured on the limb. It decides nothing: it is shown, and stands beside the contraction."""
    _evoked(core, report.channel, report.percent_mvic)


def _evoked(core: Core, channel: int, percent: int) -> None:
    """Of a contraction that plays; between two, the limb's own weight and the patient's moves are not evoked."""
    for player in core.run.players if core.run is not None else ():
        if player.window.channel == channel:
            core.ledger.evoked.hear(channel, player.onset_us, percent)

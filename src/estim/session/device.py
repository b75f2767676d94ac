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
from estim.safety.units import US_PER_S
from estim.session import levels
from estim.session.core import Core
from estim.session.plain import output_rows
from estim.session.play import move_gates, pause
from estim.session.snapshot import Practice
from estim.session.state import Phase, Turn

SETTLE_US = 300_000  # a status is held against the plan only if the last command is older than this


def identified(core: Core, report: Identified) -> None:
    """The device said who it is and is idle."""
    if core.phase in {Phase.ARMED, Phase.RUNNING, Phase.PAUSED, Phase.STOPPING}:
        core.fail("device-reset", "The device introduced itself in the middle of a session: it was restarted.")
    core.device, core.link_gone = report, False
    core.status_us = core.status_asked_us = core.now_us
    core.off_asked_us = None
    core.see_output(OutputState.OFF)
    core.alarms.calm("link-lost")
    core.alarms.calm("device-lost")
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
        core.log(kinds.Device(model=report.model, device_id=report.device_id, firmware=report.firmware))
        core.move(Turn.IDENTIFIED)


def prepared(core: Core, _report: Prepared) -> None:
    """The stimulation level is open."""
    core.status_us = core.now_us
    if core.phase in {Phase.ARMED, Phase.RUNNING}:
        core.prepared = True


def acknowledged(core: Core, report: Acknowledged) -> None:
    """`report.seq` is the engine's own command number (the runner translates the driver's)."""
    core.acknowledged_n = max(core.acknowledged_n, report.seq)
    sent = core.unanswered.pop(report.seq, None)
    if sent is None:
        return
    for older in [n for n in core.unanswered if n < report.seq]:
        del core.unanswered[older]
    core.log(
        lines.Command(command=report.seq, sent_us=sent[0], ack_us=report.round_trip_us, channels=output_rows(sent[1]))
    )


def superseded(core: Core, report: Superseded) -> None:
    """A newer command took its place: nothing was sent for it."""
    core.unanswered.pop(report.seq, None)


def status(core: Core, report: DeviceStatus) -> None:
    """The device's own view of its output."""
    core.status_us = core.now_us
    if core.now_us - core.status_logged_us >= US_PER_S:
        core.status_logged_us = core.now_us
        core.log(lines.Status(output_on=report.output_on, level_open=report.level_open))
    idle = not report.output_on and not report.level_open
    if core.off_asked_us is not None:
        if idle:
            _confirmed_off(core)
        return
    if core.phase in {Phase.ARMED, Phase.RUNNING}:
        _check_against_plan(core, report, idle=idle)
    elif idle:
        core.see_output(OutputState.OFF)
    elif core.phase in {Phase.READY, Phase.CONFIGURED, Phase.PAUSED}:
        core.see_output(OutputState.UNCERTAIN)
        core.fail("device-on", "The device says that it is stimulating although nobody asked it to.")


def _confirmed_off(core: Core) -> None:
    core.off_asked_us = None
    core.see_output(OutputState.OFF)
    if core.phase is Phase.STOPPING:
        core.log_dose()
        core.move(Turn.CONFIRMED_OFF, core.cause)
        if core.purpose != "therapy" or core.outcome == "completed":
            core.run = None


def _check_against_plan(core: Core, report: DeviceStatus, *, idle: bool) -> None:
    """While armed or running the level must be open, and nothing may pulse that the plan does not play."""
    if not core.prepared:
        return
    if idle:
        core.fail("level-lost", "The device left its stimulation level by itself (its own timer, or a restart).")
        return
    if core.now_us - core.changed_us < SETTLE_US or core.status_asked_us <= core.changed_us:
        return
    planned = {player.window.channel for player in (core.run.players if core.run else ()) if player.amplitude_ua > 0}
    if report.output_on and not planned:
        core.fail("device-on", "The device says that it is stimulating where the plan has a rest.")
    elif planned and not report.output_on:
        core.fail("output-lost", "The device stopped stimulating by itself (its own timer, or an error).")
    elif report.active_channels is not None and not set(report.active_channels) <= planned:
        extra = sorted(set(report.active_channels) - planned)
        core.fail("device-on", f"The device stimulates on channel {extra} where the plan has none.")


def channel_fault(core: Core, report: ChannelFault) -> None:
    """A channel's own error: the whole device is stopped, and that channel's level is found again (decisions 4.13).

    While levels are being found they go on from 0 mA: what was raised since the pad came off nobody has felt.
    """
    core.alarms.sound("lead-off" if report.kind == "electrode" else report.kind, "medium", report.text)
    names = [channel.name for channel in (core.cleared.schedule.channels if core.cleared else ())]
    hit = [
        channel.name
        for channel in (core.cleared.schedule.channels if core.cleared else ())
        if report.channel in (None, channel.channel)
    ]
    core.log(lines.LeadOff(channel=report.channel, fault=report.kind, text=report.text))
    if core.phase is Phase.RUNNING:
        pause(core, "lead-off" if report.kind == "electrode" else report.kind)
    elif core.phase is Phase.ARMED:
        core.stop("lead-off")
    if core.phase is Phase.PAUSED and core.purpose != "therapy":
        levels.lower(core, report.channel, 100)
    for name in hit or names:
        core.found.pop(name, None)
        core.twitch_ua.pop(name, None)


def device_fault(core: Core, report: DeviceFault) -> None:
    """The device refused a command."""
    core.log(lines.DeviceFault(code=report.code, text=report.text))
    if core.phase in {Phase.ARMED, Phase.RUNNING}:
        core.fail("device-refused", f"The device refused a command: {report.text} (code {report.code}).")
    else:
        core.alarms.sound(
            "device-refused", "medium", f"The device refused a command: {report.text} (code {report.code})."
        )


def device_lost(core: Core, report: DeviceLost) -> None:
    """The device can't be relied on any more."""
    _gone(core, "device-lost", report.reason, output_ended=report.output_ended)


def link_down(core: Core, report: LinkDown) -> None:
    """Bytes can't be exchanged any more."""
    _gone(core, "link-lost", report.reason, output_ended=False)


def _gone(core: Core, cause: str, reason: str, *, output_ended: bool) -> None:
    core.link_gone = True
    text = f"The device can't be reached: {reason}."
    if core.phase is Phase.DISCONNECTED:
        core.alarms.sound(cause, "medium", text)
        return
    if core.output is OutputState.OFF and core.phase in {Phase.READY, Phase.CONFIGURED}:
        core.alarms.sound(cause, "medium", text)
        core.cleared = core.run = None  # what is asked of a run now (lower, marks) is refused
        core.move(Turn.LOSE, cause)
        return
    if core.output is not OutputState.OFF:
        core.see_output(OutputState.OFF if output_ended else OutputState.UNCERTAIN)
    core.fail(cause, text)
    if output_ended:
        core.off_asked_us = None


def battery(core: Core, report: Battery) -> None:
    """Charge of a battery-powered device."""
    core.battery_percent = report.percent
    if report.percent <= 15:
        core.alarms.sound("battery-low", "low", f"The device's battery is at {report.percent} %.")
    else:
        core.alarms.calm("battery-low")


def noise(core: Core, report: Noise) -> None:
    """Bytes that were no frame."""
    core.log(lines.Noise(count=report.count, text=report.text))


def patient_switch(core: Core, report: PatientSwitch) -> None:
    """The patient's own switch stops, whatever else happens; unless the protocol makes it the trigger."""
    keeper = core.gatekeeper
    if keeper is not None and keeper.trigger.source == "switch" and core.phase is Phase.RUNNING:
        move_gates(core, keeper.press(core.now_us) if report.pressed else keeper.release(core.now_us))
        return
    if report.pressed:
        core.log(lines.PatientSwitch(pressed=True))
        core.stop("patient-switch")
        core.alarms.sound("patient-stop", "medium", "The patient pressed the stop switch.")


def sensor(core: Core, report: SensorEvent) -> None:
    """A foot switch, tilt or other sensor says something that a triggered phase may wait for."""
    keeper = core.gatekeeper
    if keeper is not None and keeper.trigger.source in {"sensor", "switch"}:
        move_gates(core, keeper.sensor(report.name, core.now_us))


def crank(core: Core, report: CrankAngle) -> None:
    """Where the crank stands, for a phase whose windows are angles."""
    keeper = core.gatekeeper
    if keeper is not None and keeper.trigger.source == "crank":
        move_gates(core, keeper.crank(report.deg, core.now_us))


def emg(core: Core, report: EmgSamples) -> None:
    """The muscle's own activity, for a phase that waits for an effort."""
    if core.gatekeeper is not None:
        move_gates(core, core.gatekeeper.hear(report, core.now_us))


def patient_says(core: Core, report: PatientSays) -> None:
    """Words of the virtual patient, for practice."""
    core.says = report.text
    core.log(kinds.PatientSays(sensation=report.sensation, text=report.text))


def practice(core: Core, report: PracticeState) -> None:
    """The virtual muscle's answer, for practice."""
    core.practice = Practice(
        channel=report.channel,
        force_n=report.force_n,
        force_percent=report.force_percent,
        fatigue_percent=report.fatigue_percent,
        comfort=report.comfort,
        says=core.says,
    )

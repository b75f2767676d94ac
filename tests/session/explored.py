"""Every event in every phase: what a desk does to stand in a phase, and an example of each event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from estim.safety import reports
from estim.safety.reports import DeviceStatus
from estim.safety.units import Micros
from estim.session import events
from estim.session.state import Phase
from tests.session.desk import OFF, Desk

ON = DeviceStatus(output_on=True, level_open=True, active_channels=(1,))
OPEN = DeviceStatus(output_on=False, level_open=True, active_channels=())


def _configured(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("titration").accepted


def _signed(desk: Desk) -> None:
    desk.therapy()
    assert desk.ask(events.Stop).accepted
    assert desk.ask(events.Sign, operator="o").accepted


def _armed(desk: Desk) -> None:
    _configured(desk)
    assert desk.arm().accepted


def _titrating(desk: Desk) -> None:
    _armed(desk)
    assert desk.ask(events.Start).accepted
    desk.let_pass(3)


def _twitching(desk: Desk) -> None:
    desk.sign_in()
    assert desk.configure("low-rate").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(3)


def _paused(desk: Desk) -> None:
    desk.therapy()
    assert desk.ask(events.Pause).accepted


def _stopping(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    desk.ask(events.Stop)


def _uncertain(desk: Desk) -> None:
    _stopping(desk)
    desk.let_pass(1.5)


def _fault(desk: Desk) -> None:
    desk.therapy()
    desk.step(events.ClockJumped(late_us=300_000))


def _fault_uncertain(desk: Desk) -> None:
    desk.therapy()
    desk.answers = False
    desk.step(reports.LinkDown(reason="unplugged"))


def _lost(desk: Desk) -> None:
    desk.sign_in()
    desk.step(reports.DeviceLost(reason="silent", output_ended=False))


def _lost_after_a_run(desk: Desk) -> None:
    desk.therapy()
    assert desk.ask(events.Stop).accepted
    desk.step(reports.DeviceLost(reason="silent", output_ended=False))


STANDS: Mapping[str, tuple[Phase, Callable[[Desk], None]]] = {
    "new": (Phase.DISCONNECTED, lambda _desk: None),
    "lost": (Phase.DISCONNECTED, _lost),
    "lost after a run": (Phase.DISCONNECTED, _lost_after_a_run),
    "ready": (Phase.READY, lambda desk: desk.sign_in()),
    "configured": (Phase.CONFIGURED, _configured),
    "signed": (Phase.CONFIGURED, _signed),
    "armed": (Phase.ARMED, _armed),
    "titrating": (Phase.RUNNING, _titrating),
    "twitching": (Phase.RUNNING, _twitching),
    "in therapy": (Phase.RUNNING, lambda desk: desk.therapy()),
    "paused": (Phase.PAUSED, _paused),
    "stopping": (Phase.STOPPING, _stopping),
    "stopping, uncertain": (Phase.STOPPING, _uncertain),
    "fault": (Phase.FAULT, _fault),
    "fault, uncertain": (Phase.FAULT, _fault_uncertain),
}


def _raise(desk: Desk) -> Any:
    return events.Raise(id=900, channel=1, snapshot_n=desk.look().n)


def _configure(desk: Desk) -> Any:
    desk.configure("titration")
    return events.Tick()


def _therapy(desk: Desk) -> Any:
    desk.configure("therapy")
    return events.Tick()


def _low_rate(desk: Desk) -> Any:
    desk.configure("low-rate")
    return events.Tick()


def _arm(desk: Desk) -> Any:
    for what in desk.look().wants:
        desk.ask(events.Confirm, what=what, value="by the desk")
    return events.Arm(id=900)


def _all_skipped(desk: Desk) -> Any:
    for _ in range(8):
        desk.ask(events.SkipPhase, reason="not needed")
    return events.Tick()


def _later(seconds: float) -> Callable[[Desk], Any]:
    def wait(desk: Desk) -> Any:
        desk.let_pass(seconds)
        return events.Tick()

    return wait


def _silence(desk: Desk) -> Any:
    desk.answers = False
    desk.let_pass(3)
    return events.Tick()


def _nobody(desk: Desk) -> Any:
    desk.beats = False
    desk.let_pass(3)
    return events.Tick()


def _old_line(desk: Desk) -> Any:
    desk.step(events.Durable(n=0, oldest_pending_us=desk.now_us - 2_100_000))
    return events.Tick()


EVENTS: Mapping[str, Callable[[Desk], Any]] = {
    "sign-in": lambda _d: events.SignIn(id=900, operator="o", patient_id="p"),
    "screen": lambda _d: events.Screen(id=900, answers={}, scripted=True),
    "configure": _configure,
    "configure-therapy": _therapy,
    "configure-low-rate": _low_rate,
    "confirm": lambda _d: events.Confirm(id=900, what="identity", value="by the desk"),
    "arm": _arm,
    "start": lambda _d: events.Start(id=900),
    "pause": lambda _d: events.Pause(id=900),
    "resume": lambda _d: events.Resume(id=900),
    "stop": lambda _d: events.Stop(id=900),
    "raise": _raise,
    "lower": lambda _d: events.Lower(id=900),
    "mark": lambda _d: events.Mark(id=900, channel=1, kind="motor"),
    "mark-twitch": lambda _d: events.Mark(id=900, channel=1, kind="twitch"),
    "contraction-seen": lambda _d: events.ContractionSeen(id=900, channel=1),
    "next-channel": lambda _d: events.NextChannel(id=900),
    "skip-phase": lambda _d: events.SkipPhase(id=900, reason="not needed"),
    "skip-all": _all_skipped,
    "end-early": lambda _d: events.EndEarly(id=900, reason="enough"),
    "trigger": lambda _d: events.PressTrigger(id=900),
    "acknowledge": lambda _d: events.Acknowledge(id=900, code="output-uncertain"),
    "reset": lambda _d: events.ResetFault(id=900, reason="looked after"),
    "note": lambda _d: events.Note(id=900, kind="note", fields={"text": "well"}),
    "sign": lambda _d: events.Sign(id=900, operator="o"),
    "room": lambda _d: events.RoomAction(id=900, message={"pads": "lift"}),
    "tick": lambda _d: events.Tick(),
    "heartbeat": lambda _d: events.Heartbeat(),
    "console-gone": lambda _d: events.ConsoleGone(),
    "signal": lambda _d: events.Signal(name="SIGTERM"),
    "durable": lambda _d: events.Durable(n=3, oldest_pending_us=None),
    "granted": lambda _d: events.Granted(n=1),
    "record-failed": lambda _d: events.RecordFailed(reason="full"),
    "clock-jumped": lambda _d: events.ClockJumped(late_us=300_000),
    "tripped": lambda _d: events.Tripped(rule="L1", text="too much"),
    "identified": lambda _d: reports.Identified(model="p24", device_id="SIM0000001", firmware="1"),
    "identified-other": lambda _d: reports.Identified(model="rehamove3", device_id="SIM0000001", firmware="1"),
    "prepared": lambda _d: reports.Prepared(),
    "acknowledged": lambda d: reports.Acknowledged(seq=d.command_n, round_trip_us=Micros(1_000)),
    "superseded": lambda d: reports.Superseded(seq=d.command_n),
    "status-off": lambda _d: OFF,
    "status-on": lambda _d: ON,
    "status-open": lambda _d: OPEN,
    "channel-fault": lambda _d: reports.ChannelFault(channel=1, kind="electrode", text="open"),
    "device-fault": lambda _d: reports.DeviceFault(code=2, text="no"),
    "device-lost": lambda _d: reports.DeviceLost(reason="silent", output_ended=False),
    "device-ended": lambda _d: reports.DeviceLost(reason="its timer", output_ended=True),
    "link-down": lambda _d: reports.LinkDown(reason="unplugged"),
    "battery": lambda _d: reports.Battery(percent=10, millivolt=7_000),
    "noise": lambda _d: reports.Noise(count=1, text="junk"),
    "switch": lambda _d: reports.PatientSwitch(pressed=True),
    "sensor": lambda _d: reports.SensorEvent(name="heel-off"),
    "says": lambda _d: reports.PatientSays(sensation="strong", text="ouch"),
    "half a minute": _later(30),
    "six minutes": _later(360),
    "device silent": _silence,
    "console silent": _nobody,
    "record late": _old_line,
}

"""The session engine: events in, effects out. Sans-IO: time is an argument, nothing is opened, nothing waits.

```
step(event, now_us)   preparing.py what people ask before anything runs; requests.py from arming on
                      device.py    what the stimulator and the room say
                      play.py      what time does: the plan, keep-alives, the lease
                      levels.py    raising, lowering, marks
                      after_stop.py  what must be so before it goes on
                      arming.py    what must be true before output
                      ending.py    how a run, a treatment and a record end
snapshot()            view.py
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from estim.safety import reports
from estim.safety.errors import EstimError
from estim.safety.limits import Limits
from estim.safety.profile import DeviceProfile
from estim.safety.reports import OutputState
from estim.safety.schedule import PhasePlan, Purpose
from estim.safety.verdict import ClearedSchedule
from estim.session import device, ending, events, play, preparing, processes, requests
from estim.session.core import Core
from estim.session.effects import Effect
from estim.session.events import Event
from estim.session.ledger import Account
from estim.session.sitting import Loaded
from estim.session.snapshot import Alarm, Snapshot
from estim.session.state import Phase, Turn
from estim.session.view import snapshot


class UnhandledEvent(EstimError):
    """An event of a kind that no function serves."""


class SessionEngine:
    """One device, one console, one session after another.

    Args:
        profile: of the device model that is expected.
        limits: absolute & site & device; the patient's and protocol's layers join when a schedule is cleared.
        simulated: the link leads to a simulator; the device's own id must agree.
    """

    def __init__(self, profile: DeviceProfile, limits: Limits, *, simulated: bool) -> None:
        self._core = Core(profile, limits, simulated=simulated)

    def watch_turns(self, watcher: Callable[[Phase, Turn, Phase], None]) -> None:
        """Have `watcher` told of every turn from now on, also where no record is open."""
        self._core.standing.watch(watcher)

    @property
    def device_id(self) -> str:
        """The id that the device told; "" before that, or where it has none."""
        device = self._core.link.device
        return device.device_id if device is not None else ""

    @property
    def firmware(self) -> str:
        """Of the stimulator that is connected, as it says; "" where it does not."""
        device = self._core.link.device
        return device.firmware if device is not None else ""

    @property
    def finished(self) -> bool:
        """The console is gone or a signal came, output is settled and the record closed: the process may end."""
        return self._core.lease.left and not self._core.out.recording and self._core.link.off_settled

    @property
    def phase(self) -> Phase:
        """Where the session stands."""
        return self._core.phase

    @property
    def cause(self) -> str:
        """Of the last change of phase."""
        return self._core.standing.cause

    @property
    def output(self) -> OutputState:
        """What is known of the device's output."""
        return self._core.link.output

    @property
    def loaded(self) -> Loaded | None:
        """The protocol and setup in hand, and what was cleared of them."""
        return self._core.sitting.loaded

    @property
    def cleared(self) -> ClearedSchedule | None:
        """What may be armed or is played."""
        return self._core.sitting.cleared

    @property
    def purpose(self) -> Purpose:
        """What output is for now."""
        return self._core.sitting.purpose

    @property
    def outcome(self) -> str:
        """Of the last therapy; "" while it is open."""
        return self._core.sitting.outcome

    @property
    def contractions(self) -> int:
        """Of the last therapy."""
        return self._core.sitting.contractions

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What stands."""
        return tuple(self._core.sitting.alarms.values())

    @property
    def played(self) -> PhasePlan | None:
        """The phase of a therapy that runs now; None while none does."""
        core = self._core
        if core.standing.phase is not Phase.RUNNING or core.sitting.purpose != "therapy" or core.run is None:
            return None
        return core.run.phase

    @property
    def awaited(self) -> PhasePlan | None:
        """The triggered phase of a therapy that is played now: somebody is waited for."""
        phase, run = self.played, self._core.run
        if phase is None or phase.trigger is None or run is None or run.done or not run.begun:
            return None
        return phase

    def account(self, purpose: Purpose, channel: int) -> Account:
        """What a device channel got in this sitting."""
        return self._core.ledger.account(purpose, channel)

    def start(self, now_us: int) -> tuple[Effect, ...]:
        """The first step: ask the device who it is."""
        self._core.begin_step(now_us)
        self._core.lease.begin(now_us)
        self._core.link.connect()
        return self._core.out.take()

    def step(self, event: Event, now_us: int) -> tuple[Effect, ...]:
        """Take one event at `now_us`; gives what is to be done, in order, off always first.

        What only tells how somebody or something is moves no time: the `Tick` that ends each turn does. Who was silent
        for too long is judged at a `Tick` alone: by then all that had come in has been heard.

        Raises:
            UnhandledEvent: a kind that nobody serves; a test goes through them all.
        """
        core = self._core
        core.begin_step(now_us)
        handler = _HANDLERS.get(type(event))
        if handler is None:
            raise UnhandledEvent(f"no function serves {type(event).__name__}")
        handler(core, event)
        if type(event) not in _TOLD:
            play.pass_time(core, judging=type(event) is events.Tick)
        if core.lease.left:
            ending.end_if_left(core)
        return core.out.take()

    def next_deadline_us(self) -> int | None:
        """When `step(Tick(), …)` must be called if nothing else happens; None: only an event changes anything."""
        return play.next_deadline_us(self._core)

    def snapshot(
        self,
        now_us: int,
        *,
        record_path: str = "",
        record_durable: bool = True,
        word_head: str = "",
        head: str = "",
    ) -> Snapshot:
        """The session as a screen shows it."""
        self._core.begin_step(max(self._core.now_us, now_us))
        return snapshot(
            self._core, record_path=record_path, record_durable=record_durable, word_head=word_head, head=head
        )


_TOLD = frozenset(
    {
        events.Heartbeat, events.Durable, reports.DeviceStatus, reports.Acknowledged, reports.Superseded,
        reports.Battery, reports.Noise, reports.PatientSays, reports.PracticeState, reports.EvokedForce,
    }
)  # fmt: skip

_HANDLERS: Mapping[type, Callable[[Core, Any], None]] = MappingProxyType(
    {
        events.SignIn: preparing.sign_in,
        events.Screen: preparing.screen,
        events.Configure: preparing.configure,
        events.Confirm: preparing.confirm,
        events.Arm: requests.arm,
        events.Start: requests.start,
        events.Pause: requests.pause_request,
        events.Resume: requests.resume,
        events.Stop: requests.stop,
        events.Raise: requests.raise_level,
        events.Lower: requests.lower,
        events.Mark: requests.mark,
        events.ContractionSeen: requests.contraction_seen,
        events.NextChannel: requests.next_channel,
        events.SkipPhase: requests.skip_phase,
        events.EndEarly: requests.end_early,
        events.PressTrigger: requests.trigger,
        events.Acknowledge: requests.acknowledge,
        events.ResetFault: requests.reset_fault,
        events.Note: requests.note,
        events.Sign: requests.sign,
        events.RoomAction: requests.room_action,
        events.Tick: processes.tick,
        events.Heartbeat: processes.heartbeat,
        events.Durable: processes.durable,
        events.Granted: processes.granted,
        events.RecordFailed: processes.record_failed,
        events.ClockJumped: processes.clock_jumped,
        events.Tripped: processes.tripped,
        events.ConsoleGone: processes.console_gone,
        events.Signal: processes.signal,
        reports.Identified: device.identified,
        reports.Prepared: device.prepared,
        reports.Acknowledged: device.acknowledged,
        reports.Superseded: device.superseded,
        reports.DeviceStatus: device.status,
        reports.ChannelFault: device.channel_fault,
        reports.DeviceFault: device.device_fault,
        reports.DeviceLost: device.device_lost,
        reports.LinkDown: device.link_down,
        reports.Battery: device.battery,
        reports.Noise: device.noise,
        reports.PatientSwitch: device.patient_switch,
        reports.SensorEvent: device.sensor,
        reports.CrankAngle: device.crank,
        reports.EmgSamples: device.emg,
        reports.PatientSays: device.patient_says,
        reports.PracticeState: device.practice,
        reports.EvokedForce: device.evoked,
    }
)

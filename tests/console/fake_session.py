"""A session that plays in fake time behind the `SessionClient` protocol: the console's counterpart in its tests.

It keeps the session's own table (`session.state`), answers every request once, plays ramps and contractions as time is
advanced by hand, and can be told to misbehave: no confirmation of off, a lost pad, a lost controller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from estim.controller.interface import Answer, ConfigureFrom, Takeover
from estim.protocols.setup import Setup
from estim.safety.reports import OutputState
from estim.session import events, screening
from estim.session.snapshot import Alarm, ChannelView, Practice, Signature, Snapshot
from estim.session.state import Cycle, Phase, Turn, advance

S = 1_000_000
ON_US, OFF_US, RAMP_US = 6 * S, 4 * S, 1 * S
CONTRACTIONS = 3
HEAD = "0123456789abcdef" * 4
OFF_CONFIRMED_AFTER_US = 30_000


@dataclass
class Channel:
    name: str
    channel: int
    muscle: str = "quadriceps femoris"
    side: str = "left"
    output: str = "motor"
    level_ua: int = 0
    sensory_ua: int | None = None
    motor_ua: int | None = None
    max_tolerated_ua: int | None = None
    twitch_ua: int | None = None
    found: bool = True
    pulses: int = 0


class FakeSession:
    """Plays one session; `simulated` and `model` as the device would be."""

    def __init__(self, *, simulated: bool = True, connected: bool = True, weak_link: bool = False) -> None:
        self.simulated = simulated
        self.now_us = 10 * S
        self.phase = Phase.READY if connected else Phase.DISCONNECTED
        self.output = OutputState.OFF
        self.purpose = ""
        self.cause = ""
        self.outcome = ""
        self.operator = self.patient_id = ""
        self.wants: tuple[str, ...] = ()
        self.confirmed: dict[str, str] = {}
        self.alarms: dict[str, Alarm] = {}
        self.channels: dict[int, Channel] = {}
        self.setup: Setup | None = None
        self.requests: list[events.Request] = []
        self.stops: list[str] = []
        self.heartbeats = 0
        self.closed = False
        self.sealed = False
        self.signature: Signature | None = None
        self.acknowledged = True
        self.confirms_off = not weak_link
        self.place_us = 0  # within the cycle, negative while counting down
        self.cycle = 0
        self.elapsed_us = 0
        self._titrating = 0
        self._off_asked_us: int | None = None
        self._n = 0
        self._id = 0
        self._answered = 0
        self._answers: list[Answer] = []
        self._takeover: Takeover | None = None
        self.gone = False
        self.unable = ""

    # -- SessionClient ----------------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot | None:
        return None if self.gone and self._n == 0 else self.picture()

    @property
    def takeover(self) -> Takeover | None:
        return self._takeover

    @property
    def fatal(self) -> str:
        return self.unable

    def next_id(self) -> int:
        self._id += 1
        return self._id

    def send(self, request: events.Request) -> None:
        self.requests.append(request)
        if not self.gone:
            self._take(request)

    def stop(self, source: str) -> int:
        self.stops.append(source)
        number = self.next_id()
        if not self.gone:
            self._stop(f"stop-{source}")
            self._answer(number)
        return number

    def heartbeat(self) -> None:
        self.heartbeats += 1

    def poll(self) -> tuple[Answer, ...]:
        answers, self._answers = tuple(self._answers), []
        return answers

    def close(self) -> None:
        self.closed = True

    # -- what happens to it -----------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, in steps of 10 ms."""
        for _ in range(round(seconds * 100)):
            self._step(10_000)

    def configured(self, channels: int = 1) -> None:
        """Signed in, levels found at 23 mA, every check confirmed: ready to be armed for therapy."""
        self.operator, self.patient_id = "PT1", "P-017"
        names = ("quadriceps", "hamstrings", "tibialis", "calf", "gluteus", "peroneus", "soleus", "vastus")
        self.channels = {
            number: Channel(name=name, channel=number, muscle=name, level_ua=23_000, motor_ua=18_000)
            for number, name in enumerate(names[:channels], start=1)
        }
        self.setup = Setup(patient_id="P-017", channels=())
        self.phase, self.purpose, self.wants = Phase.CONFIGURED, "therapy", ()

    def lead_off(self, channel: int) -> None:
        self.alarms["lead-off"] = Alarm(
            code="lead-off", priority="medium", text=f"A pad of channel {channel} came off. Output was stopped."
        )
        if self.phase is Phase.RUNNING:
            self._pause("lead-off")

    def fail(self, cause: str, text: str) -> None:
        self.output_asked_off()
        self.phase, self.cause = advance(self.phase, Turn.FAIL), cause
        self.alarms[cause] = Alarm(code=cause, priority="high", text=text)

    def lose(self, output: str, cause: str = "eof") -> None:
        """The controller is gone; the client took the device over."""
        self.gone = True
        self._takeover = Takeover(cause=cause, output=output, text=f"Stop sent 3 times, the device says: {output}.")

    def output_asked_off(self) -> None:
        if self.output is not OutputState.OFF:
            self._off_asked_us = self.now_us

    # -- requests ---------------------------------------------------------------------------------------------------

    def _take(self, request: events.Request) -> None:
        reason = self._judge(request)
        if isinstance(request, events.Screen) and not reason:
            problems = [p.to_json() for p in screening.judge(request.answers) if p.severity == "refuse"]
            self._answered = max(self._answered, request.id)
            self._answers.append(
                Answer(id=request.id, accepted=not problems, problems=tuple(dict(p) for p in problems))
            )
            return
        self._answer(request.id, reason)

    def _answer(self, number: int, reason: str = "") -> None:
        self._answered = max(self._answered, number)
        problems = ({"severity": "refuse", "key": "fake", "message": reason},) if reason else ()
        self._answers.append(Answer(id=number, accepted=not reason, problems=problems))

    def _judge(self, request: events.Request) -> str:
        match request:
            case events.SignIn():
                self.operator, self.patient_id = request.operator, request.patient_id
            case ConfigureFrom():
                return self._configure(request)
            case events.Confirm():
                self.confirmed[request.what] = request.value
                self.wants = tuple(want for want in self.wants if want != request.what)
            case events.Arm():
                if self.phase is not Phase.CONFIGURED or self.wants:
                    return f"not possible in {self.phase.value}, missing: {', '.join(self.wants)}"
                self.phase = advance(self.phase, Turn.ARM)
                self.output = OutputState.ON
            case events.Start():
                if self.phase is not Phase.ARMED:
                    return "not armed"
                self.phase = advance(self.phase, Turn.START)
                self.place_us, self.outcome = -2 * S, ""
            case events.Pause():
                if self.phase is not Phase.RUNNING:
                    return "nothing runs"
                self._pause("operator")
            case events.Resume():
                if self.phase is not Phase.PAUSED or self.output is not OutputState.OFF:
                    return "nothing is paused"
                self.phase, self.output = advance(self.phase, Turn.RESUME), OutputState.ON
                self.place_us = -3 * S
            case events.Raise():
                return self._raise(request)
            case events.Lower():
                for channel in self.channels.values():
                    if request.channel in (None, channel.channel):
                        cut = channel.level_ua * request.percent // 100 if request.percent else 1000
                        channel.level_ua = max(0, channel.level_ua - cut)
            case events.Mark():
                self._mark(request)
            case events.ContractionSeen():
                self.channels[request.channel].level_ua = self.channels[request.channel].level_ua * 8 // 10
            case events.NextChannel():
                self._next_channel()
            case events.EndEarly():
                self.outcome = "completed"
                self._stop("end-early")
            case events.Acknowledge():
                alarm = self.alarms.get(request.code)
                if alarm is not None:
                    self.alarms[request.code] = replace(alarm, acknowledged=True)
            case events.ResetFault():
                if self.phase is not Phase.FAULT or self.output is not OutputState.OFF:
                    return "output is not confirmed off"
                self.phase = advance(advance(self.phase, Turn.RESET), Turn.IDENTIFIED)
                self.alarms.clear()
            case events.Sign():
                self.sealed = True
                self.signature = Signature(
                    operator=request.operator,
                    name="",
                    meaning=request.meaning,
                    utc="2026-11-21T11:40:12.345+00:00",
                    authenticated=bool(request.pin),
                )
        return ""

    def _configure(self, request: ConfigureFrom) -> str:
        if self.phase not in {Phase.READY, Phase.CONFIGURED}:
            return f"not possible in {self.phase.value}"
        if request.purpose == "therapy" and not all(channel.level_ua for channel in self.channels.values()):
            return "no level was found today; find it first"
        if request.purpose != "therapy":
            twitches = {channel.name: channel.twitch_ua for channel in self.channels.values()}
            self.channels = {
                setup.channel: Channel(
                    name=setup.name,
                    channel=setup.channel,
                    side=setup.side,
                    muscle=setup.name,
                    twitch_ua=twitches.get(setup.name),
                )
                for setup in request.setup.channels
                if setup.included
            }
        self.setup, self.purpose = request.setup, request.purpose
        self.phase = advance(self.phase, Turn.CONFIGURE)
        self.wants = ("identity", "pads", "stop-control", *(("skin",) if request.purpose == "therapy" else ()))
        self.cycle, self.elapsed_us, self._titrating, self.outcome = 0, 0, 0, ""
        return ""

    def _raise(self, request: events.Raise) -> str:
        channel = self.channels.get(request.channel)
        if self.phase is not Phase.RUNNING or channel is None:
            return "not running"
        if self._cycle_of(channel) is not Cycle.HOLD:
            return "only while the contraction is held"
        if channel.level_ua + 1000 > 60_000:
            return "at its limit 60 mA (L1)"
        channel.level_ua += 1000
        return ""

    def _mark(self, request: events.Mark) -> None:
        channel = self.channels[request.channel]
        if request.kind == "twitch":
            channel.twitch_ua = channel.level_ua
        elif request.kind == "sensory":
            channel.sensory_ua = channel.level_ua
        elif request.kind == "max-tolerated":
            channel.max_tolerated_ua = channel.level_ua
        else:
            channel.motor_ua = channel.level_ua

    def _next_channel(self) -> None:
        self._titrating += 1
        self.place_us = -1 * S
        if self._titrating >= len(self.channels):
            self._titrating = 0
            self.phase = advance(self.phase, Turn.COMPLETE)
            self.output_asked_off()

    # -- time -------------------------------------------------------------------------------------------------------

    def _stop(self, cause: str) -> None:
        if self.phase in {Phase.ARMED, Phase.RUNNING, Phase.PAUSED}:
            self.phase, self.cause = advance(self.phase, Turn.STOP), cause
            self.outcome = self.outcome or "stopped"
        self.output_asked_off()

    def _pause(self, cause: str) -> None:
        self.phase, self.cause = advance(self.phase, Turn.PAUSE), cause
        self.output_asked_off()

    def _step(self, us: int) -> None:
        self.now_us += us
        if self._off_asked_us is not None and self.now_us - self._off_asked_us >= OFF_CONFIRMED_AFTER_US:
            if self.confirms_off:
                self.output, self._off_asked_us = OutputState.OFF, None
            elif self.now_us - self._off_asked_us >= S:
                self.output = OutputState.UNCERTAIN
                text = "The device does not confirm that its output is off. Pull the USB cable."
                self.alarms["output-uncertain"] = Alarm(code="output-uncertain", priority="high", text=text)
        if self.phase is Phase.STOPPING and self.output is OutputState.OFF:
            self.phase = advance(self.phase, Turn.CONFIRMED_OFF)
        if self.phase is Phase.RUNNING:
            self.place_us += us
            self.elapsed_us += us
            for channel in self.channels.values():
                channel.pulses += self._sent_ua(channel) > 0
            if self.place_us >= ON_US + OFF_US:
                self.place_us = 0
                self.cycle += 1
                if self.purpose == "therapy" and self.cycle >= CONTRACTIONS:
                    self.outcome = "completed"
                    self.phase = advance(self.phase, Turn.COMPLETE)
                    self.output_asked_off()

    def _cycle_of(self, channel: Channel) -> Cycle:
        if self.phase is not Phase.RUNNING or not 0 <= self.place_us < ON_US or not self._plays(channel):
            return Cycle.REST
        if self.purpose == "low-rate":
            return Cycle.HOLD
        if self.place_us < RAMP_US:
            return Cycle.RAMP_UP
        return Cycle.RAMP_DOWN if self.place_us >= ON_US - RAMP_US else Cycle.HOLD

    def _plays(self, channel: Channel) -> bool:
        return self.purpose == "therapy" or channel.channel == sorted(self.channels)[self._titrating]

    def _sent_ua(self, channel: Channel) -> int:
        match self._cycle_of(channel):
            case Cycle.RAMP_UP:
                return channel.level_ua * self.place_us // RAMP_US
            case Cycle.HOLD:
                return channel.level_ua
            case Cycle.RAMP_DOWN:
                return channel.level_ua * (ON_US - self.place_us) // RAMP_US
        return 0

    def _remaining_us(self, channel: Channel) -> int:
        ends = {Cycle.RAMP_UP: RAMP_US, Cycle.HOLD: ON_US - RAMP_US, Cycle.RAMP_DOWN: ON_US}
        return ends.get(self._cycle_of(channel), ON_US + OFF_US) - self.place_us

    # -- the picture ------------------------------------------------------------------------------------------------

    def picture(self) -> Snapshot:
        self._n += 1
        running = self.phase is Phase.RUNNING
        views = tuple(self._view(channel) for _, channel in sorted(self.channels.items()))
        force = max((view.sent_ua for view in views), default=0) // 200
        return Snapshot(
            n=self._n,
            now_us=self.now_us,
            answered=self._answered,
            phase=self.phase,
            purpose=self.purpose,
            output=self.output,
            output_since_us=self.now_us - 12 * S,
            cause=self.cause,
            simulated=self.simulated,
            model="p24",
            device_id="SIM-1" if self.simulated else "1234",
            device_title="HASOMED P24",
            intended_use="research only, not for medical use on people",
            battery_percent=None,
            protocol_id="test" if self.setup else "",
            protocol_title="Quadriceps strength, early after total knee replacement" if self.setup else "",
            patient_id=self.patient_id,
            operator=self.operator,
            plan_phase="work" if running else "",
            plan_phase_index=0,
            plan_phases=1,
            plan_set=1,
            plan_sets=1,
            contraction=self.cycle + 1 if self.setup else 0,
            contractions=CONTRACTIONS if self.setup else 0,
            countdown_us=-self.place_us if running and self.place_us < 0 else None,
            elapsed_us=self.elapsed_us,
            total_us=CONTRACTIONS * (ON_US + OFF_US),
            cue="Relax and let the muscle work" if running else "",
            channels=views,
            alarms=tuple(self.alarms.values()),
            wants=self.wants,
            warnings=(),
            record_path="records/2026/session-0001" if self.operator else "",
            record_durable=True,
            word_head="amber-river-seven-lantern" if self.sealed else "",
            acknowledged=self.acknowledged,
            level_open=self.phase in {Phase.ARMED, Phase.RUNNING},
            lease_us=(4000, 120_000, 80_000, 20_000),
            watchdog_us=2 * S,
            make_safe="pull the P24's USB cable",
            off_word="OFF",
            titration_channel=sorted(self.channels)[self._titrating] if running and self.purpose != "therapy" else None,
            practice=Practice(
                channel=1, force_n=force, force_percent=min(100, force // 3), fatigue_percent=7, comfort=3, says="firm"
            )
            if self.simulated and running
            else None,
            outcome=self.outcome,
            head=HEAD if self.sealed else "",
            signature=self.signature,
        )

    def _view(self, channel: Channel) -> ChannelView:
        cycle = self._cycle_of(channel)
        return ChannelView(
            raise_step_ua=1_000,
            name=channel.name,
            channel=channel.channel,
            muscle=channel.muscle,
            side=channel.side,
            output=channel.output,
            cycle=cycle,
            level_ua=channel.level_ua,
            target_ua=channel.level_ua,
            sent_ua=self._sent_ua(channel),
            cap_ua=60_000,
            cap_rule="L1",
            plausible_ua=(20_000, 100_000),
            sensory_ua=channel.sensory_ua,
            motor_ua=channel.motor_ua,
            max_tolerated_ua=channel.max_tolerated_ua,
            raise_locked="" if cycle is Cycle.HOLD else "only while the contraction is held",
            frequency_mhz=2_500 if self.purpose == "low-rate" else 50_000,
            twitch_ua=channel.twitch_ua,
            found=channel.found,
            pulse_width_us=250,
            pulses=channel.pulses,
            charge_uc=channel.pulses * channel.level_ua * 250 // 1_000_000_000,
            density_ua_per_cm2=60,
            on_us=channel.pulses * 20_000,
            remaining_us=self._remaining_us(channel) if self.phase is Phase.RUNNING else 0,
            lead_off_known=channel.level_ua >= 15_000,
        )

"""From a snapshot to the words, shapes and marks that the screens show. Pure, so it is tested without a terminal.

Never by colour alone: every state has a word and a shape, every alarm its marks (IEC 60601-1-8's colours, for which a
terminal is no substitute: docs/console.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from estim.controller.interface import Takeover
from estim.safety.reports import OutputState
from estim.session.snapshot import Alarm, ChannelView, Snapshot
from estim.session.state import Cycle, Phase

PRIORITIES = ("high", "medium", "low", "info")
ALARM_MARKS = {"high": "!!!", "medium": "!!", "low": "!", "info": "i"}
ALARM_FLASH_HZ = {"high": 2.0, "medium": 0.6}  # within 1.4-2.8 and 0.4-0.8 Hz; low and info are steady
NAMED_ONE_BY_ONE = 3  # channels whose currents fit into the banner's line of 80 columns
LEASE_LIMITS_US = (250_000, 1_000_000, 1_000_000, 2_000_000)  # loop turn, device status, console, record
CAUSE_WORDS = {
    "operator": "as you asked",
    "lead-off": "a pad or cable came off",
    "low-current": "too little current flows",
    "link-lost": "stimulator not reached",
    "device-lost": "stimulator lost",
    "device-silent": "stimulator silent",
    "device-refused": "stimulator refused a command",
    "device-on": "stimulator pulses unasked",
    "output-lost": "stimulator stopped by itself",
    "record-late": "record too slow",
    "record-failed": "record can't be written",
    "clock-jumped": "computer stood still",
}
LEASE_NAMES = ("loop", "device", "console", "record")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The session's state in word, shape and style class (`estim.tcss`)."""

    shape: str
    word: str
    detail: str
    style: str

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.shape} {self.word}" + (f"  {self.detail}" if self.detail else "")


def state_of(snapshot: Snapshot | None, takeover: Takeover | None, *, stop_sent: bool = False) -> State:
    """What stands in the banner of every screen and dialog."""
    if takeover is not None:
        certain = takeover.output == OutputState.OFF
        return State(
            shape="■" if certain else "▲",
            word="OUTPUT OFF, controller lost" if certain else "OUTPUT UNCERTAIN",
            detail="taken over and stopped" if certain else "pull the cable now",
            style="off" if certain else "uncertain",
        )
    if snapshot is None:
        return State(shape="▲", word="NO WORD FROM THE CONTROLLER YET", detail="output unknown", style="uncertain")
    if snapshot.output is OutputState.UNCERTAIN:
        return State(shape="▲", word="OUTPUT UNCERTAIN", detail=f"pull: {snapshot.cable}", style="uncertain")
    if stop_sent and snapshot.output is OutputState.ON:
        return State(shape="■", word="STOP SENT", detail="waiting for the device to say it is off", style="on")
    return _state_of_phase(snapshot)


def _state_of_phase(snapshot: Snapshot) -> State:
    on = snapshot.output is OutputState.ON
    match snapshot.phase:
        case Phase.DISCONNECTED:
            return State(shape="○", word="NO DEVICE", detail=snapshot.cause, style="uncertain" if on else "idle")
        case Phase.READY:
            return State(shape="○", word="IDLE", detail="output off", style="on" if on else "idle")
        case Phase.CONFIGURED:
            return State(shape="◇", word="READY", detail="output off", style="on" if on else "ready")
        case Phase.ARMED:
            step = "F9 starts, SPACE stops" if snapshot.level_open else "the stimulator opens, wait"
            return State(shape="◆", word="ARMED", detail=f"0 mA · {step}", style="armed")
        case Phase.RUNNING:
            return _running(snapshot)
        case Phase.PAUSED:
            cause = CAUSE_WORDS.get(snapshot.cause, snapshot.cause)
            detail = ("output ON" if on else "output off") + (f" · {cause}" if cause else "")
            return State(shape="‖", word="PAUSED", detail=detail, style="on" if on else "paused")
        case Phase.STOPPING:
            return State(shape="■", word="STOPPING", detail="not confirmed off yet", style="on" if on else "paused")
        case Phase.FAULT:
            cause = CAUSE_WORDS.get(snapshot.cause, snapshot.cause)
            detail = f"{cause} · output {'ON' if on else 'off'}"
            return State(shape="✖", word="FAULT", detail=detail, style="fault")


def _running(snapshot: Snapshot) -> State:
    live = [view for view in snapshot.channels if view.sent_ua > 0]
    if len(live) > NAMED_ONE_BY_ONE:
        numbers = ",".join(str(view.channel) for view in live)
        most = milliamps(max(view.sent_ua for view in live))
        return State(shape="▶", word="STIM ON", detail=f"ch{numbers} up to {most}", style="on")
    if live:
        detail = " · ".join(f"ch{view.channel} {milliamps(view.sent_ua)}" for view in live)
        return State(shape="▶", word="STIM ON", detail=detail, style="on")
    detail = "0 mA" if snapshot.countdown_us is None else f"0 mA · next in {seconds(snapshot.countdown_us)}"
    style = "on" if snapshot.output is OutputState.ON else "armed"
    return State(shape="▷", word="RUNNING", detail=detail, style=style)


def milliamps(ua: int) -> str:
    """`40.0 mA`: what the device does in µA steps, people read in mA."""
    return f"{ua / 1000:.1f} mA"


def short_ma(ua: int | None) -> str:
    """A mark: `40.0`, or a dash where it was not found."""
    return "–" if ua is None else f"{ua / 1000:.1f}"


def clock(us: int) -> str:
    """`4:07` minutes and seconds, rounded down."""
    whole = max(0, us) // 1_000_000
    return f"{whole // 60}:{whole % 60:02d}"


def seconds(us: int) -> str:
    """`12 s`, rounded up: a countdown ends at 0, not before."""
    return f"{-(-max(0, us) // 1_000_000)} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """What the patient should do now, in one word and a number to count down."""

    word: str
    seconds_left: int | None


_CUE_ORDER = ((Cycle.RAMP_UP, "CONTRACT"), (Cycle.HOLD, "HOLD"), (Cycle.RAMP_DOWN, "RELAX"))


def cue_of(snapshot: Snapshot | None) -> Cue:
    """The patient's word of this moment; with channels in different phases of the cycle the rising one leads."""
    if snapshot is None or snapshot.output is OutputState.UNCERTAIN:
        return Cue(word="", seconds_left=None)
    if snapshot.phase is not Phase.RUNNING:
        words = {Phase.ARMED: "ARMED", Phase.PAUSED: "PAUSED", Phase.STOPPING: "STOP", Phase.FAULT: "FAULT"}
        return Cue(word=words.get(snapshot.phase, "READY"), seconds_left=_whole(snapshot.countdown_us))
    for cycle, word in _CUE_ORDER:
        playing = [view for view in snapshot.channels if view.cycle is cycle and view.output == "motor"]
        if playing:
            return Cue(word=word, seconds_left=_whole(max(view.remaining_us for view in playing)))
    if any(view.cycle is not Cycle.REST for view in snapshot.channels):
        return Cue(word="FEEL", seconds_left=None)  # sensory output alone: nothing to contract
    rests = [view.remaining_us for view in snapshot.channels if view.remaining_us > 0]
    left = snapshot.countdown_us if snapshot.countdown_us is not None else min(rests, default=None)
    return Cue(word="REST", seconds_left=_whole(left))


def _whole(us: int | None) -> int | None:
    return None if us is None else -(-max(0, us) // 1_000_000)


def progress_line(snapshot: Snapshot) -> str:
    """Where in the plan: contraction, set, phase, therapy clock."""
    parts = []
    if snapshot.purpose == "titration":
        parts.append("FINDING LEVELS, not counted as treatment")
    elif snapshot.contractions:
        parts.append(f"Contraction {snapshot.contraction} of {snapshot.contractions}")
    if snapshot.plan_sets > 1:
        parts.append(f"set {snapshot.plan_set} of {snapshot.plan_sets}")
    if snapshot.plan_phases > 1:
        parts.append(f"{snapshot.plan_phase} ({snapshot.plan_phase_index + 1} of {snapshot.plan_phases})")
    if snapshot.purpose != "titration":
        left = max(0, snapshot.total_us - snapshot.elapsed_us)
        parts.append(f"{clock(snapshot.elapsed_us)} of {clock(snapshot.total_us)}, {clock(left)} left")
    return " · ".join(parts)


def bar(view: ChannelView, columns: int) -> str:
    """A channel's bar from 0 to its ceiling: filled to what is sent, a mark where the level is, the ceiling at its end.

    `█` sent, `·` room, `│` the level, `▏` ceiling.
    """
    span = max(view.cap_ua, view.level_ua, view.sent_ua, 1)
    inner = max(4, columns - 1)
    filled = view.sent_ua * inner // span
    cells = ["█" if index < filled else "·" for index in range(inner)]
    if view.level_ua > 0:
        mark = min(inner - 1, view.level_ua * inner // span)
        if mark >= filled:
            cells[mark] = "│"
    return "".join(cells) + "▏"


def alarms_shown(snapshot: Snapshot | None, takeover: Takeover | None) -> tuple[Alarm, ...]:
    """Alarms by priority, the loudest first; a lost controller is one of them."""
    alarms = list(snapshot.alarms) if snapshot is not None else []
    if takeover is not None:
        priority = "medium" if takeover.output == OutputState.OFF else "high"
        alarms.insert(0, Alarm(code="takeover", priority=priority, text=takeover.text))
    return tuple(sorted(alarms, key=_rank))


def _rank(alarm: Alarm) -> tuple[int, bool]:
    rank = PRIORITIES.index(alarm.priority) if alarm.priority in PRIORITIES else 0  # unknown counts as the loudest
    return rank, alarm.acknowledged


def alarm_line(alarm: Alarm) -> str:
    """Mark, text and what became of it."""
    state = " · seen" if alarm.acknowledged else ""
    if not alarm.active:
        state += " · cause gone"
    return f"{ALARM_MARKS.get(alarm.priority, '!!!')} {alarm.text}{state}"


def device_line(snapshot: Snapshot, *, columns: int) -> str:
    """Simulated or real, and what it may be used for; the device's name and where that is said if there is room."""
    kind = "SIMULATED" if snapshot.simulated else "REAL DEVICE"
    battery = f" · battery {snapshot.battery_percent} %" if snapshot.battery_percent is not None else ""
    use = snapshot.intended_use.split(" (")[0]  # without its source
    forms = (
        f"{kind} {snapshot.device_title} · {snapshot.intended_use}{battery}",
        f"{kind} {snapshot.device_title} · {use}{battery}",
        f"{kind} {snapshot.model} · {use}{battery}",
        f"{kind} · {use}{battery}",
    )
    return next((form for form in forms if len(form) <= columns), forms[-1])


def lease_line(snapshot: Snapshot) -> str:
    """How old each of the four things is that output depends on, in ms."""
    ages = [
        f"{name} {age // 1000}{' LATE' if age > limit else ''}"
        for name, age, limit in zip(LEASE_NAMES, snapshot.lease_us, LEASE_LIMITS_US, strict=True)
    ]
    return f"last word from: {', '.join(ages)} ms"


def stop_hint(snapshot: Snapshot | None, *, closed: bool) -> str:
    """What Space does right now; the first words of every footer."""
    if not closed:
        return "SPACE types (output off)"
    if snapshot is not None and snapshot.phase in {Phase.RUNNING, Phase.PAUSED}:
        return "SPACE = STOP now"
    return "SPACE = STOP"


_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))  # braille dots of the left and right column, from below


def envelope(levels: tuple[int, ...], *, columns: int, rows: int, top: int) -> tuple[str, ...]:
    """A curve in braille, newest at the right: two values a column, four steps a row."""
    height = rows * 4
    values = ((0,) * (2 * columns) + levels)[-2 * columns :]
    grid = [[0x2800] * columns for _ in range(rows)]
    for index, value in enumerate(values):
        filled = min(height, max(0, value) * height // max(1, top))
        for step in range(filled):
            row = rows - 1 - step // 4
            grid[row][index // 2] |= _DOTS[index % 2][step % 4]
    return tuple("".join(chr(cell) for cell in row) for row in grid)

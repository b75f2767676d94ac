"""From a snapshot to the words, shapes and marks that the screens show. Pure, so it is tested without a terminal.

Never by colour alone: every state has a word and a shape, every alarm its marks (IEC 60601-1-8's colours, for which a
terminal is no substitute: docs/console.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from estim.console.keys import shown
from estim.console.language import ENGLISH, Words
from estim.controller.interface import Takeover
from estim.safety.reports import OutputState
from estim.session.snapshot import Alarm, ChannelView, Snapshot
from estim.session.state import Phase

PRIORITIES = ("high", "medium", "low", "info")
MARK_LETTERS = (("S", "sensory"), ("M", "motor"), ("T", "max-tolerated"))
GONE = frozenset({"device-lost", "link-lost"})  # alarms of a stimulator that can't be reached
ALARM_MARKS = {"high": "!!!", "medium": "!!", "low": "!", "info": "i"}
STALE_S = 1.0  # after so long without a snapshot nothing on the screen is called present
NAMED_ONE_BY_ONE = 3  # channels whose currents fit into the banner's line of 80 columns
LEASE_LIMITS_US = (250_000, 1_000_000, 1_000_000, 2_000_000)  # loop turn, device status, console, record
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


def lost(snapshot: Snapshot | None) -> bool:
    """The stimulator was there and can't be reached any more, while nobody was in a session."""
    if snapshot is None or snapshot.phase is not Phase.DISCONNECTED:
        return False
    return any(alarm.code in GONE and alarm.active for alarm in snapshot.alarms)


def gone(snapshot: Snapshot | None) -> bool:
    """The stimulator can't be reached while its output may be on."""
    if snapshot is None or snapshot.output is not OutputState.UNCERTAIN or snapshot.phase is not Phase.FAULT:
        return False
    return any(alarm.code in GONE and alarm.active for alarm in snapshot.alarms)


def gone_and_read(snapshot: Snapshot | None) -> bool:
    """The same, and a person has read each alarm that says so: what to pull is one of them."""
    return snapshot is not None and gone(snapshot) and all(alarm.acknowledged for alarm in snapshot.alarms)


def state_of(
    snapshot: Snapshot | None,
    takeover: Takeover | None,
    *,
    stop_sent: bool = False,
    testing_stop: bool = False,
    nobody: bool = False,
    silent_s: float = 0.0,
    fatal: str = "",
    say: Words = ENGLISH,
) -> State:
    """What stands in the banner, on every stage.

    Args:
        testing_stop: it is armed to be stopped, and nothing starts from here.
        nobody: no patient is chosen, so what the device was set to for the last one plays for nobody.
        silent_s: how old the snapshot is.
        fatal: why the controller could not begin.
    """
    if takeover is not None:
        return _state("lost-off", "off", "■", say) if takeover.output == OutputState.OFF else _lost(say)
    if snapshot is None and fatal:
        return _state("no-start", "idle", "○", say)
    if snapshot is None:
        return _state("silent", "uncertain", "▲", say)
    if snapshot.output is OutputState.UNCERTAIN:
        return _state("uncertain", "uncertain", "▲", say, safe=say.heard(snapshot.make_safe))
    if silent_s > STALE_S:
        return _state("stale", "stale", "▲", say, age=f"{silent_s:.1f}")
    if stop_sent and snapshot.output is OutputState.ON:
        return _state("stop-sent", "on", "■", say)
    if testing_stop and snapshot.phase is Phase.ARMED and snapshot.level_open:
        return _state("armed-test", "armed", "◆", say)
    if nobody and snapshot.phase is Phase.CONFIGURED and snapshot.output is OutputState.OFF:
        return _state("idle", "idle", "○", say, output=output_word(snapshot, say))
    return _state_of_phase(snapshot, say)


def _state(name: str, style: str, shape: str, say: Words, **fields: object) -> State:
    word, detail = say(f"state.{name}.word"), say(f"state.{name}.detail", **fields)
    return State(shape=shape, word=word, detail=detail, style=style)


def _lost(say: Words) -> State:
    return _state("lost-uncertain", "uncertain", "▲", say)


def output_word(snapshot: Snapshot, say: Words) -> str:
    """ON, off, or the third word of a device that answers a stop and can't be asked whether it is off."""
    if snapshot.output is OutputState.ON:
        return say("state.output-on")
    return say("state.output-off" if snapshot.off_word == "OFF" else "state.output-acknowledged")


def _state_of_phase(snapshot: Snapshot, say: Words) -> State:
    on = snapshot.output is OutputState.ON
    cause, output = cause_words(snapshot.cause, say), output_word(snapshot, say)
    match snapshot.phase:
        case Phase.DISCONNECTED:
            return _state("disconnected", "uncertain" if on else "idle", "○", say, cause=cause)
        case Phase.READY:
            return _state("idle", "on" if on else "idle", "○", say, output=output)
        case Phase.CONFIGURED:
            return _state("ready", "on" if on else "ready", "◇", say, output=output)
        case Phase.ARMED:
            return _state("armed" if snapshot.level_open else "arming", "armed", "◆", say)
        case Phase.RUNNING:
            return _running(snapshot, say)
        case Phase.PAUSED:
            detail = output + (f" · {cause}" if cause else "")
            return State(shape="‖", word=say("state.paused.word"), detail=detail, style="on" if on else "paused")
        case Phase.STOPPING:
            return _state("stopping", "on" if on else "paused", "■", say)
        case Phase.FAULT:
            return _state("fault", "fault", "✖", say, cause=cause, output=output)


def cause_words(cause: str, say: Words = ENGLISH) -> str:
    """A cause's code in words; an unknown code as it is."""
    return say.of("cause", cause)


def _running(snapshot: Snapshot, say: Words) -> State:
    live = [view for view in snapshot.channels if view.sent_ua > 0]
    word = say("state.on.word")
    if len(live) > NAMED_ONE_BY_ONE:
        numbers = ",".join(str(view.channel) for view in live)
        most = milliamps(max(view.sent_ua for view in live))
        return State(shape="▶", word=word, detail=say("state.on.many", channels=numbers, most=most), style="on")
    if live:
        detail = " · ".join(say("state.on.one", channel=view.channel, level=milliamps(view.sent_ua)) for view in live)
        return State(shape="▶", word=word, detail=detail, style="on")
    detail = "0 mA"
    if snapshot.countdown_us is not None:
        detail = say("state.running.next", left=seconds(snapshot.countdown_us))
    style = "on" if snapshot.output is OutputState.ON else "armed"
    return State(shape="▷", word=say("state.running.word"), detail=detail, style=style)


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


def low_rate_hz(snapshot: Snapshot) -> str:
    """The rate of a low-rate test's twitches."""
    return f"{max((view.frequency_mhz for view in snapshot.channels), default=0) / 1000:g}"


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
    """Alarms by priority, the loudest first; a lost controller is one of them. What to pull stands above all others,
    read or not: three rows may be all that there is.
    """
    alarms = list(snapshot.alarms) if snapshot is not None else []
    if takeover is not None:
        priority = "medium" if takeover.output == OutputState.OFF else "high"
        alarms.insert(0, Alarm(code="takeover", priority=priority, text=takeover.text))
    return tuple(sorted(alarms, key=_rank))


def _rank(alarm: Alarm) -> tuple[int, bool, bool]:
    rank = PRIORITIES.index(alarm.priority) if alarm.priority in PRIORITIES else 0  # unknown counts as the loudest
    return rank, not (alarm.code == "output-uncertain" and alarm.active), alarm.acknowledged


def alarm_line(alarm: Alarm, say: Words = ENGLISH) -> str:
    """Mark, text and what became of it."""
    state = f" · {say('alarm.seen')}" if alarm.acknowledged else ""
    if not alarm.active:
        state += f" · {say('alarm.gone')}"
    return f"{ALARM_MARKS.get(alarm.priority, '!!!')} {say.heard(alarm.text)}{state}"


def lease_lines(snapshot: Snapshot, say: Words = ENGLISH) -> list[str]:
    """How old each of the four things is that output depends on, in ms."""
    late = say("lease.late")
    lines = [
        f"{say(f'lease.{name}'):<9}{age // 1000:>5} ms{f' {late}' if age > limit else ''}"
        for name, age, limit in zip(LEASE_NAMES, snapshot.lease_us, LEASE_LIMITS_US, strict=True)
    ]
    if snapshot.battery_percent is not None:
        lines.append(say("device.battery", percent=snapshot.battery_percent))
    return lines


def stop_hint(*, closed: bool, say: Words = ENGLISH) -> str:
    """What Space does right now."""
    return say("stop.key" if closed else "stop.types")


def clip(text: str, width: int) -> str:
    """A user's own text, cut where it must be; the program's own words fit by themselves."""
    return text if len(text) <= width else text[: max(1, width - 1)] + "…"


def shown_keys(keys: tuple[str, ...]) -> str:
    """The key that stands for several."""
    return shown(keys[0])

"""The parts that several screens share. Each is told what to show and knows nothing of where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from estim.console import present
from estim.console.bigtext import big
from estim.console.contract import Console
from estim.console.draft import Stage
from estim.console.language import ENGLISH, Words
from estim.controller.interface import Takeover
from estim.safety.reports import OutputState
from estim.session.snapshot import Alarm, ChannelView, Snapshot
from estim.session.state import Cycle

STYLES = ("idle", "ready", "armed", "on", "paused", "fault", "uncertain", "off")
MAX_ALARMS_SHOWN = 2
SEVERITY_MARKS: Mapping[str, str] = {"refuse": "✖", "warn": "!", "info": "i"}


def words(widget: Widget) -> Words:
    """The words in which this widget speaks."""
    return cast("Console", widget.app).say


class Banner(Static):
    """State in word, shape and colour, and the device with its intended use; on every screen and dialog."""

    def show(
        self, snapshot: Snapshot | None, takeover: Takeover | None, *, stop_sent: bool, testing_stop: bool,
        setup_us: int | None,
    ) -> None:  # fmt: skip
        """Both lines."""
        say = words(self)
        state = present.state_of(snapshot, takeover, stop_sent=stop_sent, testing_stop=testing_stop, say=say)
        for style in STYLES:
            self.set_class(style == state.style, f"-{style}")
        width = max(20, self.size.width or 80)
        right = snapshot.patient_id if snapshot is not None and snapshot.patient_id else ""
        if setup_us is not None:
            right = f"{right}  {say('banner.setup', clock=present.clock(setup_us))}"
        if role := cast("Console", self.app).ROLE:
            right = f"{say(role)}  {right}"
        first = _spread(f" {state.line}", f"{right} ", width)
        device = say("device.none")
        if snapshot is not None:
            device = present.device_line(snapshot, columns=width - 2, say=say)
        self.update(Content.assemble((first, "bold"), "\n", f" {device}"))

    class Clicked(Message):
        """The banner was clicked: with output on, that stops."""

    def on_click(self) -> None:
        """Tell the application."""
        self.post_message(self.Clicked())


class Trail(Static):
    """The stages, with the present one marked by brackets as well as by weight."""

    def show(self, stage: Stage) -> None:
        """Mark `stage`."""
        stages = list(Stage)
        at = stages.index(stage)
        parts: list[tuple[str, str]] = []
        say = words(self)
        for index, each in enumerate(stages):
            name = say(f"stage.{each.value.lower()}")
            if index == at:
                parts.append((f"[{name}]", "bold"))
            else:
                parts.append((f"{'✓' if index < at else ' '}{name} ", "dim"))
        self.update(Content.assemble(" ", *parts))


class AlarmBar(Static):
    """Alarms, the loudest first. Flashing is a change of class, never the terminal's own blinking."""

    def __init__(self) -> None:
        super().__init__(id="alarms")
        self._alarms: tuple[Alarm, ...] = ()
        self._ticks = 0

    def on_mount(self) -> None:
        """Start to flash: high at 2 Hz (1.4 to 2.8), medium at 0.67 Hz (0.4 to 0.8), after IEC 60601-1-8."""
        self.set_interval(0.25, self._flash)

    def show(self, alarms: tuple[Alarm, ...]) -> None:
        """Show these; nothing at all without any."""
        self._alarms = alarms
        self.display = bool(alarms)
        if not alarms:
            return
        for priority in present.PRIORITIES:
            self.set_class(alarms[0].priority == priority, f"-{priority}")
        lines = [present.alarm_line(alarm, words(self)) for alarm in alarms[:MAX_ALARMS_SHOWN]]
        if len(alarms) > MAX_ALARMS_SHOWN:
            lines[-1] += f"  ({words(self)('alarm.more', count=len(alarms) - MAX_ALARMS_SHOWN)})"
        self.update(Content("\n".join(lines)))

    def _flash(self) -> None:
        self._ticks += 1
        if not self._alarms or self._alarms[0].acknowledged:
            self.remove_class("-flash")
        elif self._alarms[0].priority == "high":
            self.set_class(self._ticks % 2 == 0, "-flash")  # 2 Hz
        else:
            self.set_class(self._alarms[0].priority == "medium" and self._ticks // 3 % 2 == 0, "-flash")  # 0.67 Hz


class KeyLine(Static):
    """The footer: what Space does first, then the few keys of this moment."""

    def show(self, stop: str, hints: Sequence[tuple[str, str]], *, closed: bool) -> None:
        """`hints` are (key, label) in the order of importance."""
        self.set_class(closed, "-closed")
        width = max(40, self.size.width or 80)
        parts: list[tuple[str, str]] = [(f" {stop} ", "bold reverse" if closed else "dim")]
        used = len(stop) + 2
        for key, label in hints:  # broken between entries alone: Textual would break between a key and its label
            needed = len(key) + len(label) + 4
            if used + needed > width:
                parts.append(("\n", ""))
                used = 0
            parts += [(" ", ""), (f" {key} ", "bold reverse"), (f" {label}", "")]
            used += needed
        self.update(Content.assemble(*parts))


class ProblemList(Static):
    """Why something was refused or wants an eye: what was asked, what is allowed, which layer says so."""

    def show(self, problems: Sequence[Mapping[str, Any]]) -> None:
        """Show `Problem.to_json()` documents; hides without any."""
        self.display = bool(problems)
        self.update(Content("\n".join(problem_line(problem, words(self)) for problem in problems)))


def problem_line(problem: Mapping[str, Any], say: Words = ENGLISH) -> str:
    """One problem as a line for people."""
    severity = str(problem.get("severity"))
    severity = severity if severity in SEVERITY_MARKS else "refuse"
    mark = f"{SEVERITY_MARKS[severity]} {say(f'severity.{severity}')}".strip()
    unit = f" {problem['unit']}" if problem.get("unit") else ""
    asked = allowed = ""
    if problem.get("asked") is not None:
        asked = f" {say('problem.asked', value=problem['asked'], unit=unit)}"
    if problem.get("allowed") is not None:
        allowed = f" {say('problem.allowed', value=problem['allowed'], unit=unit)}"
    named = [str(problem[key]) for key in ("rule", "layer", "source") if problem.get(key) not in {None, "", "schema"}]
    tail = f" ({' · '.join(named)})" if named else ""
    return f"{mark}: {say.heard(str(problem.get('message', '')))}{asked}{allowed}{tail}"


class Cue(Static):
    """The patient's word and count-down, five rows high."""

    def show(self, snapshot: Snapshot | None) -> None:
        """The cue of this moment."""
        cue = present.cue_of(snapshot, words(self))
        for name in ("contract", "hold", "relax", "rest"):
            self.set_class(cue.id == name, f"-{name}")
        left = "" if cue.seconds_left is None else f"  {cue.seconds_left}"
        self.update(Content("\n".join(big(cue.word + left))))


class Channels(Static):
    """Every channel: bar, level, target, sent, ceiling and the rule behind it, marks, why a raise waits."""

    def show(self, snapshot: Snapshot, *, chosen: int | None, compact: bool) -> None:
        """`chosen` is the device channel that keys act on. `✓` behind a current: the device has acknowledged it."""
        width = max(60, self.size.width or 80) - 2
        lines: list[Content] = []
        seen = "✓" if snapshot.acknowledged else "…"
        for view in snapshot.channels:
            lines.append(_bar_line(view, width, words(self), chosen=view.channel == chosen, seen=seen))
            if not compact:
                detail = _detail_line(view, words(self), twitch=snapshot.purpose == "low-rate")
                lines.append(Content.styled(detail, "" if view.channel == chosen else "dim"))
        self.update(Content("\n").join(lines))


def _bar_line(view: ChannelView, width: int, say: Words, *, chosen: bool, seen: str) -> Content:
    where = _clip(f"{view.muscle} {say.of('side', view.side)}", 24)
    cycle = say(f"cycle.{view.cycle.value.lower().replace('_', '-')}")
    head = f"{'▶' if chosen else ' '}{view.channel} {where:<24} {_CYCLES[view.cycle]}{cycle:<4}"
    level = f"{present.milliamps(view.sent_ua):>9}{seen if view.sent_ua else ' '}"
    drawn = present.bar(view, max(8, width - len(head) - len(level) - 2))
    style = "bold" if chosen else ""
    return Content.assemble((head, style), " ", (drawn, "$stim" if view.sent_ua else "dim"), (level, style))


_CYCLES = {Cycle.REST: " ", Cycle.RAMP_UP: "↗", Cycle.HOLD: "━", Cycle.RAMP_DOWN: "↘"}


def _detail_line(view: ChannelView, say: Words, *, twitch: bool) -> str:
    found = (("S", view.sensory_ua), ("M", view.motor_ua), ("T", view.max_tolerated_ua))
    shown = (("W", view.twitch_ua),) if twitch else found
    marks = " ".join(f"{letter}{present.short_ma(mark)}" for letter, mark in shown)
    now = view.target_ua if view.target_ua and view.target_ua != view.level_ua else None
    parts = [
        say("channel.level", level=present.short_ma(view.level_ua)),
        *((say("channel.now", now=present.short_ma(now)),) if now is not None else ()),
        say("channel.cap", cap=present.short_ma(view.cap_ua), rule=view.cap_rule or "–"),
        f"{view.frequency_mhz / 1000:g} Hz {view.pulse_width_us} µs",
        marks,
    ]
    if view.sent_ua and not view.lead_off_known:
        parts.append(say("channel.lead-off"))
    return "   " + " · ".join(parts)


class Envelope(Static):
    """What was sent in the last seconds, the present at the right edge."""

    def __init__(self) -> None:
        super().__init__(id="envelope")
        self._history: list[int] = []

    def show(self, snapshot: Snapshot, *, rows: int) -> None:
        """One more value, ten a second at most (the caller's pace)."""
        now = max((view.sent_ua for view in snapshot.channels), default=0)
        self._history = [*self._history[-600:], now if snapshot.output is not OutputState.OFF else 0]
        top = max((max(view.level_ua, view.target_ua) for view in snapshot.channels), default=1)
        columns = max(10, (self.size.width or 80) - 12)
        drawn = present.envelope(tuple(self._history), columns=columns, rows=rows, top=top)
        now_word = words(self)("envelope.now")
        self.update(Content("\n".join(f"{line}│{now_word if row == 0 else ''}" for row, line in enumerate(drawn))))


class PracticeLine(Static):
    """The virtual muscle's answer; present with simulated devices alone."""

    def show(self, snapshot: Snapshot, *, key: str = "") -> None:
        """Force, fatigue, comfort, and what the virtual patient says; `key` has things happen in the room."""
        practice = snapshot.practice
        self.display = practice is not None
        if practice is None:
            return
        filled = max(0, min(10, practice.force_percent // 10))
        says = f" · “{practice.says}”" if practice.says else ""
        line = words(self)(
            "practice.line", key=f" ({key})" if key else "", channel=practice.channel, force=practice.force_n,
            bar=f"{'█' * filled}{'·' * (10 - filled)} {practice.force_percent} %",
            fatigue=practice.fatigue_percent, discomfort=practice.comfort,
        )  # fmt: skip
        self.update(Content(line + says))


def _spread(left: str, right: str, width: int) -> str:
    room = width - len(right)
    return f"{_clip(left, room - 1):<{room}}{right}" if room > 20 else _clip(left, width)


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(1, width - 1)] + "…"

"""The envelope as an oscilloscope has it: mA against seconds, the present at two thirds, acknowledged behind it, asked
ahead of it. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from estim.console.canvas import Canvas
from estim.protocols.schema import Protocol
from estim.safety.reports import OutputState
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import Cycle, Phase

S = 1_000_000
KEPT_S = 180
AXIS = 6  # cells for `mA 30┤`
GAP_US = 1_500_000  # without a word for so long the trace has a gap
PLOT_US = 250_000  # a plot is drawn anew four times a second: it moves by less than a cell between two
STEPS_MA = (5, 10, 20, 40, 60, 80, 100, 130)


@dataclass(frozen=True, slots=True)
class Point:
    """What was known at one moment: channel → acknowledged and asked µA."""

    at_us: int
    acknowledged_ua: Mapping[int, int]
    asked_ua: Mapping[int, int]


class Trace:
    """The last minutes of output, from snapshots."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=KEPT_S * 10)
        self._known: dict[int, int] = {}

    def observe(self, snapshot: Snapshot | None) -> None:
        """Take the present; at most ten a second, the caller's pace."""
        if snapshot is None or (self._points and self._points[-1].at_us >= snapshot.now_us):
            return
        off = snapshot.output is OutputState.OFF
        sent = {view.channel: 0 if off else view.sent_ua for view in snapshot.channels}
        if snapshot.acknowledged or off:
            self._known = dict(sent)
        self._points.append(Point(snapshot.now_us, dict(self._known), sent))

    def since(self, at_us: int) -> Sequence[Point]:
        """Those from `at_us` on."""
        return [point for point in self._points if point.at_us >= at_us]


class Pace:
    """When a plot is to be drawn anew: four times a second, and at once where it shows something else."""

    def __init__(self) -> None:
        self._drawn: tuple[object, ...] = ()

    def due(self, snapshot: Snapshot, *what: object) -> bool:
        """`what`: its size, channel, and all else that must not wait; the state of the output is among it."""
        now = (snapshot.now_us // PLOT_US, snapshot.phase, snapshot.output, *what)
        due, self._drawn = now != self._drawn, now
        return due


def draw_scope(
    trace: Trace,
    snapshot: Snapshot,
    *,
    columns: int,
    rows: int,
    channel: int | None,
    back_s: int,
    ahead_s: int,
    protocol: Protocol | None,
    marks: Sequence[tuple[int, str]] = (),
    now: str = "now",
) -> list[Content]:
    """The plot with its axes; `channel` alone, or the highest of all for None.

    Args:
        marks: (µA, words) of lines to draw, grey: another day's.
        now: what stands under the cursor.
    """
    views = [view for view in snapshot.channels if channel in {None, view.channel}]
    if columns < AXIS + 12 or rows < 3 or not views:
        return []
    wide, high = columns - AXIS - 1, rows - 1
    top = _top(views, marks)
    canvas = Canvas(wide, high)
    now_x = canvas.width * back_s // (back_s + ahead_s)

    def x_of(at_us: int) -> int:
        return now_x + (at_us - snapshot.now_us) * (canvas.width - 1) // ((back_s + ahead_s) * S)

    def y_of(ua: int) -> int:
        return canvas.height - 1 - min(canvas.height - 1, ua * (canvas.height - 1) // (top * 1000))

    for level, words in marks:
        if 0 < level <= top * 1000:
            canvas.layer("dim")
            canvas.line(0, y_of(level), canvas.width, y_of(level), every=4)
            canvas.letters(max(0, wide - len(words) - 1), y_of(level) // 4, words, "dim")
    for view in views:
        if 0 < view.cap_ua <= top * 1000:
            canvas.layer("dim")
            canvas.line(0, y_of(view.cap_ua), canvas.width, y_of(view.cap_ua), every=2)
    canvas.layer("dim")
    canvas.line(now_x, 0, now_x, canvas.height - 1, every=2)
    points = trace.since(snapshot.now_us - back_s * S)
    canvas.layer("$stim")
    _behind(canvas, points, [view.channel for view in views], x_of, y_of)
    canvas.layer("$accent")
    for view in views:
        ahead = forecast(view, snapshot, protocol, ahead_s)
        canvas.curve([(x_of(at_us), y_of(ua)) for at_us, ua in ahead], every=3)
    return [*_with_axis(canvas.lines(), top, high), _seconds(wide, now_x // 2, back_s, ahead_s, now)]


def _top(views: Sequence[ChannelView], marks: Sequence[tuple[int, str]]) -> int:
    highest = max([max(view.level_ua, view.target_ua, view.sent_ua) for view in views] + [ua for ua, _ in marks] + [1])
    return next((step for step in STEPS_MA if step * 1000 >= highest * 11 // 10), STEPS_MA[-1])


def _behind(canvas: Canvas, points: Sequence[Point], channels: Sequence[int], x_of, y_of) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    for channel in channels:
        before: Point | None = None
        for point in points:
            if before is not None and point.at_us - before.at_us <= GAP_US:
                canvas.line(
                    x_of(before.at_us),
                    y_of(before.acknowledged_ua.get(channel, 0)),
                    x_of(point.at_us),
                    y_of(point.acknowledged_ua.get(channel, 0)),
                )
                if point.asked_ua.get(channel, 0) != point.acknowledged_ua.get(channel, 0):
                    canvas.dot(x_of(point.at_us), y_of(point.asked_ua.get(channel, 0)))
            before = point


def _with_axis(lines: Sequence[Content], top: int, high: int) -> list[Content]:
    named = {(high - 1) // 2: f"{top / 2:g}", high - 1: "0", 0: f"{top}"}  # of two rows the upper one is the top
    found = []
    for row, line in enumerate(lines):
        label = named.get(row, "")
        unit = "mA" if row == 0 else ""
        found.append(Content.assemble((f"{unit:<2}{label:>3}{'┤' if label else '│'}", ""), line))
    return found


def _seconds(wide: int, now_column: int, back_s: int, ahead_s: int, now: str) -> Content:
    row = [" "] * (wide + AXIS)

    def put(column: int, text: str) -> None:
        begin = max(0, min(wide - len(text), column - len(text) // 2))
        for n, letter in enumerate(text):
            row[AXIS + begin + n] = letter

    put(0, f"-{back_s} s")
    put(now_column // 2, f"-{back_s // 2} s")
    put(now_column, now)
    put(wide, f"+{ahead_s} s")
    return Content.styled("".join(row), "dim")


def forecast(view: ChannelView, snapshot: Snapshot, protocol: Protocol | None, ahead_s: int) -> list[tuple[int, int]]:
    """(time, µA) of what this channel is going to be asked for: by its own cycle, where the phase is timed."""
    phase = next((one for one in protocol.phase if one.name == snapshot.plan_phase), None) if protocol else None
    timed = phase is not None and phase.mode == "timed" and phase.on_s is not None and phase.off_s is not None
    if snapshot.phase is not Phase.RUNNING or phase is None or not timed or snapshot.purpose != "therapy":
        return []
    up, down = round(phase.ramp_up_s * S), round(phase.ramp_down_s * S)
    on, off = round((phase.on_s or 0) * S), round((phase.off_s or 0) * S)
    full = view.target_ua or view.level_ua
    at, end = snapshot.now_us, snapshot.now_us + ahead_s * S
    hold = max(0, on - up - down) if phase.ramp_within_on else max(0, on)
    points = [(at, view.sent_ua)]
    order = {Cycle.REST: 0, Cycle.RAMP_UP: 1, Cycle.HOLD: 2, Cycle.RAMP_DOWN: 3}[view.cycle]
    spans = (off, up, hold, down)
    ends = (0, full, full, 0)
    first = snapshot.countdown_us if snapshot.countdown_us is not None else view.turn_us or 0
    if view.cycle is Cycle.RAMP_UP:  # its turn is at the end of the hold
        first = max(0, first - hold)
    while at < end:
        at += first
        points.append((min(at, end), ends[order]))
        order = (order + 1) % 4
        first = spans[order]
        if sum(spans) <= 0:
            break
    return points

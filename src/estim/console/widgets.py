"""Lines that several panels share: channels with level, ceiling, marks; force and EMG; the simulated patient. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

from estim.console import present
from estim.console.language import Words
from estim.safety.reports import OutputState
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import BEGUN, Cycle, Phase

_CYCLES: Mapping[Cycle, str] = {Cycle.REST: " ", Cycle.RAMP_UP: "↗", Cycle.HOLD: "━", Cycle.RAMP_DOWN: "↘"}
BAR_MIN = 8


def channel_lines(
    snapshot: Snapshot, say: Words, *, chosen: int | None, columns: int, short: bool
) -> list[Content | str]:
    """One line a channel with its bar; a second one with ceiling and marks where there is room."""
    lines: list[Content | str] = []
    room = max((len(_named(view, say)) for view in snapshot.channels), default=0)
    mark = "?" if snapshot.output is OutputState.UNCERTAIN else "✓" if snapshot.acknowledged else "…"
    for view in snapshot.channels:
        if snapshot.purpose == "therapy" and not view.found and view.level_ua and not view.sent_ua:
            lines.append(lost_line(view, say, chosen=view.channel == chosen, room=room))
            continue
        lines.append(bar_line(view, columns, say, chosen=view.channel == chosen, mark=mark, room=room))
        if not short or view.channel == chosen:
            counts = snapshot.purpose == "therapy"  # while a level is sought there is none yet to be reached
            detail = detail_line(view, say, columns, counts=counts)
            lines.append(Content.styled(detail, "" if view.channel == chosen else "dim"))
    return lines


def _named(view: ChannelView, say: Words) -> str:
    return f"{say.short_muscle(view.muscle)} {say.of('side-short', view.side)}"


def lost_line(view: ChannelView, say: Words, *, chosen: bool, room: int) -> Content:
    """A channel whose level was taken away: the old one is grey, no bar has it as in force."""
    head = f"{'▸' if chosen else ' '}{view.channel} {_named(view, say):<{room}}"
    words = say("channel.lost", level=present.short_ma(view.level_ua))
    return Content.assemble((head, "bold" if chosen else ""), "  ", (words, "dim"))


def bar_line(view: ChannelView, columns: int, say: Words, *, chosen: bool, mark: str, room: int) -> Content:
    """`▸1 tib. anterior R ━hold ███████┃····▏ 21.0 of 21.0 ✓`; `room`: for the longest name of all channels."""
    side = say.of("side-short", view.side)
    room = max(8, min(room, columns - 44))
    where = _named(view, say)
    if len(where) > room:
        where = present.clip(say.short_muscle(view.muscle), room - len(side) - 1) + f" {side}"
    cycle = say(f"cycle.{view.cycle.value.lower().replace('_', '-')}")
    head = f"{'▸' if chosen else ' '}{view.channel} {where:<{room}} {_CYCLES[view.cycle]}{cycle:<6}"
    level = f"{view.sent_ua / 1000:5.1f} {say('channel.of')} {view.level_ua / 1000:5.1f}{mark}"
    drawn = present.bar(view, max(BAR_MIN, columns - len(head) - len(level) - 2))
    style = "bold" if chosen else ""
    return Content.assemble((head, style), " ", (drawn, "$stim" if view.sent_ua else "dim"), " ", (level, style))


def detail_line(view: ChannelView, say: Words, columns: int, *, counts: bool = True) -> str:
    """Ceiling with the rule that sets it, rate, marks, what the device can't notice; as much as fits."""
    marks = " ".join(
        f"{letter} {present.short_ma(value)}"
        for letter, value in (("S", view.sensory_ua), ("M", view.motor_ua), ("T", view.max_tolerated_ua))
    )
    parts = [
        say("channel.cap", cap=present.short_ma(view.cap_ua), rule=say.of("rule-short", view.cap_rule or "–")),
        f"{view.frequency_mhz / 1000:g} Hz {view.pulse_width_us} µs",
        marks,
    ]
    if view.evoked_percent_mvic is not None:  # the marks stand elsewhere too
        parts.insert(-1, say("channel.evoked", percent=view.evoked_percent_mvic))
    if counts and view.contractions:
        share = say("channel.reached", k=view.reached, n=view.contractions, mean=view.reached_percent_mean)
        parts.insert(1, share)
    if view.sent_ua and not view.lead_off_known:  # before all that only tells: nobody else notices that pad
        parts.insert(1, say("channel.lead-off"))
    line = "   " + parts[0]
    for part in parts[1:]:
        if len(line) + len(part) + 3 <= columns:
            line += f" · {part}"
    return line


def practice_lines(snapshot: Snapshot, say: Words, key: str) -> list[Content | str]:
    """What the virtual patient says, and its muscle's answer; nothing beside a real device."""
    practice = snapshot.practice
    if practice is None:
        return []
    flows = snapshot.output is not OutputState.OFF  # what was said of a current is not said of none
    if not flows and snapshot.phase not in BEGUN:
        return [Content.styled(say("practice.off", key=key), "$secondary")]
    says = f"“{say.heard(practice.says)}”" if practice.says and flows else say("practice.silent")
    return [
        Content.styled(say("practice.patient", says=says, key=key), "$secondary"),
        Content.styled(
            say(
                "practice.line",
                channel=practice.channel,
                force=practice.force_n,
                fatigue=practice.fatigue_percent,
                discomfort=practice.comfort,
            ),
            "$secondary",
        ),
    ]


def force_lines(snapshot: Snapshot, say: Words, columns: int) -> list[Content | str]:
    """The force against the strongest, the EMG against its threshold; what is not measured is said so."""
    practice = snapshot.practice
    lines: list[Content | str] = []
    if practice is not None:
        lines.append(say("force.now", force=practice.force_n))
        lines.append(Content.styled(meter(practice.force_percent, 100, max(10, columns - 2)), "$stim"))
    else:
        lines.append(say("force.none"))
    if snapshot.emg_uv is not None and snapshot.emg_threshold_uv:
        lines += emg_lines(snapshot, say, columns)
    elif snapshot.waits_for == "emg":
        lines.append(say("force.emg-waits"))
    else:
        lines.append(say("force.emg-none"))
    return lines


def emg_lines(snapshot: Snapshot, say: Words, columns: int) -> list[Content | str]:
    """The muscle's own activity against the threshold, with the highest of this try."""
    threshold, level = snapshot.emg_threshold_uv, snapshot.emg_uv or 0
    words = say("force.emg", level=level, threshold=threshold, peak=snapshot.emg_peak_uv)
    bar = meter(level, 2 * threshold, max(10, columns - len(words) - 3), mark=threshold)
    return [Content.assemble(f"{words} ", (bar, "$accent"))]


def meter(value: int, full: int, columns: int, *, mark: int = 0) -> str:
    """A bar with a mark in it: `██████·····┃···`."""
    inner = max(4, columns)
    filled = max(0, min(inner, value * inner // max(1, full)))
    cells = ["█" if n < filled else "·" for n in range(inner)]
    if mark:
        at = min(inner - 1, mark * inner // max(1, full))
        cells[at] = "┃"
    return "".join(cells)


def running(snapshot: Snapshot | None) -> bool:
    """Output may come at any moment."""
    return snapshot is not None and snapshot.phase is Phase.RUNNING

"""What was given so far, against the plan. Pure."""

from __future__ import annotations

from textual.content import Content

from estim.console import present
from estim.console.comfort import ComfortClock
from estim.console.happened import given
from estim.console.language import Words
from estim.session.ending import WHOLE_PERMILLE
from estim.session.snapshot import Snapshot
from estim.session.state import Cycle, Phase


def enough(snapshot: Snapshot) -> bool:
    """So much of the plan was given that it counts as completed."""
    if not given(snapshot):
        return False
    if snapshot.contractions:
        return given(snapshot) * 1000 >= snapshot.contractions * WHOLE_PERMILLE
    return snapshot.total_us > 0 and snapshot.elapsed_us * 1000 >= snapshot.total_us * WHOLE_PERMILLE


def ran_out(snapshot: Snapshot) -> bool:
    """The plan's time is over, whatever came in it."""
    return snapshot.total_us > 0 and snapshot.elapsed_us >= snapshot.total_us


def dose_lines(snapshot: Snapshot, say: Words, comfort: ComfortClock) -> list[Content | str]:
    """Contractions, time, clock, what comes next, discomfort."""
    count = given(snapshot)
    playing = any(view.cycle is not Cycle.REST for view in snapshot.channels)
    now = count if not playing else snapshot.contraction if snapshot.contractions else count + 1
    lines: list[Content | str] = []
    if snapshot.contractions:
        lines.append(Content.styled(say("dose.of", k=now, n=snapshot.contractions), "bold"))
    else:
        lines.append(Content.styled(say("dose.count", k=now), "bold"))
    if snapshot.plan_sets > 1:
        lines.append(say("progress.set", k=snapshot.plan_set, n=snapshot.plan_sets))
    if snapshot.plan_phases > 1:
        lines.append(
            say(
                "dose.phase",
                name=say.of("phase-name", snapshot.plan_phase),
                k=snapshot.plan_phase_index + 1,
                n=snapshot.plan_phases,
            )
        )
    if count:  # of all that came, where a plan has begun anew: so far back goes what is known of them
        all_of_them = max([count, *(view.contractions for view in snapshot.channels)])
        lines.append(say("dose.reached", k=snapshot.reached, n=all_of_them))
    on_us = max((view.on_us for view in snapshot.channels), default=0)
    lines.append(say("dose.on", clock=present.clock(on_us)))
    done = present.clock(snapshot.elapsed_us)
    if snapshot.total_us:
        left = max(0, snapshot.total_us - snapshot.elapsed_us)
        lines.append(say("dose.clock", done=done, all=present.clock(snapshot.total_us), left=present.clock(left)))
    else:  # a key or a sensor begins each contraction, and their number ends it: nobody knows how long that takes
        lines.append(say("dose.clock-open", done=done))
    if snapshot.phase is Phase.RUNNING and (following := next_words(snapshot, say)):
        lines.append(following)
    if comfort.said is not None:
        lines.append(say("dose.discomfort", value=comfort.said, ago=present.clock(snapshot.now_us - comfort.said_us)))
    return lines


def next_words(snapshot: Snapshot, say: Words) -> str:
    """What comes next, and when."""
    if snapshot.countdown_us is not None:
        return say("dose.next-on", left=present.seconds(snapshot.countdown_us))
    playing = [view for view in snapshot.channels if view.cycle is not Cycle.REST]
    if playing:
        view = playing[0]
        falls = view.cycle is Cycle.RAMP_DOWN
        if view.turn_us is None:
            return say("dose.next-event")
        return say("dose.next-rest" if falls else "dose.next-off", left=present.seconds(view.turn_us))
    rests = [view.remaining_us for view in snapshot.channels if view.remaining_us > 0]
    return say("dose.next-on", left=present.seconds(min(rests))) if rests else ""

"""What time does to a session: the plan's next pulse train, keep-alives, the lease, time-outs. Pure."""

from __future__ import annotations

import functools

from estim.record_lines.events import Gate
from estim.safety.reports import OutputState
from estim.safety.schedule import Window
from estim.safety.units import US_PER_S
from estim.session.core import OFF_REPEAT_US, STOP_VERIFY_US, Core
from estim.session.effects import RequestStatus
from estim.session.on_time import DUTY_WINDOW_US, counts
from estim.session.prompts import ask_levels
from estim.session.run import Run
from estim.session.state import Phase, Turn
from estim.session.trigger import Gatekeeper, Move

ARMED_MAX_US = 60 * US_PER_S  # safety.md 5.1: an armed device that nobody starts is disarmed
PAUSED_MAX_US = 300 * US_PER_S
KEEP_LEVELS_PAUSE_US = 60 * US_PER_S  # safety.md 5.1: after a longer pause levels are found again
START_LEAD_US = US_PER_S  # an authorisation is asked for at least 1 s before the onset it covers
RESUME_LEAD_US = 3 * US_PER_S
HOLD_MAX_US = 2 * US_PER_S  # not durable at onset: 0 mA is held, after 2 s the session pauses
RAISE_MAX_US = US_PER_S  # a raise that is not durable within 1 s is dropped, never applied late
POLL_ACTIVE_US = 450_000  # twice within the second that a status stays fresh
POLL_IDLE_US = US_PER_S
STATUS_FRESH_US = US_PER_S  # L24
HEARTBEAT_FRESH_US = US_PER_S
RECORD_FRESH_US = 2 * US_PER_S
COVER_RENEW_US = 20 * US_PER_S  # continuous output: the next minute is asked for so long before the last one ends

_LIVE = frozenset({Phase.ARMED, Phase.RUNNING})


def pass_time(core: Core) -> None:
    """Do all that is due at `core.now_us`."""
    if core.phase in _LIVE:
        _check_lease(core)
    _confirm_off(core)
    if core.phase is Phase.ARMED and core.now_us - core.armed_us >= ARMED_MAX_US:
        core.off("arm-expired")
        core.move(Turn.DISARM, "not started within 60 s")
    elif core.phase is Phase.PAUSED and core.found and core.now_us - core.paused_us > KEEP_LEVELS_PAUSE_US:
        core.found.clear()  # also where it is stopped and armed again instead of resumed
    elif core.phase is Phase.PAUSED and core.now_us - core.paused_us >= PAUSED_MAX_US:
        core.stop("pause-expired")
    elif core.phase is Phase.RUNNING and core.run is not None:
        _play(core, core.run)
        ask_levels(core)
    _poll(core)


def _check_lease(core: Core) -> None:
    """Output lasts only while console, device and record are all fresh."""
    now_us = core.now_us
    if now_us - core.heartbeat_us > HEARTBEAT_FRESH_US:
        core.alarms.sound("console-silent", "medium", "The console stopped answering; output was stopped.")
        core.stop("console-silent")
    elif core.record_pending_us is not None and now_us - core.record_pending_us > RECORD_FRESH_US:
        core.alarms.sound("record-late", "medium", "The record can't be written in time; output was stopped.")
        core.stop("record-late")
    elif now_us - core.status_us > STATUS_FRESH_US:
        core.fail("device-silent", "The device gave no status for 1 s; output was stopped.")


def _confirm_off(core: Core) -> None:
    """Off that is not confirmed within 1 s is UNCERTAIN; it is repeated until the device confirms."""
    if core.off_asked_us is None:
        return
    if core.output is not OutputState.UNCERTAIN and core.now_us - core.off_asked_us >= STOP_VERIFY_US:
        core.see_output(OutputState.UNCERTAIN)
    if core.now_us - core.off_sent_us >= OFF_REPEAT_US:
        core.repeat_off()


def _poll(core: Core) -> None:
    """Ask for the device's status; this is its keep-alive too, so it follows only a good step."""
    if core.phase is Phase.DISCONNECTED or core.phase is Phase.FAULT:
        return
    interval_us = POLL_ACTIVE_US if core.phase in _LIVE else POLL_IDLE_US
    if core.now_us - core.status_asked_us >= interval_us:
        core.status_asked_us = core.now_us
        core.emit(RequestStatus())


def _play(core: Core, run: Run) -> None:
    now_us = core.now_us
    place = run.place
    if core.pending and core.drop_raises("not durable within 1 s", now_us - RAISE_MAX_US):
        core.alarms.sound("raise-dropped", "low", "A raise was dropped: the record was too slow to hold it.")
    if core.cover is not None and now_us >= core.cover.until_us and run.output().channels:
        core.alarms.sound("cover-over", "medium", "What plays is not authorised any longer; the session pauses.")
        pause(core, "record-late")
        return
    _ask_cover(core, run)
    if run.onset_due(now_us) and not _wait_for_rest(core, run):
        _begin(core, run)
    if core.phase is not Phase.RUNNING:
        return
    if core.gatekeeper is not None:
        move_gates(core, core.gatekeeper.due(now_us))
    oldest_us = min((sent_us for sent_us, _ in core.unanswered.values()), default=now_us)
    changed = run.turn(now_us, unanswered_us=now_us - oldest_us)
    if changed:
        core.send_run(changed)
    ended = run.collect(now_us)
    core.book(ended)
    if core.gatekeeper is not None:
        for item in ended:
            core.gatekeeper.ended(item.player.window, now_us)
    if core.pause_after_gate and not run.players:
        pause(core, core.pause_after_gate)
    elif run.over:
        complete(core)
    elif run.place is not place:
        _ask_cover(core, run)


def _wait_for_rest(core: Core, run: Run) -> bool:
    """Lengthen the rest before this onset where a channel was on for its share of 5 minutes (L20).

    A plan as it was cleared never needs that: contractions that are broken off and begun again, skipped phases and
    plans one after the other do. Where the session's own time is used up (L21a, L21b) it stops instead.
    """
    if core.cleared is None or core.purpose != "therapy" or run.phase.trigger is not None:
        return False
    if core.elapsed_us() >= core.limits["block_us"].value:
        return _time_is_up(core, "The session's time is used up (L21a): a skin check, then a new start.")
    ready_us = core.now_us
    for window in run.phase.windows:
        scheduled = core.cleared.schedule.channel(window.channel)
        if not counts(scheduled, window):
            continue
        if core.on_time.total_us(window.channel) + window.on_us > core.limits["motor_on_us"].value:
            return _time_is_up(core, f"{scheduled.name} was on for as long as one session allows (L21b).")
        permille = core.limits["duty_permille"].value
        ready_us = max(ready_us, core.on_time.ready_us(window.channel, window.on_us, permille, core.now_us))
    if ready_us <= core.now_us:
        return False
    core.alarms.sound("duty", "low", "The rest is longer: the muscle was on for its share of the last 5 minutes (L20).")
    run.wait(ready_us)
    core.cover = None  # its time would be over by then
    return True


def _time_is_up(core: Core, text: str) -> bool:
    core.alarms.sound("time-over", "low", text)
    core.stop("time-over")
    return True


def _governor(core: Core, window: Window, now_us: int) -> str:
    """L20 and L21b for a gate that would open now: "" if it may."""
    scheduled = core.cleared.schedule.channel(window.channel) if core.cleared is not None else None
    if scheduled is None or not counts(scheduled, window):
        return ""
    had_us = core.on_time.had_us(window.channel, now_us + window.max_on_us - DUTY_WINDOW_US)
    if (had_us + window.max_on_us) * 1000 > core.limits["duty_triggered_permille"].value * DUTY_WINDOW_US:
        return "L20"
    if core.on_time.total_us(window.channel) + window.max_on_us > core.limits["motor_on_us"].value:
        return "L21b"
    return ""


def _ask_cover(core: Core, run: Run) -> None:
    """One authorisation is always in hand: this contraction's and the next one's."""
    if run.done and not run.players:
        return
    cover, number = core.cover, run.contraction_number
    if any(not pending.raised and pending.place.phase == run.place.phase for pending in core.pending.values()):
        return
    if cover is None or cover.place.phase != run.place.phase:
        core.authorise("plan")
    elif run.phase.trigger is not None:
        if cover.until_us - core.now_us < COVER_RENEW_US or number >= cover.contractions[1]:
            core.authorise("plan")
    elif run.phase.mode == "continuous":
        if cover.until_us - core.now_us < COVER_RENEW_US:
            core.authorise("plan")
    elif not run.begun and cover.contractions[1] < min(number + 1, run.last_of_phase):
        core.authorise("plan")


def _begin(core: Core, run: Run) -> None:
    """The onset's time has come: begin if it is authorised and the device is ready, else hold 0 mA."""
    cover = core.cover
    covered = (
        cover is not None
        and cover.place.phase == run.place.phase
        and cover.contractions[0] <= run.contraction_number <= cover.contractions[1]
        and core.now_us < cover.until_us
    )
    if covered and core.prepared:
        core.hold_since_us = None
        run.begin(core.now_us)
        phase = run.phase
        if phase.trigger is None:
            core.gatekeeper = None
        elif core.gatekeeper is None or core.gatekeeper.phase is not phase:
            core.gatekeeper = Gatekeeper(phase, functools.partial(_governor, core))
        return
    if core.hold_since_us is None:
        core.hold_since_us = core.now_us
    elif core.now_us - core.hold_since_us >= HOLD_MAX_US:
        core.alarms.sound(
            "onset-held", "medium", "The next contraction was not authorised in time; the session pauses."
        )
        pause(core, "record-late" if core.prepared else "device-not-ready")


def move_gates(core: Core, moves: list[Move]) -> None:
    """Gates open and close; one that is not authorised stays shut, and one that the governor withheld is said."""
    run, keeper = core.run, core.gatekeeper
    if run is None or keeper is None or core.phase is not Phase.RUNNING or not run.begun:
        return
    covered = core.cover is not None and core.now_us < core.cover.until_us and core.prepared
    opens = []
    for window in (move.window for move in moves if move.opens):
        if covered and not run.shut(window, core.now_us):
            opens.append(window)
        else:
            keeper.ended(window, core.now_us)
    if opens:
        run.open_gates(opens, core.now_us)
        core.log(Gate(opens=True, channels=[window.channel for window in opens]))
    closes = [move.window for move in moves if not move.opens]
    if closes:
        run.close_gates(closes, core.now_us)
        core.log(Gate(opens=False, channels=[window.channel for window in closes]))
    if keeper.withheld:
        rule, keeper.withheld = keeper.withheld, ""
        span = "the last 5 minutes" if rule == "L20" else "this session"
        core.alarms.sound(
            "duty", "low", f"A contraction was withheld: the muscle was on for too much of {span} ({rule})."
        )


def pause(core: Core, reason: str) -> None:
    """Output off and the level left; the plan's place is kept, the broken contraction is not counted."""
    core.off(reason)
    core.paused_us = core.now_us
    core.move(Turn.PAUSE, reason)


def complete(core: Core) -> None:
    """The plan is played to its end."""
    core.off("end")
    if core.purpose == "therapy":
        core.outcome = "completed"
        core.kept = None
    core.move(Turn.COMPLETE, "completed")


def next_deadline_us(core: Core) -> int | None:
    """When `pass_time` must be called again if nothing happens."""
    due: list[int] = []
    if core.phase not in {Phase.DISCONNECTED, Phase.FAULT}:
        due.append(core.status_asked_us + (POLL_ACTIVE_US if core.phase in _LIVE else POLL_IDLE_US))
    if core.off_asked_us is not None:
        due.append(core.off_sent_us + OFF_REPEAT_US)
    if core.phase in _LIVE:
        due.append(core.heartbeat_us + HEARTBEAT_FRESH_US + 1)
        due.append(core.status_us + STATUS_FRESH_US + 1)
        if core.record_pending_us is not None:
            due.append(core.record_pending_us + RECORD_FRESH_US + 1)
    if core.phase is Phase.ARMED:
        due.append(core.armed_us + ARMED_MAX_US)
    elif core.phase is Phase.PAUSED:
        due.append(core.paused_us + PAUSED_MAX_US)
    elif core.phase is Phase.RUNNING and core.run is not None:
        if core.gatekeeper is not None and (at_us := core.gatekeeper.next_due_us()) is not None:
            due.append(at_us)
        run_due_us = core.run.next_due_us()
        at_us = core.now_us if run_due_us is None else run_due_us  # a run that is over is looked at now
        held_us = core.hold_since_us if at_us <= core.now_us else None
        due.append(held_us + HOLD_MAX_US if held_us is not None else at_us)
    return min(due, default=None)

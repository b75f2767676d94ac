"""What time does to a session: the plan's next pulse train, keep-alives, the lease, time-outs. Pure."""

from __future__ import annotations

from estim.record_lines.events import Gate
from estim.safety.reports import OutputState
from estim.safety.units import US_PER_S
from estim.session import levels
from estim.session.core import Core
from estim.session.ending import complete
from estim.session.prompts import ask_levels
from estim.session.run import Run
from estim.session.state import Phase, Turn
from estim.session.trigger import Move

ARMED_MAX_US = 60 * US_PER_S  # an armed device that nobody starts is disarmed
PAUSED_MAX_US = 300 * US_PER_S
KEEP_LEVELS_PAUSE_US = 60 * US_PER_S  # after a longer pause levels are found again
START_LEAD_US = US_PER_S  # an authorisation is asked for at least 1 s before the onset it covers
RESUME_LEAD_US = 3 * US_PER_S
HOLD_MAX_US = 2 * US_PER_S  # not durable at onset: 0 mA is held, after 2 s the session pauses
POLL_ACTIVE_US = 450_000  # twice within the second that a status stays fresh
POLL_IDLE_US = US_PER_S
COVER_RENEW_US = 20 * US_PER_S  # continuous output: the next minute is asked for so long before the last one ends

_LEASED = frozenset({Phase.ARMED, Phase.RUNNING})


def pass_time(core: Core, *, judging: bool) -> None:
    """Do all that is due at `core.now_us`.

    Args:
        judging: all that had come in was heard: who is late now was silent.
    """
    if judging and core.standing.phase in _LEASED:
        _check_lease(core)
    if core.link.off_asked_us is not None:
        _confirm_off(core)
    phase, stood_us = core.standing.phase, core.now_us - core.standing.since_us
    if phase is Phase.RUNNING and core.run is not None:
        _play(core, core.run)
        ask_levels(core)
    elif phase is Phase.ARMED and stood_us >= ARMED_MAX_US:
        core.off("arm-expired")
        core.move(Turn.DISARM, "not started within 60 s")
    elif phase is Phase.PAUSED and core.sitting.found and stood_us > KEEP_LEVELS_PAUSE_US:
        core.sitting.found.lose_levels()  # also where it is stopped and armed again instead of resumed
    elif phase is Phase.PAUSED and stood_us >= PAUSED_MAX_US:
        core.stop("pause-expired")
    phase = core.standing.phase
    if phase is not Phase.DISCONNECTED and phase is not Phase.FAULT:
        # This is the device's keep-alive too, so it follows only a good step.
        core.link.poll(core.now_us, POLL_ACTIVE_US if phase in _LEASED else POLL_IDLE_US)


def _check_lease(core: Core) -> None:
    """Output lasts only while console, device and record are all fresh."""
    lapsed = core.lease.lapsed(core.now_us)
    if lapsed == "console-silent":
        core.sitting.alarms.sound("console-silent", "medium", "The console stopped answering; output was stopped.")
        core.stop("console-silent")
    elif lapsed == "record-late":
        text = "The record can't be written in time; output was stopped."
        core.sitting.alarms.sound("record-late", "medium", text)
        core.stop("record-late", outcome="fault")
    elif lapsed:
        core.fail("device-silent", "The device gave no status for 1 s; output was stopped.")


def _confirm_off(core: Core) -> None:
    """Off that is not confirmed within 1 s is UNCERTAIN; it is repeated until the device confirms."""
    if core.link.output is not OutputState.UNCERTAIN and core.link.off_is_late(core.now_us):
        core.see_output(OutputState.UNCERTAIN)
    core.link.repeat_off(core.now_us)


def _play(core: Core, run: Run) -> None:
    now_us = core.now_us
    place = run.place
    levels.drop_late_raises(core, run)
    cover = core.authority.cover
    if cover is not None and now_us >= cover.until_us and run.output().channels:
        text = "What plays is not authorised any longer; the session pauses."
        core.sitting.alarms.sound("cover-over", "medium", text)
        core.pause("record-late")
        return
    _ask_cover(core, run)
    if run.onset_due(now_us) and not _wait_for_rest(core, run):
        _begin(core, run)
    if core.standing.phase is not Phase.RUNNING:
        return
    if run.gatekeeper is not None:
        move_gates(core, run.gatekeeper.due(now_us))
    changed = run.turn(now_us, unanswered_us=core.link.unanswered_us(now_us), answer=core.link.answer)
    if changed:
        core.send_run(changed)
    if ended := run.collect(now_us):
        core.book(ended)
    if run.pause_after_gate and not run.players:
        core.pause(run.pause_after_gate)
    elif run.over:
        complete(core)
    elif run.place is not place:
        _ask_cover(core, run)


def _wait_for_rest(core: Core, run: Run) -> bool:
    """Lengthen the rest before this onset where a channel was on for its share of 5 minutes (L20).

    A plan as it was cleared never needs that: contractions that are broken off and begun again, skipped phases and
    plans one after the other do. Where the session's own time is used up (L21a, L21b) it stops instead.
    """
    cleared = core.sitting.cleared
    if cleared is None or core.sitting.purpose != "therapy" or run.phase.trigger is not None:
        return False
    if core.sitting.clock.elapsed_us(core.now_us) >= core.limits["block_us"].value:
        return _time_is_up(core, "The session's time is used up (L21a): a skin check, then a new start.")
    ready_us = core.now_us
    for window in run.phase.windows:
        scheduled = cleared.schedule.channel(window.channel)
        if core.ledger.used_up(scheduled, window):
            return _time_is_up(core, f"{scheduled.name} was on for as long as one session allows (L21b).")
        ready_us = max(ready_us, core.ledger.ready_us(scheduled, window, core.now_us))
    if ready_us <= core.now_us:
        return False
    text = "The rest is longer: the muscle was on for its share of the last 5 minutes (L20)."
    core.sitting.alarms.sound("duty", "low", text)
    run.wait(ready_us)
    core.authority.uncover()  # its time would be over by then
    return True


def _time_is_up(core: Core, text: str) -> bool:
    core.sitting.alarms.sound("time-over", "low", text)
    core.stop("time-over")
    return True


def _ask_cover(core: Core, run: Run) -> None:
    """One authorisation is always in hand: this contraction's and the next one's."""
    if run.done and not run.players:
        return
    if core.authority.planned(run.place.phase):
        return
    cover, number = core.authority.cover, run.contraction_number
    if cover is None or cover.place.phase != run.place.phase:
        wanted = True
    elif run.phase.trigger is not None:
        wanted = cover.until_us - core.now_us < COVER_RENEW_US or number >= cover.contractions[1]
    elif run.phase.mode == "continuous":
        wanted = cover.until_us - core.now_us < COVER_RENEW_US
    else:
        wanted = not run.begun and cover.contractions[1] < min(number + 1, run.last_of_phase)
    if wanted:
        core.authority.ask(run, "plan", core.now_us)


def _begin(core: Core, run: Run) -> None:
    """The onset's time has come: begin if it is authorised and the device is ready, else hold 0 mA."""
    cover = core.authority.cover
    if cover is not None and cover.holds(run, core.now_us) and core.link.open:
        run.begin(core.now_us)
    elif run.hold_onset(core.now_us) >= HOLD_MAX_US:
        text = "The next contraction was not authorised in time; the session pauses."
        core.sitting.alarms.sound("onset-held", "medium", text)
        core.pause("record-late" if core.link.open else "device-not-ready")


def move_gates(core: Core, moves: list[Move]) -> None:
    """Gates open and close; one that is not authorised stays shut, and one that the governor withheld is said."""
    run, cover = core.run, core.authority.cover
    if run is None or run.gatekeeper is None:
        return
    if core.phase is not Phase.RUNNING or not run.begun:  # a step in a pause opens nothing, nor holds a gate for later
        for move in moves:
            if move.opens:
                run.gatekeeper.ended(move.window, core.now_us)
        return
    covered = cover is not None and core.now_us < cover.until_us and core.link.open
    opens = []
    for window in (move.window for move in moves if move.opens):
        if covered and not run.shut(window, core.now_us):
            opens.append(window)
        else:
            run.gatekeeper.ended(window, core.now_us)
    if opens:
        run.open_gates(opens, core.now_us)
        core.out.log(Gate(opens=True, channels=[window.channel for window in opens]))
    closes = [move.window for move in moves if not move.opens]
    if closes:
        run.close_gates(closes, core.now_us)
        core.out.log(Gate(opens=False, channels=[window.channel for window in closes]))
    rule = run.gatekeeper.take_withheld()
    if rule:
        span = "the last 5 minutes" if rule == "L20" else "this session"
        text = f"A contraction was withheld: the muscle was on for too much of {span} ({rule})."
        core.sitting.alarms.sound("duty", "low", text)


def next_deadline_us(core: Core) -> int | None:
    """When `pass_time` must be called again if nothing happens."""
    due: list[int] = []
    phase = core.standing.phase
    leased = phase in _LEASED
    if leased or (phase is not Phase.DISCONNECTED and phase is not Phase.FAULT):
        due.append(core.link.polled_us + (POLL_ACTIVE_US if leased else POLL_IDLE_US))
    if (off_us := core.link.due_us()) is not None:
        due.append(off_us)
    if leased:
        due += core.lease.due_us()
    if phase is Phase.ARMED:
        due.append(core.standing.since_us + ARMED_MAX_US)
    elif phase is Phase.PAUSED:
        due.append(core.standing.since_us + PAUSED_MAX_US)
    elif phase is Phase.RUNNING and core.run is not None:
        keeper, held_us = core.run.gatekeeper, core.run.held_since_us
        if keeper is not None and (at_us := keeper.next_due_us()) is not None:
            due.append(at_us)
        run_due_us = core.run.next_due_us()
        at_us = core.now_us if run_due_us is None else run_due_us  # a run that is over is looked at now
        due.append(held_us + HOLD_MAX_US if held_us is not None and at_us <= core.now_us else at_us)
    return min(due, default=None)

"""How a run, a treatment and a record come to their end, and what that is called. Pure."""

from __future__ import annotations

from estim.record_lines.events import End
from estim.session.core import Core
from estim.session.run import Run
from estim.session.state import Phase, Turn

WHOLE_PERMILLE = 950  # convention: a treatment of which at least 95 % were given is complete


def outcome(core: Core) -> str:
    """How this sitting's treatment ends if it ends here: the one word for record, result and screen.

    Where nobody knows whether output is off, that comes before everything else. A stimulator that is lost while nothing
    runs is as much a fault as one that is lost in the middle.
    """
    if core.link.uncertain:
        return "uncertain"
    return core.sitting.outcome or ("fault" if core.phase in {Phase.FAULT, Phase.DISCONNECTED} else "stopped")


def given_whole(core: Core, run: Run) -> bool:
    """Nearly all of the plan has been given."""
    return run.given_permille(core.sitting.clock.elapsed_us(core.now_us)) >= WHOLE_PERMILLE


def complete(core: Core) -> None:
    """The plan is played to its end: completed, if something was given and what was skipped is little."""
    run, _ = core.playing
    held_ua = run.proven_ua()
    core.off("end")
    if core.sitting.purpose == "titration":
        core.sitting.prove(held_ua)
    elif core.sitting.purpose == "therapy":
        whole = core.ledger.gave("therapy") and (not run.skipped or given_whole(core, run))
        core.sitting.end("completed" if whole else "stopped")
    core.move(Turn.COMPLETE, "completed")


def end_early(core: Core) -> None:
    """A person ends the treatment here; it is complete if nearly all of it was given."""
    if core.sitting.purpose == "therapy" and core.run is not None:
        core.sitting.end("completed" if given_whole(core, core.run) else "stopped")
        core.sitting.forget_place()
    core.stop("end-early")


def end_record(core: Core) -> None:
    """Write how the session ended and close its record."""
    if core.link.off_asked_us is not None:  # nobody confirmed it: all that its own timer lets pass may have come
        timer_us = core.profile.watchdog_us
        # Who hears us and goes on begins that time anew with each off that is repeated.
        fed_us = core.link.fed_us if core.link.disobeys else core.link.off_asked_us
        last_us = core.link.ended_us(max(core.now_us, fed_us + timer_us), timer_us)
        core.ledger.settle(last_us, core.sitting.cleared)
    core.ledger.log_dose(core.sitting.purpose)  # output that stayed uncertain has not been booked by a confirmed stop
    core.out.log(
        End(
            outcome=outcome(core),
            output=core.link.output.value,
            contractions=core.sitting.contractions,
            dose=core.ledger.rows(core.sitting.purpose),
        )
    )
    core.out.close_record()


def end_if_left(core: Core) -> None:
    """Close the record of a session that nobody is left for, once its output is confirmed off, or surely is not."""
    stopped = core.phase is not Phase.STOPPING or core.link.uncertain
    if core.lease.left and core.out.recording and core.link.off_settled and stopped:
        end_record(core)

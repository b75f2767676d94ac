"""What the processes around a session say: the loop's clock, the console's heartbeat, the record, the interlock, and
that somebody leaves. Pure.
"""

from __future__ import annotations

from estim.record_lines.kinds import Request
from estim.session import events, levels
from estim.session.core import Core
from estim.session.state import BEGUN


def tick(_core: Core, _event: events.Tick) -> None:
    """Time alone has passed."""


def heartbeat(core: Core, _event: events.Heartbeat) -> None:
    """The console's screen is alive."""
    core.lease.beat(core.now_us)


def durable(core: Core, event: events.Durable) -> None:
    """How far the record is on the disk."""
    core.lease.record(event.oldest_pending_us)


def granted(core: Core, event: events.Granted) -> None:
    """An authorisation is durable."""
    levels.granted(core, event.n)


def record_failed(core: Core, event: events.RecordFailed) -> None:
    """Nothing more can be written: what can't be written down is not given."""
    core.stop("record-failed", outcome="fault")
    if event.opening:
        core.out.record_is_lost()  # there is no session to sign: another sign-in may begin one
    elif not core.sitting.outcome:
        core.sitting.end("fault")  # also while levels were found
    text = f"The record can't be written: {event.reason}. Output was stopped."
    core.sitting.alarms.sound("record-failed", "medium", text)


def clock_jumped(core: Core, event: events.ClockJumped) -> None:
    """The loop was held up: nothing is caught up."""
    if core.phase in BEGUN:
        core.fail("clock-jumped", f"The controller was held up for {event.late_us // 1000} ms; output was stopped.")


def tripped(core: Core, event: events.Tripped) -> None:
    """The interlock refused a command: a defect, so everything ends."""
    core.fail("interlock", f"The interlock stopped the output: {event.text}")


def console_gone(core: Core, _event: events.ConsoleGone) -> None:
    """Nobody is at the screen any more."""
    _leave(core, "console-gone")


def signal(core: Core, event: events.Signal) -> None:
    """The system asks this process to end."""
    _leave(core, f"signal-{event.name.lower()}")


def _leave(core: Core, cause: str) -> None:
    if not core.lease.left:
        core.lease.leave()
        core.stop(cause)
        core.out.log(Request(what="leave", source=cause))

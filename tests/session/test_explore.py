"""The exploration of `make explore`: a little of it in every run of the tests, and bugs that it must find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from estim.safety import reports
from estim.safety.reports import OutputState
from estim.session import arming, core, engine, events, lease, levels, link, play, shown
from estim.session.player import WindowPlayer
from estim.session.run import Run
from tests.session.explore import explore

Patch = pytest.MonkeyPatch


def deaf_to(kind: type) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(engine, "_HANDLERS", {**engine._HANDLERS, kind: lambda *_: None})


def said_and_not_done(patch: Patch) -> None:
    patch.setattr(core.Core, "off", lambda self, _reason: self.see_output(OutputState.OFF))


def at_once(patch: Patch) -> None:
    right = levels.ask_raise

    def ask(session: core.Core, channel: int, *rest: Any) -> None:
        right(session, channel, *rest)
        levels.granted(session, session.authority.number)

    patch.setattr(levels, "ask_raise", ask)


def raised_by_a_fall(patch: Patch) -> None:
    right = Run.set_level

    def other_way(self: Run, channel: int, level_ua: int, now_us: int) -> list[WindowPlayer]:
        falls = level_ua < self.levels_ua[channel]
        return right(self, channel, 2 * self.levels_ua[channel] if falls else level_ua, now_us)

    patch.setattr(Run, "set_level", other_way)


BUGS: dict[str, Callable[[Patch], None]] = {
    "off is said and not sent": said_and_not_done,
    "a fault goes on": lambda patch: patch.setattr(core.Core, "fail", lambda *_: None),
    "nobody checks the lease": lambda patch: patch.setattr(play, "_check_lease", lambda *_: None),
    "a stale status is fresh": lambda patch: patch.setattr(lease, "STATUS_FRESH_US", 10**12),
    "a silent console is there": lambda patch: patch.setattr(lease, "HEARTBEAT_FRESH_US", 10**12),
    "a raise counts on any screen": lambda patch: patch.setattr(shown, "SNAPSHOT_FRESH_US", 10**12),
    "a raise does not wait for the disk": at_once,
    "a fall raises": raised_by_a_fall,
    "a failing record is of no matter": deaf_to(events.RecordFailed),
    "the patient's switch does nothing": deaf_to(reports.PatientSwitch),
    "a late turn is caught up": deaf_to(events.ClockJumped),
    "the console may go": deaf_to(events.ConsoleGone),
    "an off that nobody confirms stays unsaid": lambda patch: patch.setattr(link, "STOP_VERIFY_US", 10**12),
    "uncertain may be armed": lambda patch: patch.setattr(arming, "missing", lambda _session: ()),
}


def test_the_first_event_after_every_stand_breaks_nothing() -> None:
    found = explore(1, 60)
    assert found.broken == []
    assert found.states > 80
    assert found.whole


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, monkeypatch: Patch) -> None:
    BUGS[bug](monkeypatch)
    try:
        broken = explore(2, 20).broken
    except (AssertionError, RuntimeError) as error:
        broken = [str(error)]  # already on the way to the stands
    assert broken

"""The exploration of `make explore`: a little of it in every run of the tests, and bugs that it must find."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from enum import Enum
from types import MethodType
from typing import Any

import pytest

from estim.safety import reports
from estim.safety.reports import OutputState
from estim.session import arming, core, engine, events, lease, levels, link, play, shown
from estim.session.player import WindowPlayer
from estim.session.run import Run
from tests.session.copying import ATOMS, Copier
from tests.session.explore import explore
from tests.session.explored_world import EVENTS, NEVER_CHANGE, World, stands

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


def refused_twice(patch: Patch) -> None:
    right = engine._HANDLERS[events.Stop]

    def once(session: core.Core, request: events.Stop) -> None:
        if session.link.off_asked_us is not None or session.link.output is OutputState.OFF:
            session.refuse(request.id)
        else:
            right(session, request)

    patch.setattr(engine, "_HANDLERS", {**engine._HANDLERS, events.Stop: once})


def falls_unsent(patch: Patch) -> None:
    right = Run.set_level

    def silently(self: Run, channel: int, level_ua: int, now_us: int) -> list[WindowPlayer]:
        falls = level_ua < self.levels_ua[channel]
        changed = right(self, channel, level_ua, now_us)
        return [] if falls else changed

    patch.setattr(Run, "set_level", silently)


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
    "a stop is refused where nothing flows": refused_twice,
    "a fall is not sent": falls_unsent,
    "uncertain may be armed": lambda patch: patch.setattr(arming, "missing", lambda _session: ()),
}


def test_two_events_after_every_stand_break_nothing() -> None:
    found = explore(2, 120)
    assert found.broken == []
    assert found.states > 700
    assert found.whole


def test_two_processes_find_the_same() -> None:
    one, two = explore(1, 60), explore(1, 60, jobs=2)
    assert one.states > 80
    assert (two.states, two.transitions, two.broken) == (one.states, one.transitions, [])


def changing(one: Any, found: dict[int, Any]) -> dict[int, Any]:
    """All that can be changed in it, by identity."""
    kind = type(one)
    if id(one) in found or kind in ATOMS or isinstance(one, (Enum, *NEVER_CHANGE)):
        return found
    if not isinstance(one, tuple | frozenset | MethodType):
        found[id(one)] = one
    inside = list(one.values()) if isinstance(one, dict) else list(one) if isinstance(one, Collection) else []
    inside += [getattr(one, "__self__", None), *getattr(one, "__dict__", {}).values()]
    inside += [getattr(one, name, None) for base in kind.__mro__ for name in getattr(base, "__slots__", ())]
    for each in inside:
        changing(each, found)
    return found


def is_frozen(one: Any) -> bool:
    parameters = getattr(type(one), "__dataclass_params__", None)
    return parameters is not None and parameters.frozen


@pytest.mark.parametrize("stand", ["ready", "in therapy", "fault"])
def test_a_copy_shares_nothing_that_can_change_and_goes_on_alike(stand: str) -> None:
    world = stands()[stand]
    copied, before = world.copy(), world.digest()
    of_one, of_other = changing(world, {}), changing(copied, {})
    assert len(of_one) > 50
    both = [of_one[number] for number in of_one.keys() & of_other.keys()]
    assert [one for one in both if not is_frozen(one)] == []
    names = ("a moment", "raise", "durable", "a second", "lower", "pause", "resume", "a second", "stop")
    assert [played(copied, name) for name in names] == [played(world, name) for name in names]
    assert world.digest() != before


def played(world: World, name: str) -> bytes:
    EVENTS[name](world)
    world.check()
    return world.digest()


def test_of_a_type_that_is_not_known_there_is_no_copy() -> None:
    with pytest.raises(TypeError, match="no copy"):
        Copier()(threading.Event())


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, monkeypatch: Patch) -> None:
    BUGS[bug](monkeypatch)
    try:
        broken = explore(2, 20).broken
    except (AssertionError, RuntimeError) as error:
        broken = [str(error)]  # already on the way to the stands
    assert broken

"""Every order of events, up to a depth: `make explore`.

From each stand of a session (ready, armed, in titration, in therapy, paused, stopping, in fault) every sequence of
events of people, device, time, disk and pipe is played on the real engine with the real interlock, breadth first. What
must hold is checked in every state. States are folded by what can be seen of them (phase, output, levels, what locks a
raise, what is due and when, to 50 ms, what is written and not yet durable, what the device does): two orders of events
that lead to the same picture are followed once.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.session.explored_world import EVENTS, STANDS, THEN, World, stands


@dataclass(slots=True)
class Explored:
    """How far it came."""

    states: int = 0
    transitions: int = 0
    depth: int = 0
    seconds: float = 0.0
    whole: bool = True  # the depth was explored to its end
    broken: list[str] = field(default_factory=list)


Path = tuple[str, ...]  # the stand, and the events after it


@dataclass(slots=True)
class Expanded:
    """What follows at once after some states."""

    transitions: int = 0
    fresh: dict[bytes, Path] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    whole: bool = True


class Expansion:
    """Plays every event after each of some states, whose worlds are built again along their paths: of a whole level a
    machine holds the paths alone, and the worlds of one of them.

    Args:
        until_s: by `time.monotonic`, when to leave off.

    Attributes:
        known: digests of the states that were seen before; a forked process has those of its birth.
    """

    def __init__(self, names: Path, until_s: float, *, first_only: bool) -> None:
        self.names, self.until_s, self.first_only = names, until_s, first_only
        self.stands = stands()
        self.known = {world.digest() for world in self.stands.values()}
        self._along: list[tuple[Path, World]] = []

    def __call__(self, paths: Sequence[Path]) -> Expanded:
        """What follows after these."""
        found = Expanded()
        for path in paths:
            world, after = self._world(path), None
            here = world.digest()
            for name in self.names:
                if time.monotonic() > self.until_s:
                    found.whole = False
                    return found
                found.transitions += 1
                after = after or world.copy()
                try:
                    EVENTS[name](after)
                    after.check()
                except Exception as error:  # a defect, whatever it is
                    found.broken.append(f"{' > '.join((*path, name))}: {error or type(error).__name__}")
                    if self.first_only:
                        return found
                    after = None
                    continue
                digest = after.digest()
                if digest not in self.known:
                    found.fresh.setdefault(digest, (*path, name))
                if after.stirred or digest != here:
                    after = None  # else all was refused and nothing has changed: the same copy serves for the next
        return found

    def _world(self, path: Path) -> World:
        """The one at the end of a path; neighbours share most of theirs."""
        while self._along and self._along[-1][0] != path[: len(self._along[-1][0])]:
            self._along.pop()
        if not self._along:
            self._along.append((path[:1], self.stands[path[0]]))
        for end in range(len(self._along[-1][0]), len(path)):
            world = self._along[-1][1].copy()
            EVENTS[path[end]](world)
            world.check()
            self._along.append((path[: end + 1], world))
        return self._along[-1][1]


PART = 64  # states that a process takes at a time
_expansion: Expansion | None = None  # of this process: the forked ones find it here


def _expand(paths: Sequence[Path]) -> Expanded:
    assert _expansion is not None
    return _expansion(paths)


def explore(
    depth: int, seconds: float, *, first_only: bool = True, names: Path = tuple(EVENTS), jobs: int = 1
) -> Explored:
    """Every sequence of up to `depth` events from every stand, for at most `seconds`, level after level.

    Args:
        first_only: end at the first broken state.
        names: of the events.
        jobs: processes; more than one where a process can be forked.
    """
    global _expansion  # noqa: PLW0603
    found, began_s = Explored(), time.monotonic()
    _expansion = Expansion(names, began_s + seconds, first_only=first_only)
    known = _expansion.known
    level: list[Path] = [(name,) for name in _expansion.stands]
    for found.depth in range(1, depth + 1):
        parts = [level[at : at + PART] for at in range(0, len(level), PART)]
        level = []
        with _processes(jobs) as every:
            for part in every(_expand, parts):
                found.transitions += part.transitions
                found.broken += part.broken
                found.whole &= part.whole
                level += [path for digest, path in part.fresh.items() if digest not in known]
                known.update(part.fresh)
                if first_only and found.broken:
                    break
        if not level or not found.whole or (first_only and found.broken):
            break
    found.states, found.seconds = len(known), time.monotonic() - began_s
    return found


@contextlib.contextmanager
def _processes(jobs: int) -> Iterator[Callable[[Any, list[Any]], Iterator[Expanded]]]:
    """Something that maps, in this process or in several that are forked now, with all that is known."""
    if jobs < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield map
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield pool.imap


def main() -> None:
    """Print what was explored; exit 1 where something is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=int, default=6, help="events after each stand")
    parser.add_argument("--seconds", type=float, default=110.0, help="at most so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    given = parser.parse_args()
    found = explore(given.depth, given.seconds, first_only=False, jobs=given.jobs)
    end = "to its end" if found.whole else "not to its end"
    print(  # noqa: T201
        f"{found.states} states, {found.transitions} transitions, depth {found.depth} ({end}), {found.seconds:.0f} s; "
        f"{len(EVENTS)} events from {len(STANDS) + len(THEN)} stands; broken: {len(found.broken)}"
    )
    for line in found.broken[:20]:
        print("BROKEN", line)  # noqa: T201
    raise SystemExit(bool(found.broken))


if __name__ == "__main__":
    main()

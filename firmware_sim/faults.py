"""Faults as data: what goes wrong, when, for how long. Drawn from a seed or read from a small TOML file.

```
[[fault]]
at = "12.5 s"
kind = "lead-off"
channel = 1
for = "3 s"
```
"""

from __future__ import annotations

import random
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.words import DIGITS_MAX, is_whole, quoted

WIRE = ("flip", "drop", "duplicate", "garbage", "late", "silence", "vanish")
DEVICE = ("restart", "hang", "refuse", "ignore-stop", "ignore-update")
BODY = ("lead-off", "dry", "low-current")
HOST = (
    "late-turn", "suspend", "stutter", "clock-jump", "signal", "console-silent", "console-gone", "slow-disk",
    "full-disk", "failing-fsync",
)  # fmt: skip
# What surrounds a controller: drawn beside the others, from another stream, so that a seed's own faults stay.
AROUND = ("front-stalled", "second-opener", "odd-lines", "slow-disk", "stutter")
STALLS = ("late-turn", "suspend")  # the host does nothing for `size` milliseconds
SIZED = ("flip", "garbage", "late", "refuse", "slow-disk", *STALLS)  # those for which `size` means something
KINDS = (*WIRE, *DEVICE, *BODY, *HOST)
EVERY = (*KINDS, *AROUND[:3])
FRONT_STALLED_US = (100_000, 600_000)  # so long a working front may stand
_TIME = re.compile(r"^\s*([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*(us|ms|s|min)\s*$")
PLAN_BYTES_MAX = 1_000_000
_KEYS = frozenset({"at", "kind", "for", "channel", "size"})
_WHOLE = {"channel": (8, "a channel"), "size": (3_600_000, "bits, milliseconds or repetitions")}  # the most, what it is
_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        at_us, for_us: begin and length (0 for what has none).
        kind: one of `EVERY`.
        channel: for faults of a channel.
        size: bits, milliseconds or repetitions, as the kind needs.
    """

    at_us: int
    kind: str
    for_us: int = 0
    channel: int = 1
    size: int = 1

    @property
    def end_us(self) -> int:
        """When it is over."""
        return self.at_us + self.for_us

    def active(self, now_us: int) -> bool:
        """Whether it is going on at `now_us`."""
        return self.at_us <= now_us < self.end_us


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults in the order of their begin."""

    faults: tuple[Fault, ...] = ()

    def active(self, kind: str, now_us: int) -> bool:
        """Whether any fault of this kind is going on."""
        return any(fault.kind == kind and fault.active(now_us) for fault in self.faults)

    @classmethod
    def from_seed(cls, seed: int, *, until_us: int, kinds: tuple[str, ...] = KINDS) -> FaultPlan:
        """None to three faults somewhere before `until_us`."""
        chance = random.Random(seed)
        faults = []
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            kind = chance.choice(kinds)
            at_us, for_us, size = (
                chance.randrange(0, until_us),
                chance.randrange(50_000, 5_000_000),
                chance.randrange(1, 8),
            )
            if kind in STALLS:  # milliseconds
                size = chance.randrange(260, 3_000) if kind == "late-turn" else chance.randrange(1_000, 15_000)
                for_us = size * 1_000
            faults.append(Fault(at_us=at_us, kind=kind, for_us=for_us, size=size))
        return cls(tuple(sorted(faults, key=lambda fault: fault.at_us)))

    def surrounded(self, seed: int, *, until_us: int) -> FaultPlan:
        """The same, and one to four faults of `AROUND`, some of them for a minute."""
        chance = random.Random(seed ^ 0xA_0D)
        faults = list(self.faults)
        for _ in range(chance.randrange(1, 5)):
            kind, at_us = chance.choice(AROUND), chance.randrange(0, until_us)
            most_us = chance.choice((5_000_000, 60_000_000))
            for_us = (
                chance.randrange(*FRONT_STALLED_US) if kind == "front-stalled" else chance.randrange(50_000, most_us)
            )
            size = 1 if kind == "slow-disk" else chance.randrange(1, 8)  # 400 ms for each fsync end nothing
            faults.append(Fault(at_us=at_us, kind=kind, for_us=for_us, size=size))
        return FaultPlan(tuple(sorted(faults, key=lambda fault: fault.at_us)))

    @classmethod
    def from_toml(cls, path: Path) -> FaultPlan:
        """The plan in a file.

        Raises:
            ValueError: everything that is wrong with it, by entry and key.
        """
        document = tomllib.loads(_text_of(path))
        wrong = [f"unknown key {quoted(key)}; there is only [[fault]]" for key in document if key != "fault"]
        entries = document.get("fault", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            wrong, entries = [*wrong, "write each fault under [[fault]]"], []
        faults = [fault for number, entry in enumerate(entries) if (fault := _fault(number, entry, wrong)) is not None]
        if not faults and not wrong:  # an empty file is a wrong name, or one that was never written
            wrong = ["no fault is in it"]
        if wrong:
            raise ValueError("; ".join(wrong))
        return cls(tuple(sorted(faults, key=lambda fault: fault.at_us)))


def _text_of(path: Path) -> str:
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    with path.open("rb") as file:
        data = file.read(PLAN_BYTES_MAX + 1)
    if len(data) > PLAN_BYTES_MAX:
        raise ValueError(f"more than {PLAN_BYTES_MAX} bytes are no fault plan")
    return data.decode("utf-8")


def _fault(number: int, entry: dict[str, object], wrong: list[str]) -> Fault | None:
    """One entry of a file; None where its kind or times are none. What is wrong is added to `wrong`."""
    here = f"fault[{number}]"
    wrong += [f"{here}: unknown key {quoted(key)}" for key in sorted(entry.keys() - _KEYS)]
    kind = entry.get("kind")
    if kind not in EVERY:
        wrong.append(f"{here}.kind {quoted(kind)}: one of {', '.join(EVERY)}")
        return None
    found = {}
    for key, (most, words) in _WHOLE.items():
        value = entry.get(key, 1)
        if type(value) is not int or not 1 <= value <= most:
            wrong.append(f"{here}.{key} {quoted(value)}: {words}, 1 to {most}")
            return None
        found[key] = value
    try:
        at_us, for_us = time_us(entry.get("at")), time_us(entry.get("for", "0 s"))
    except ValueError as error:
        wrong.append(f'{here}: at and for are times such as "12.5 s" ({error})')
        return None
    long_us = found["size"] * 1_000 if kind in STALLS else for_us
    return Fault(at_us=at_us, kind=str(kind), for_us=long_us, **found)


def time_us(text: object) -> int:
    """`12.5 s` in microseconds.

    Raises:
        ValueError: not such a time.
    """
    match = _TIME.match(str(text))
    if match is None:
        raise ValueError(f"{quoted(text)} is no time: write 12.5 s, 300 ms or 2 min")
    return round(float(match[1]) * _UNITS[match[2]])


def read_plan(text: str, *, until_us: int = 120_000_000, kinds: tuple[str, ...] = KINDS) -> FaultPlan:
    """`seed:N` (a plan drawn from `kinds`) or a file's name.

    Raises:
        ValueError: neither, or all that is wrong with the file.
    """
    if text.startswith("seed:"):
        if not is_whole(text[5:]):
            raise ValueError(f"{quoted(text)}: seed:N with N a number of at most {DIGITS_MAX} digits")
        return FaultPlan.from_seed(int(text[5:]), until_us=until_us, kinds=kinds)
    try:
        return FaultPlan.from_toml(Path(text))
    except UnicodeDecodeError:
        why = "not UTF-8"
    except RecursionError:
        why = "nested too deep"
    except OSError as error:
        why = error.strerror or str(error)
    except ValueError as error:
        why = str(error)
    raise ValueError(f"fault plan {quoted(text)}: {why}; a file with [[fault]] entries, or seed:N")


class FaultyWire:
    """What a plan does to the bytes of one direction. Sans-IO: pieces in, pieces with their delay out."""

    def __init__(self, plan: FaultPlan, seed: int) -> None:
        self._plan = plan
        self._random = random.Random(seed)
        self._done: set[int] = set()
        self.applied: list[tuple[int, str]] = []

    def take(self, data: bytes, now_us: int) -> list[tuple[int, bytes]]:
        """Pieces of `data` as (delay in µs, bytes); [] if they are lost."""
        lost = False
        for index, fault in enumerate(self._plan.faults):
            if fault.kind in {"silence", "vanish", "late"} and fault.active(now_us):
                lost = lost or fault.kind != "late"
                self._note(index, fault, now_us)
        if lost:
            return []
        delay = 0
        for index, fault in enumerate(self._plan.faults):
            if fault.kind not in WIRE or not fault.active(now_us):
                continue
            if fault.kind == "late":
                delay = max(delay, fault.size * 40_000)
                continue
            if index in self._done:
                continue  # one piece each, not all that pass while it lasts
            self._note(index, fault, now_us)
            if fault.kind == "drop":
                return []
            if fault.kind == "duplicate":
                return [(delay, data), (delay, data)]
            if fault.kind == "garbage":
                return [(delay, self._random.randbytes(fault.size * 5)), (delay, data)]
            if fault.kind == "flip" and data:
                changed = bytearray(data)
                for _ in range(fault.size):
                    changed[self._random.randrange(len(changed))] ^= 1 << self._random.randrange(8)
                return [(delay, bytes(changed))]
        return [(delay, data)]

    def _note(self, index: int, fault: Fault, now_us: int) -> None:
        if index not in self._done:
            self._done.add(index)
            self.applied.append((now_us, fault.kind))

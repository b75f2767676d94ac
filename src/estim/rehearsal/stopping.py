"""How fast output ends: the bound of every cause on every device, whatever else goes wrong meanwhile.

An undisturbed stop leaves in the turn that saw its cause and takes effect when its bytes arrive. What is in its way
adds what it can add and no more (the table in `clear_by_us`); the device's own timer ends what nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from estim.drivers.models import MODELS
from firmware_sim.devices import timer_us
from firmware_sim.devices.interface import Pulse
from firmware_sim.faults import Fault

OBEY_US = 5_000  # two frames on the wire at 0.9 ms each, and a pulse that had begun
REPEAT_US = 30_000  # a stop is sent again while it is not acknowledged (drivers.base)
ONCE = 4  # repeats: a lost or damaged piece each way, and the frame that it may take along
TIMER_US = {model: timer_us(model) for model in MODELS}
# Where frames feed the timer the driver falls silent after so long; its last frame may be a repeat later.
LIE_US = {name: tried + 50_000 if (tried := model.profile.unobeyed_stop_us) else 0 for name, model in MODELS.items()}
LATE_STEP_US = 40_000  # size of a `late` fault (firmware_sim.faults)
REFUSED_US = 10_000_000  # by then as many commands were refused as a `refuse` fault says
STUTTER_US = 240_000  # turns up to 250 ms late are not a fault (L23)
ASKS_US = 1_000_000 + STUTTER_US  # the driver asks each second (poll_us), in a stutter later
NOTICE_US = 450_000 + 250_000 + 20_000  # a silent device: the next question, and no answer to it
UNANSWERED_US = 250_000  # an update without an answer: after so long the driver takes the device for lost
_ONE_SHOT = frozenset({"flip", "drop", "duplicate", "garbage"})
_DEAF = frozenset({"silence", "hang", "ignore-stop"})
_KEEP_ANSWERS = _ONE_SHOT | {"silence", "hang", "late", "refuse", "stutter", "second-opener"}
_STALLS = frozenset({"late-turn", "suspend"})


@dataclass(slots=True)
class _Stop:
    """One stop and what is known so far of how late it can be.

    Attributes:
        asked_us: when output was to end.
        since_us: when the stop that is under way was first sent; earlier than `asked_us` where it was asked for again.
        begun_us: when the host sends the first stop at the latest.
        clear_us: when the last pulse may fall, but for answers and commands that come late.
        timer_us: when the device's own timer ends output.
        repeat_us: after how long it is sent again while it is not acknowledged.
    """

    asked_us: int
    since_us: int
    begun_us: int
    clear_us: int
    timer_us: int
    repeat_us: int = REPEAT_US


def clear_by_us(
    at_us: int, model: str, faults: Sequence[Fault], *, fed_us: int | None = None, since_us: int | None = None
) -> int:
    """When the last pulse may fall after output was to end at `at_us`.

    Args:
        fed_us: when the device last heard of the host at the latest, where that was earlier.
        since_us: when the stop that is under way was first sent, where that was earlier; asking again begins no other.
    """
    begun_us = _begun_us(at_us, model, faults)
    stop = _Stop(
        asked_us=at_us,
        since_us=at_us if since_us is None else since_us,
        begun_us=begun_us,
        clear_us=begun_us + OBEY_US,
        timer_us=(at_us if fed_us is None else fed_us) + TIMER_US[model] + OBEY_US,
    )
    fed = any(_feeds(fault, at_us) and fault.at_us <= begun_us + LIE_US[model] for fault in faults)
    fed_by_us = begun_us + LIE_US[model] if fed and LIE_US[model] else at_us
    late_us = 0
    for _ in faults:  # one may push it into the next
        until_us = stop.clear_us + late_us
        slow = any(f.kind == "stutter" and f.at_us <= until_us and at_us < f.end_us + STUTTER_US for f in faults)
        stop.repeat_us = REPEAT_US + (STUTTER_US if slow else 0)
        silent_us = (
            stop.since_us + LIE_US[model] - 2 * REPEAT_US - stop.repeat_us
        )  # then a device that lies hears nothing
        for fault in faults:
            if fault.at_us > stop.clear_us + late_us:
                continue
            if _feeds(fault, at_us):
                stop.timer_us = max(stop.timer_us, fed_by_us + TIMER_US[model] + OBEY_US)
            if fault.kind == "late" and at_us < fault.end_us + fault.size * LATE_STEP_US:
                late_us = max(late_us, fault.size * LATE_STEP_US)  # what is obeyed at last comes so much later
                stop.timer_us = max(stop.timer_us, fed_by_us + fault.size * LATE_STEP_US + TIMER_US[model] + OBEY_US)
            if fault.kind in _STALLS and at_us < fault.end_us + OBEY_US:
                stop.timer_us = max(stop.timer_us, fault.at_us + TIMER_US[model] + OBEY_US)
            if not (fault.kind in _ONE_SHOT and at_us >= _spent_us(fault, faults) + ONCE * stop.repeat_us):
                hits_us = _hits_us(max(begun_us, fault.at_us), faults)
                stop.clear_us = max(stop.clear_us, _pushed_us(stop, fault, hits_us))
            if stop.clear_us > silent_us > stop.since_us:
                stop.clear_us = max(stop.clear_us, stop.timer_us)  # the next stop would come only after the timer
    return min(stop.clear_us + late_us, stop.timer_us)


def _begun_us(at_us: int, model: str, faults: Sequence[Fault]) -> int:
    """When the host sees the cause at the latest and sends the first stop.

    Its last late turn may begin as the stutter ends. A host that stands for longer than the device's timer finds that
    device off, and what it sends feeds nothing.
    """
    if any(fault.kind == "stutter" and fault.at_us <= at_us < fault.end_us + STUTTER_US for fault in faults):
        at_us += STUTTER_US
    stands = [s for s in faults if s.kind in _STALLS and s.end_us < s.at_us + TIMER_US[model]]
    return max([at_us, *(s.end_us for s in stands if s.at_us <= at_us < s.end_us)])


def _hits_us(hits_us: int, faults: Sequence[Fault]) -> int:
    """When a fault meets the first piece: a host that stands still sends it later."""
    return max([hits_us, *(s.end_us for s in faults if s.kind in _STALLS and s.at_us <= hits_us < s.end_us)])


def _spent_us(fault: Fault, faults: Sequence[Fault]) -> int:
    """When a fault that takes one piece has had it: the host asks for the status, unless it stands still."""
    asked_us = fault.at_us + ASKS_US
    for s in sorted(faults, key=lambda stall: stall.at_us):
        if s.kind in _STALLS and s.at_us < asked_us and fault.at_us < s.end_us:
            asked_us = max(asked_us, s.end_us + ASKS_US)
    return min(fault.end_us, asked_us)


def _feeds(fault: Fault, at_us: int) -> bool:
    """A device that hears stops, does not obey, and is kept alive by those that follow."""
    if fault.kind == "refuse":
        return at_us < fault.at_us + REFUSED_US
    return fault.kind == "ignore-stop" and at_us < fault.end_us + OBEY_US


def noticed_by_us(at_us: int, faults: Sequence[Fault]) -> int:
    """When the host knows at the latest that a device is silent, or has found a lead in the air, since `at_us`.

    A host that stutters asks late, and is late again to see that no answer came.
    """
    by_us = at_us + NOTICE_US
    slow_us = by_us + 2 * STUTTER_US
    stutters = any(f.kind == "stutter" and f.at_us < slow_us and at_us < f.end_us + STUTTER_US for f in faults)
    return slow_us if stutters else by_us


def fallen_by_us(fell_us: int, model: str, faults: Sequence[Fault]) -> int:
    """When a level that fell at `fell_us` is heard of at the latest.

    As a stop; but a fall is sent once and waits for the answer to what was sent before it. Where a fault of wire,
    device or host keeps that from coming, output is stopped instead.
    """
    heard_us = clear_by_us(fell_us, model, faults)
    for fault in faults:
        hurts = fault.at_us <= fell_us + UNANSWERED_US and fell_us <= fault.end_us + UNANSWERED_US
        if fault.kind in _KEEP_ANSWERS and hurts:
            heard_us = max(heard_us, clear_by_us(fell_us + UNANSWERED_US, model, faults))
    return heard_us


def _pushed_us(stop: _Stop, fault: Fault, hits_us: int) -> int:
    """To when one fault, which meets its first piece at `hits_us`, can put off the last pulse."""
    kind, repeat_us = fault.kind, stop.repeat_us
    if kind == "vanish":
        return stop.timer_us
    if kind in _DEAF and stop.since_us < fault.end_us + OBEY_US:
        # Stop and question by turns where the stop was acknowledged, else stop after stop; who asks for one that is
        # under way waits for its next repeat as well.
        return fault.end_us + (2 if kind == "ignore-stop" else 1) * repeat_us + OBEY_US
    if kind in _ONE_SHOT:
        return min(stop.clear_us, hits_us + OBEY_US) + ONCE * repeat_us
    if kind == "refuse" and stop.asked_us < fault.at_us + REFUSED_US:
        return hits_us + (fault.size + 2) * repeat_us
    if kind in _STALLS and stop.asked_us < fault.end_us:
        return fault.end_us + OBEY_US
    if kind == "stutter" and stop.asked_us < fault.end_us:
        return max(stop.asked_us, fault.at_us) + STUTTER_US + OBEY_US
    return stop.clear_us


@dataclass(slots=True)
class StopWatch:
    """Output may flow only from a person's start or resume until the next cause to end it.

    Attributes:
        worst_us: cause → the longest time from it to a pulse, over this world.
        burst_us: from the first pulse of a burst to its last; one that has begun goes to its end.
    """

    broken: dict[str, str]
    model: str
    faults: Sequence[Fault]
    worst_us: dict[str, int] = field(default_factory=dict)
    burst_us: int = 0
    _cause: str = "nobody started yet"
    _asked_us: int = 0
    _since_us: int | None = None
    _clear_us: int | None = -1
    _counted: bool = False

    @property
    def open(self) -> bool:
        """Output may flow."""
        return self._clear_us is None

    def asked(self, cause: str, at_us: int, *, fed_us: int | None = None) -> None:
        """Output must end, because of what happened at `at_us`."""
        self._since_us = at_us if self._since_us is None else self._since_us
        clear_us = clear_by_us(at_us, self.model, self.faults, fed_us=fed_us, since_us=self._since_us) + self.burst_us
        if self._clear_us is None or clear_us < self._clear_us:
            self._cause, self._asked_us, self._clear_us, self._counted = cause, at_us, clear_us, True
            self.worst_us.setdefault(cause, 0)

    def opened(self) -> None:
        """A person began, and was told that it is accepted."""
        self._clear_us = self._since_us = None

    def see(self, pulse: Pulse) -> None:
        """One pulse left the output stage."""
        if self._clear_us is None or not pulse.peak_ua:
            return
        after_us = pulse.t_us - self._asked_us
        if self._counted and after_us > self.worst_us[self._cause]:
            self.worst_us[self._cause] = after_us
        if pulse.t_us > self._clear_us:
            self.broken.setdefault(
                "stop",
                f"channel {pulse.channel} at {pulse.t_us / 1e6:.4f} s: a pulse {after_us / 1e3:.1f} ms after"
                f" {self._cause} at {self._asked_us / 1e6:.4f} s,"
                f" allowed {max(0, self._clear_us - self._asked_us) / 1e3:.1f} ms",
            )

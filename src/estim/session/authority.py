"""What may rise: authorisations that were asked for, became durable, and cover what comes; raises and their pace. Pure.

A rise waits until its authorisation is durable in the record; a fall takes authority away at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from estim.record_lines.kinds import RaiseDropped
from estim.safety.rises import Rise
from estim.safety.units import US_PER_S, Micros
from estim.session.covering import peaks_of, span_of
from estim.session.effects import Authorise, LowerCeiling, Revoke
from estim.session.outbox import Outbox
from estim.session.route import PlanPlace
from estim.session.run import Run

LONG_AGO_US = US_PER_S  # of a channel that was never raised


@dataclass(frozen=True, slots=True)
class Pending:
    """An authorisation that is written and not yet durable; `raised` holds the levels that come with it."""

    asked_us: int
    contractions: tuple[int, int]
    until_us: int
    place: PlanPlace
    raised: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cover:
    """What the latest granted authorisation allows."""

    place: PlanPlace
    contractions: tuple[int, int]
    until_us: int

    def holds(self, run: Run, now_us: int) -> bool:
        """The contraction that comes next in `run` is covered."""
        return (
            self.place.phase == run.place.phase
            and self.contractions[0] <= run.contraction_number <= self.contractions[1]
            and now_us < self.until_us
        )


class Authority:
    """Authorisations and raises of one sitting.

    Args:
        out: takes what is to be written and what the interlock must know.
        number: of the last authorisation of this engine: numbers never come twice.

    Attributes:
        cover: of the latest durable authorisation; None: nothing is covered.
    """

    def __init__(self, out: Outbox, number: int = 0) -> None:
        self._out = out
        self.number = number
        self._pending: dict[int, Pending] = {}
        self.cover: Cover | None = None
        self._raised_us: dict[int, int] = {}

    @property
    def raising(self) -> bool:
        """A raise is being written."""
        return any(pending.raised for pending in self._pending.values())

    def planned(self, phase: int) -> bool:
        """What the plan needs in `phase` has been asked for and is not yet durable."""
        if not self._pending:
            return False
        return any(not pending.raised and pending.place.phase == phase for pending in self._pending.values())

    def ask(self, run: Run, reason: str, now_us: int, rise: Rise | None = None) -> None:
        """Ask for what the next contractions need, and for `rise` with it; it counts once it is durable."""
        self.number += 1
        contractions, until_us = span_of(run, now_us)
        raised = {rise.channel: rise.to_ua} if rise is not None else {}
        wanted = {channel: level for pending in self._pending.values() for channel, level in pending.raised.items()}
        wanted.update(raised)  # the latest durable one is the ceiling: it must hold raises that are on their way
        self._pending[self.number] = Pending(now_us, contractions, until_us, run.place, raised)
        self._out.emit(
            Authorise(
                n=self.number,
                peaks=peaks_of(run, wanted),
                reason=reason,
                contractions=contractions,
                until_us=Micros(until_us),
                rise=rise,
            )
        )

    def granted(self, number: int) -> Mapping[int, int] | None:
        """Authorisation `number` is durable: its cover counts. Gives the levels that came with it; None where it was
        revoked or dropped meanwhile: never applied late.
        """
        pending = self._pending.pop(number, None)
        if pending is None:
            return None
        self.cover = Cover(place=pending.place, contractions=pending.contractions, until_us=pending.until_us)
        return pending.raised

    def end(self) -> None:
        """Nothing that was authorised counts any longer (stop, pause, fault, change of phase)."""
        self._pending.clear()
        self.cover = None
        self._out.emit(Revoke())

    def uncover(self) -> None:
        """What was covered would be over before it is played: it is asked for again."""
        self.cover = None

    # -- raises -----------------------------------------------------------------------------------------------------

    def since_raise_us(self, channel: int, now_us: int) -> int:
        """How long ago `channel` was last raised or lowered."""
        return now_us - self._raised_us.get(channel, -LONG_AGO_US)

    def note_raise(self, channel: int, now_us: int) -> None:
        """`channel` got another level, or one was asked for: what comes next keeps its distance (L15, L17)."""
        self._raised_us[channel] = now_us

    def lower_ceiling(self, channel: int, run: Run) -> None:
        """A fall, or a raise that is dropped, lowers what the interlock allows at once: to what plays at most now."""
        peak_ua = max((peak.peak_ua for peak in peaks_of(run) if peak.channel == channel), default=0)
        self._out.emit(LowerCeiling(channel=channel, peak_ua=peak_ua, level_ua=run.levels_ua[channel]))

    def drop_raises(self, run: Run, reason: str, asked_before_us: int | None = None) -> int:
        """Forget raises that are not durable yet; never applied late. Gives how many."""
        if not self._pending:
            return 0
        dropped = 0
        for n, pending in list(self._pending.items()):
            if not pending.raised or (asked_before_us is not None and pending.asked_us >= asked_before_us):
                continue
            del self._pending[n]
            dropped += 1
            self._out.log(RaiseDropped(authorise=n, reason=reason))
            for channel in pending.raised:
                self.lower_ceiling(channel, run)
        return dropped

"""Authorisations: written ones, and the one that is durable and so in force. Authorise, then deliver. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class Peak(Protocol):
    """The most that one channel may be given: an authorisation's entry."""

    @property
    def channel(self) -> int:
        """Device channel."""

    @property
    def peak_ua(self) -> int:
        """Greatest amplitude."""

    @property
    def pulse_width_us(self) -> int:
        """Of the pulse it is for."""

    @property
    def period_us(self) -> int:
        """Of the pulse it is for."""


@dataclass(slots=True)
class _Authorisation:
    peaks: dict[int, int]
    until_us: int


class Authorisations:
    """What may be played to which peak, until when."""

    def __init__(self) -> None:
        self._written: dict[int, _Authorisation] = {}
        self._in_force: _Authorisation | None = None

    def write(self, n: int, peaks: Iterable[Peak], until_us: int) -> None:
        """Remember number `n` as written; it counts when it is granted."""
        self._written[n] = _Authorisation({peak.channel: peak.peak_ua for peak in peaks}, until_us)

    def grant(self, n: int) -> None:
        """Number `n` is durable: from now on it is the ceiling. Unknown or revoked numbers change nothing."""
        granted = self._written.pop(n, None)
        if granted is not None:
            self._in_force = granted
            for older in [number for number in self._written if number < n]:
                del self._written[older]

    def revoke(self) -> None:
        """None counts any more, written ones neither (stop, pause, fault, change of phase)."""
        self._written.clear()
        self._in_force = None

    def lower(self, channel: int, peak_ua: int) -> None:
        """The ceiling of one channel falls at once, in what is in force and in what is written."""
        for one in (self._in_force, *self._written.values()):
            if one is not None and channel in one.peaks:
                one.peaks[channel] = min(one.peaks[channel], peak_ua)

    def in_force(self, now_us: int) -> bool:
        """Whether one is in force."""
        return self._in_force is not None and now_us <= self._in_force.until_us

    def peak_ua(self, channel: int) -> int:
        """The ceiling of `channel` by the one in force; 0 where it does not name the channel."""
        return self._in_force.peaks.get(channel, 0) if self._in_force is not None else 0

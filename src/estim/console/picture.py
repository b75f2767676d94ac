"""Whether the picture on the screen still stands: when something was heard, pressed, drawn last. Times are arguments.

Without a patient a console that draws ten pictures a second of the same things took 6 to 8 % of a core (80 × 24 to
120 × 40, measured at home and at the plan). So it draws where something can have changed, and twice a second for what
changes by itself: the time of day, ages, what another thread has read from the disk.
"""

from __future__ import annotations

from dataclasses import replace

from estim.session.snapshot import Snapshot

LIVELY_S = 1.5  # after a key: what counts next changes by itself for 0.7 s (`presses.AGAIN_S`)
STILL_S = 0.5


class Picture:
    """One console's."""

    def __init__(self) -> None:
        self._n, self._heard_s = -1, 0.0  # the last snapshot's number, and since when
        self._touched_s = self._drawn_s = float("-inf")
        self._shown: Snapshot | None = None  # what was heard last, without its ages
        self._same = False

    def heard(self, snapshot: Snapshot | None, now_s: float) -> bool:
        """The latest snapshot, at each look; True where it says more than the one before it, but for ages."""
        if snapshot is not None and snapshot.n != self._n:
            self._n, self._heard_s = snapshot.n, now_s
        ageless = None if snapshot is None else replace(snapshot, n=0, now_us=0, answered=0, lease_us=(0, 0, 0, 0))
        self._same, self._shown = ageless == self._shown, ageless
        return not self._same

    def silent_s(self, now_s: float) -> float:
        """How old the last snapshot is."""
        return now_s - self._heard_s if self._n >= 0 else 0.0

    def touched(self, now_s: float) -> None:
        """A key came, or the answer to what one asked for."""
        self._touched_s = now_s

    def drawn(self, now_s: float) -> None:
        """It was drawn."""
        self._drawn_s = now_s

    def stands(self, now_s: float, *, closed: bool) -> bool:
        """Nothing can have changed but ages; `closed`: the stop gate is, so output may be on and each look is drawn."""
        if closed or not self._same or now_s - self._touched_s < LIVELY_S:
            return False
        return now_s - self._drawn_s < STILL_S

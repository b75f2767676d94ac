"""The lease: output lasts only while device status, console heartbeat and record are all fresh. Pure."""

from __future__ import annotations

from typing import Literal

from estim.safety.units import US_PER_S

STATUS_FRESH_US = US_PER_S  # L24
HEARTBEAT_FRESH_US = US_PER_S
RECORD_FRESH_US = 2 * US_PER_S
AWAKE_US = US_PER_S  # as old as a screen may be on which somebody raises

Lapse = Literal["", "console-silent", "record-late", "device-silent"]


class Lease:
    """When each of those that must be fresh was last heard. The loop's own turn is judged by who makes the turns.

    Attributes:
        left: the console is gone or a signal came: nobody is left, and nobody comes back.
    """

    def __init__(self) -> None:
        self._status_us = 0
        self._heartbeat_us = 0
        self._woke_us: int | None = None  # the console's first heartbeat after it had stood still
        self._record_pending_us: int | None = None
        self.left = False

    def begin(self, now_us: int) -> None:
        """The console is there as this begins."""
        self._heartbeat_us = now_us

    def status(self, now_us: int) -> None:
        """The device said how it is."""
        self._status_us = now_us

    def beat(self, now_us: int) -> None:
        """The console's heartbeat came."""
        if now_us - self._heartbeat_us > HEARTBEAT_FRESH_US:
            self._woke_us = now_us
        self._heartbeat_us = now_us

    def record(self, oldest_pending_us: int | None) -> None:
        """Since when the oldest line waits that is not durable; None: all are."""
        self._record_pending_us = oldest_pending_us

    def leave(self) -> None:
        """Nobody is left: once output is settled the record ends."""
        self.left = True

    def lapsed(self, now_us: int) -> Lapse:
        """Who was silent for too long; "" while all are fresh."""
        if now_us - self._heartbeat_us > HEARTBEAT_FRESH_US:
            return "console-silent"
        if self._record_pending_us is not None and now_us - self._record_pending_us > RECORD_FRESH_US:
            return "record-late"
        if now_us - self._status_us > STATUS_FRESH_US:
            return "device-silent"
        return ""

    def console_stood_still(self, now_us: int) -> bool:
        """The console gave no heartbeat for longer than its lease, or does so again for less than 1 s.

        What was typed meanwhile was typed on a screen that did not move, and comes all at once.
        """
        if now_us - self._heartbeat_us > HEARTBEAT_FRESH_US:
            return True
        return self._woke_us is not None and now_us - self._woke_us < AWAKE_US

    def due_us(self) -> list[int]:
        """When each of them lapses if nothing is heard."""
        due = [self._heartbeat_us + HEARTBEAT_FRESH_US + 1, self._status_us + STATUS_FRESH_US + 1]
        if self._record_pending_us is not None:
            due.append(self._record_pending_us + RECORD_FRESH_US + 1)
        return due

    def ages_us(self, now_us: int) -> tuple[int, int, int]:
        """Ages of status, heartbeat and oldest line that is not durable."""
        pending_us = self._record_pending_us
        return (
            now_us - self._status_us,
            now_us - self._heartbeat_us,
            now_us - pending_us if pending_us is not None else 0,
        )

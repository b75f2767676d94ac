"""The driver contract: sans-IO. Time and bytes are arguments; a driver opens nothing, waits for nothing."""

from __future__ import annotations

from typing import Protocol

from estim.safety.interlock import Admitted
from estim.safety.profile import DeviceProfile
from estim.safety.reports import DriverReport
from estim.safety.units import Micros


class Driver(Protocol):
    """One stimulator's wire, from admitted commands to bytes and from bytes to reports.

    One command is in flight at a time. `OutputOff` goes ahead of all that waits and drops it; a newer `SetOutput`
    takes the place of one that still waits (reported as Superseded). While an off is not confirmed, every SetOutput is
    Superseded: whoever wants output again prepares again. No method blocks or raises for what a device says:
    that is a report.
    """

    profile: DeviceProfile

    def connect(self, now_us: int) -> None:
        """Begin: ask who the device is and make it idle. Ends in `Identified`, or DeviceLost after its time-out."""

    def prepare(
        self, channels: tuple[int, ...], period_us: Micros, now_us: int, *, slow: tuple[tuple[int, Micros], ...] = ()
    ) -> None:
        """Open the stimulation level for these channels (and this period, where needed). Ends in `Prepared`.

        `slow`: channels whose period is longer, with it, on devices that must be told beforehand.

        Needs no admission: no current flows before a SetOutput. DeviceFault while an off is not confirmed.
        """

    def submit(self, admitted: Admitted, now_us: int) -> int:
        """Queue a command that the interlock admitted in this very turn; its number comes back in Acknowledged.

        Raises:
            InterlockTripped: `admitted` is not from this turn (`admitted.at_us != now_us`) or was used before, or the
                wire can't say exactly what it asks.
        """

    def request_status(self, now_us: int) -> None:
        """Ask the device for its own view of its output (also its keep-alive); ends in `DeviceStatus`."""

    def receive_data(self, data: bytes, now_us: int) -> tuple[DriverReport, ...]:
        """Take bytes from the link, give what they mean."""

    def tick(self, now_us: int) -> tuple[DriverReport, ...]:
        """Look at time-outs; call when `next_deadline_us` has come."""

    def data_to_send(self, now_us: int) -> bytes:
        """Bytes for the link now; b"" while an answer is awaited. An OutputOff is never held back."""

    def next_deadline_us(self) -> int | None:
        """When `tick` must be called next, if nothing arrives."""

    def stop_bytes(self) -> bytes:
        """A stop that needs no state and no answer (it ends a half-sent frame first): for the take-over."""

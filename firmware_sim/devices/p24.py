"""P24 (ScienceMode4): eight channels, quarter milliseconds, electrodes judged by pulses of 15 mA and more."""

from __future__ import annotations

from collections.abc import Callable

from firmware_sim.devices.low_level import OK
from firmware_sim.devices.mid_level import MidLevelDevice
from firmware_sim.devices.options import Options
from firmware_sim.wire.sciencemode34 import Frame


class P24(MidLevelDevice):
    """A P24 made of software."""

    model = "p24"
    _unlisted = False

    def _set_own(self, given: Options) -> None:
        """`answer_unlisted=1` answers what the maker's library can ask and the device's document does not list."""
        self._unlisted = given.flag("answer_unlisted")

    def _own_handlers(self) -> dict[int, Callable[[Frame, int], None]]:
        handlers: dict[int, Callable[[Frame, int], None]] = {68: self._version}
        if self._unlisted:
            handlers |= {50: self._version_main, 54: self._battery, 60: self._version_stim, 64: self._main_status}
        return handlers

    def _version(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, bytes((1, 2, 15, 4, 0, 0)) + b"\xde\xad\xbe\xef" + bytes((1, 1)))

    def _version_main(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, bytes((2, 1, 16, 4, 0, 0)))

    def _version_stim(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, bytes((2, 1, 0, 4, 0, 0)))

    def _battery(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, bytes((87,)) + (3972).to_bytes(2, "big"))

    def _main_status(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, b"\0")

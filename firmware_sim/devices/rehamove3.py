"""RehaMove3 (ScienceMode3): four channels, half milliseconds, a test pulse before each pulse, a battery."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from firmware_sim.devices.low_level import OK
from firmware_sim.devices.mid_level import NIBBLES, MidLevelDevice
from firmware_sim.wire.sciencemode34 import Frame, build


class RehaMove3(MidLevelDevice):
    """A RehaMove3 made of software."""

    model = "rehamove3"
    channels = 4
    overhead_us = 330  # mute 200, test pulse 30, reserve 100
    current_limit_ua = 150_000  # what the maker's library accepts; the device is rated 130 mA
    test_pulse = True
    quarter_ms = False
    chooses_voltage = True
    measures = False
    checks_steps = False
    answer_sizes: ClassVar[dict[int, int]] = {52: 11, 62: 3, 50: 7, 54: 4, 60: 7, 64: 2, 2: 2, 36: 3}

    def _own_handlers(self) -> dict[int, Callable[[Frame, int], None]]:
        return {50: self._version_main, 54: self._battery, 60: self._version_stim, 64: self._main_status}

    def _where(self, first: int, *, failed: bool = False) -> bytes:
        return bytes((first >> 5 & 3 if failed else 0,))

    def _answer_data(self, frame: Frame) -> None:
        """The selection is a bit mask; bit 1 asks whether it runs and which electrodes failed."""
        selection = frame.data[0]
        if not selection & 2:
            self._out.append(build(frame.packet, 37, bytes((OK, selection))))
            return
        errors = sum(1 << bit for bit in range(self.channels) if self._errors[bit] == NIBBLES["electrode"])
        running = 0x10 if self._stage.lanes else 0
        self._out.append(build(frame.packet, 37, bytes((OK, selection, running | errors))))

    def _version_main(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, bytes((2, 1, 16, 3, 2, 4)))

    def _version_stim(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, bytes((2, 1, 0, 3, 2, 4)))  # of the stimulation processor, then of its protocol

    def _main_status(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, b"\0")  # 1 and 2 belong to the maker's own "Dm" mode, which no host can open here

    def _battery(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, bytes((87,)) + (3972).to_bytes(2, "big"))

    def _reset(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._restart()  # the acknowledgement of a reset is not sent

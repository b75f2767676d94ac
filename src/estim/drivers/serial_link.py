"""Real serial ports, by pyserial. A positive write time-out (0 spins for ever on a stalled port), exclusive use."""

from __future__ import annotations

import serial

from estim.drivers.models import DeviceModel
from estim.safety.errors import LinkLost

WRITE_S = 0.2


class SerialLink:
    """An open serial port.

    Raises:
        LinkLost: it can't be opened: not there, no right to it, or in use.
    """

    def __init__(self, port: str, model: DeviceModel) -> None:
        try:
            self._port = serial.Serial(
                port,
                baudrate=model.baud,
                parity=model.parity,
                stopbits=model.stop_bits,
                rtscts=model.rtscts,
                timeout=0,
                write_timeout=WRITE_S,
                exclusive=True,
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise LinkLost(f"{port} can't be opened: {error}") from None

    def read(self) -> bytes:
        """What has come in."""
        try:
            return bytes(self._port.read(4096))
        except (serial.SerialException, OSError, TypeError) as error:
            raise LinkLost(f"reading failed: {error}") from None

    def write(self, data: bytes) -> None:
        """All of `data`; waits at most 0.2 s for room."""
        try:
            written = self._port.write(data)
        except (serial.SerialException, OSError) as error:
            raise LinkLost(f"writing failed: {error}") from None
        if written != len(data):
            raise LinkLost(f"{written} of {len(data)} bytes were taken")

    def fileno(self) -> int:
        """For `select`; -1 on Windows."""
        try:
            return int(self._port.fileno())
        except (AttributeError, OSError, ValueError):
            return -1

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

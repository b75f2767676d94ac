"""Real serial ports, by pyserial. A positive write time-out (0 spins for ever on a stalled port), exclusive use."""

from __future__ import annotations

import contextlib
import errno
import re
import sys

import serial

from estim.drivers.models import DeviceModel
from estim.platform.terminals import is_pseudo_terminal, keep_to_oneself, share_again
from estim.safety.errors import LinkLost

WRITE_S = 0.2  # below the 250 ms that a turn of the loop may be late
_FAILED: tuple[type[Exception], ...] = (serial.SerialException, OSError, ValueError, TypeError)
if sys.platform != "win32":
    import termios

    _FAILED = (*_FAILED, termios.error)

_FTDI = 0x0403


class SerialLink:
    """An open serial port.

    Raises:
        LinkLost: it can't be opened; the text says whether it is not there, not allowed, or in use.
    """

    def __init__(self, port: str, model: DeviceModel) -> None:
        pseudo = is_pseudo_terminal(port)  # it has no line: Linux refuses parity on it (wire document 4.5)
        try:
            self._port = serial.Serial(
                port,
                baudrate=model.baud,
                parity=serial.PARITY_NONE if pseudo else model.parity,
                stopbits=model.stop_bits,
                rtscts=model.rtscts and not pseudo,
                timeout=0,
                write_timeout=WRITE_S,
                exclusive=True,
            )
        except _FAILED as error:
            raise LinkLost(_why_not(port, error)) from None
        keep_to_oneself(self.fileno())
        if sys.platform == "linux" and model.usb[0] == _FTDI and not pseudo:
            with contextlib.suppress(*_FAILED):  # 1 ms instead of 16; without it answers only come later
                self._port.set_low_latency_mode(True)

    def read(self) -> bytes:
        """What has come in."""
        try:
            return bytes(self._port.read(4096))
        except _FAILED as error:
            raise LinkLost(f"reading failed, the port is gone: {_said(error)}") from None

    def write(self, data: bytes) -> None:
        """All of `data`; waits at most 0.2 s for room."""
        try:
            written = self._port.write(data)
        except serial.SerialTimeoutException:
            raise LinkLost(f"the port takes no bytes for {WRITE_S:g} s") from None
        except _FAILED as error:
            raise LinkLost(f"writing failed, the port is gone: {_said(error)}") from None
        if written != len(data):
            raise LinkLost(f"{written} of {len(data)} bytes were taken")

    def fileno(self) -> int:
        """For `select`; -1 on Windows."""
        try:
            return int(self._port.fileno())
        except (AttributeError, OSError, ValueError):
            return -1

    def close(self) -> None:
        """Give the port back. May be called twice."""
        share_again(self.fileno())
        with contextlib.suppress(*_FAILED):
            self._port.close()


def _why_not(port: str, error: Exception) -> str:
    number = getattr(error, "errno", None) or (error.args[0] if error.args else None)
    text = str(error)
    if number in {errno.EAGAIN, errno.EBUSY} or "exclusively lock" in text:
        return f"{port} is in use: another program holds it; end that program (or the other estim) and try again"
    if number == errno.EACCES or "PermissionError" in text:
        return f"{port} may not be opened: on Linux your user must be in the group that owns it (dialout)"
    if number in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return f"{port} is not there: is the stimulator plugged in and switched on? `estim devices` lists the ports"
    if number == errno.ENOTTY or "Inappropriate ioctl" in text:
        return f"{port} can't be opened: it is no serial port; `estim devices` lists the ports"
    return f"{port} can't be opened: {_said(error)}"


def _said(error: Exception) -> str:
    """The system's words alone. pyserial has them within its own: with a number in front, or as Python's call."""
    text = str(error)
    if "readiness to read" in text:  # pyserial on POSIX: ready, and empty
        return "it ended"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    within = re.search(r"\[Errno \d+\] ([^:\[\]]+)|\w+\(\d+, '([^']+)'", text)
    return (within[1] or within[2]).strip(" .'") if within else text

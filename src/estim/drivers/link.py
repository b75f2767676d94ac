"""A link: bytes to and from a device, without waiting. Made by `serial_link` or `socket_link`, or a fake in tests."""

from __future__ import annotations

from typing import Protocol


class ByteLink(Protocol):
    """Both ends of a wire as the controller holds them."""

    def read(self) -> bytes:
        """What has come in, b"" if nothing.

        Raises:
            LinkLost: end of file or an error.
        """

    def write(self, data: bytes) -> None:
        """Hand `data` to the operating system.

        Raises:
            LinkLost: an error, or the other side takes nothing for too long.
        """

    def fileno(self) -> int:
        """For `select`; -1 where there is none."""

    def close(self) -> None:
        """Give the port back. May be called twice."""

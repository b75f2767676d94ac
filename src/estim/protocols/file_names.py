"""Names that become files. Pure."""

from __future__ import annotations

_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


def is_a_device_on_windows(name: str) -> bool:
    """Whether Windows keeps this name for a device, whatever follows its first point: a file of such a name is a port
    there, or nothing. A home moves from one system to another, so nothing new is called so on any.
    """
    return name.partition(".")[0].rstrip().casefold() in _DEVICES

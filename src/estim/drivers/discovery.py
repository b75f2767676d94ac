"""Which ports there are, what could be behind them by their USB ids, and, only when told to, who answers there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from serial.tools import list_ports

from estim.drivers.address import Address
from estim.drivers.asking import ask_identity
from estim.drivers.models import MODELS
from estim.safety.errors import LinkLost
from estim.safety.reports import Identified

LATENCY_MS = 1  # what the makers ask for; Linux and Windows begin with 16


class Port(Protocol):
    """A port as pyserial lists it."""

    device: str
    description: str
    vid: int | None
    pid: int | None
    serial_number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPort:
    """A port and what is known of it.

    Attributes:
        address: what `--device` takes.
        model: the model that answered, or the only one that it can be; "" if neither.
        could_be: models by USB id.
        usb: vendor:product, "" for none.
        device_id, firmware, intended_use: of the device that answered.
        note: advice, or why nobody could be asked.
    """

    address: str
    model: str = ""
    could_be: tuple[str, ...] = ()
    usb: str = ""
    description: str = ""
    device_id: str = ""
    firmware: str = ""
    intended_use: str = ""
    note: str = ""


def models_of(vid: int | None, pid: int | None) -> tuple[str, ...]:
    """Models whose USB ids these are."""
    if vid is None:
        return ()
    return tuple(name for name, model in MODELS.items() if model.usb[0] == vid and model.usb[1] in {None, pid})


def find(
    ports: Iterable[Port], *, ask: Callable[[Address], Identified] | None, latency_ms: Callable[[str], int | None]
) -> list[FoundPort]:
    """Every port with what could be there.

    Args:
        ask: asks a device who it is, which stops its output; None = nobody is asked. Only ports whose USB ids are a
            stimulator's are asked.
        latency_ms: a port's latency timer, None where it has none.
    """
    return [_look(port, ask, latency_ms) for port in sorted(ports, key=lambda port: port.device)]


def _look(
    port: Port, ask: Callable[[Address], Identified] | None, latency_ms: Callable[[str], int | None]
) -> FoundPort:
    could_be = models_of(port.vid, port.pid)
    found = FoundPort(
        address=port.device,
        model=could_be[0] if len(could_be) == 1 else "",
        could_be=could_be,
        usb=f"{port.vid:04X}:{port.pid or 0:04X}" if port.vid is not None else "",
        description=port.description or "",
        intended_use=MODELS[could_be[0]].profile.intended_use if len(could_be) == 1 else "",
        note=_latency_advice(port.device, could_be, latency_ms),
    )
    return found if ask is None or not could_be else _ask(found, ask)


def _ask(found: FoundPort, ask: Callable[[Address], Identified]) -> FoundPort:
    reasons: list[str] = []
    for model in (name for name in found.could_be if MODELS[name].asked):
        try:
            identity = ask(Address(model, found.address, simulated=False))
        except LinkLost as error:
            reasons.append(f"{model}: {error}")
            continue
        named = f"{model}:{found.address}" if len(found.could_be) > 1 else found.address
        return FoundPort(
            address=named,
            model=model,
            could_be=found.could_be,
            usb=found.usb,
            description=found.description,
            device_id=identity.device_id,
            firmware=identity.firmware,
            intended_use=MODELS[model].profile.intended_use,
            note=found.note,
        )
    note = "; ".join([*reasons, *([found.note] if found.note else [])])
    return FoundPort(
        address=found.address, could_be=found.could_be, usb=found.usb, description=found.description, note=note
    )


def _latency_advice(device: str, could_be: tuple[str, ...], latency_ms: Callable[[str], int | None]) -> str:
    if not any(MODELS[name].usb[1] is None for name in could_be):
        return ""
    found_ms = latency_ms(device)
    if found_ms is None or found_ms <= LATENCY_MS:
        return ""
    return f"latency timer {found_ms} ms, the maker asks for {LATENCY_MS} ms (estim sets it when it may)"


def linux_latency_ms(device: str) -> int | None:
    """The FTDI latency timer of a port on Linux; None elsewhere."""
    try:
        return int(Path("/sys/bus/usb-serial/devices", Path(device).name, "latency_timer").read_text("ascii"))
    except (OSError, ValueError):
        return None


def list_devices(*, probe: bool) -> list[dict[str, object]]:
    """The ports of this computer as `estim devices` gives them.

    Args:
        probe: ask what answers; a stimulator that is asked is stopped.
    """
    found = find(list_ports.comports(), ask=ask_identity if probe else None, latency_ms=linux_latency_ms)
    return [{**asdict(port), "could_be": list(port.could_be)} for port in found]

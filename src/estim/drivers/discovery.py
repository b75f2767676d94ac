"""Which ports there are, what could be behind them by their USB ids, and, only when told to, who answers there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from serial.tools import list_ports

from estim.drivers.address import Address
from estim.drivers.asking import ask_identity
from estim.drivers.models import MODELS
from estim.platform.processes import who_holds
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
        usb_serial: of its USB converter, as the system reads it without asking the device.
        holder: who has the port open, with the number of the process; "" for nobody that can be told.
        lasting: a name of the port that stays when a hub or another socket renames it; "" where there is none.
        cure: what to do first, in one line; "" where nothing is in the way.
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
    usb_serial: str = ""
    holder: str = ""
    lasting: str = ""
    cure: str = ""


def models_of(vid: int | None, pid: int | None) -> tuple[str, ...]:
    """Models whose USB ids these are."""
    if vid is None:
        return ()
    return tuple(name for name, model in MODELS.items() if model.usb[0] == vid and model.usb[1] in {None, pid})


def nobody(_device: str) -> str:
    """No port is held."""
    return ""


def find(
    ports: Iterable[Port],
    *,
    ask: Callable[[Address], Identified] | None,
    latency_ms: Callable[[str], int | None],
    holder: Callable[[str], str] = nobody,
    lasting: Callable[[str], str] = nobody,
) -> list[FoundPort]:
    """Every port with what could be there.

    Args:
        ask: asks a device who it is, which stops its output; None = nobody is asked. Only ports whose USB ids are a
            stimulator's are asked.
        latency_ms: a port's latency timer, None where it has none.
        holder: who has a port open. lasting: a name of it that stays.
    """
    found = [
        _look(port, ask, latency_ms, holder(port.device), lasting(port.device))
        for port in sorted(ports, key=lambda port: port.device)
    ]
    return [replace(one, cure=_cure(one, found)) for one in found]


def _cure(one: FoundPort, found: list[FoundPort]) -> str:
    """The first thing that stands between this port and a session."""
    if not one.could_be:
        return ""
    if one.holder:
        return f"held by {one.holder}: end that program, or look on with: estim console --observe"
    alike = [other for other in found if set(other.could_be) & set(one.could_be)]
    if len(alike) > 1 and not one.device_id:
        told = one.usb_serial and all(other.usb_serial != one.usb_serial for other in alike if other is not one)
        by = f"by the serial number on its type plate ({one.usb_serial})" if told else "one at a time"
        return f"{len(alike)} ports could be this stimulator: plug them in {by}, or ask them all: estim devices --probe"
    return ""


NOBODY_ANSWERS = (
    "is it switched on, and plugged in with its own cable (one that only charges has no data lines)? Try another cable "
    "and socket, without a hub"
)


def nothing_plugged() -> str:
    """What to do where no port could be a stimulator's."""
    return (
        "no stimulator is seen: switch it on and plug its own USB cable in here; a cable that only charges has no data "
        "lines, so try another one, then another socket without a hub"
    )


def _look(
    port: Port,
    ask: Callable[[Address], Identified] | None,
    latency_ms: Callable[[str], int | None],
    holder: str,
    lasting: str,
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
        usb_serial=port.serial_number or "",
        holder=holder,
        lasting=lasting,
    )
    return found if ask is None or not could_be or holder else _ask(found, ask)


def _ask(found: FoundPort, ask: Callable[[Address], Identified]) -> FoundPort:
    reasons: list[str] = []
    for model in (name for name in found.could_be if MODELS[name].asked):
        try:
            identity = ask(Address(model, found.address, simulated=False))
        except LinkLost as error:
            reasons.append(f"{model}: {error}")
            continue
        named = f"{model}:{found.address}" if len(found.could_be) > 1 else found.address
        return replace(
            found,
            address=named,
            model=model,
            device_id=identity.device_id,
            firmware=identity.firmware,
            intended_use=MODELS[model].profile.intended_use,
        )
    note = "; ".join([*reasons, *([found.note] if found.note else [])])
    return replace(found, model="", intended_use="", note=note)


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


def linux_lasting(device: str, folder: Path = Path("/dev/serial/by-id")) -> str:
    """The name by which Linux knows a port whatever its number; "" where it has none."""
    try:
        return next((str(link) for link in sorted(folder.iterdir()) if link.resolve() == Path(device).resolve()), "")
    except OSError:
        return ""


def _holder(device: str) -> str:
    held = who_holds(device)
    return f"{held[1]} (process {held[0]})" if held is not None else ""


def list_devices(*, probe: bool) -> list[dict[str, object]]:
    """The ports of this computer as `estim devices` gives them.

    Args:
        probe: ask what answers; a stimulator that is asked is stopped.
    """
    found = find(
        list_ports.comports(), ask=ask_identity if probe else None, latency_ms=linux_latency_ms, holder=_holder,
        lasting=linux_lasting,
    )  # fmt: skip
    return [{**asdict(port), "could_be": list(port.could_be)} for port in found]

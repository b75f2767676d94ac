"""Device addresses: a serial port, `socket://host:port`, each with `MODEL:` before it where it can't be told by asking.

`sim://` is none of these: `cli` turns it into a simulator process and a `socket://` address.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from estim.drivers.link import ByteLink
from estim.drivers.models import MODELS
from estim.safety.errors import UsageError, quoted

PORT_MAX = 65_535
_SOCKET = re.compile(r"^socket://(?P<host>\[[0-9a-fA-F:]+\]|[^:/\[\]]+):(?P<port>[0-9]{1,5})/?$")
_MODEL = re.compile(r"^(?P<sim>sim\+)?(?P<model>[a-z0-9]+):(?P<rest>.*)$")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device is.

    Attributes:
        model: which driver speaks with it.
        url: port or `socket://host:port`.
        simulated: said to lead to a simulator.
        named: what a person named, where that is something else: `sim://` leads to a socket that nobody chose.
    """

    model: str
    url: str
    simulated: bool
    named: str = ""

    @property
    def said(self) -> str:
        """As people are told it."""
        return self.named or self.url


def parse_address(text: str, *, simulated: bool = False) -> Address:
    """An address from a command line.

    Raises:
        UsageError: not an address, or an unknown model.
    """
    model, rest, said_simulated = "p24", text, simulated
    match = _MODEL.match(text)
    if match and match["model"] in MODELS:
        model, rest, said_simulated = match["model"], match["rest"], simulated or bool(match["sim"])
    elif match and (match["sim"] or match["rest"].startswith(("/dev/", "socket://", "COM"))):
        raise UsageError(f"device {quoted(text)}: no model {quoted(match['model'])}; there are {', '.join(MODELS)}")
    if not rest.strip():
        raise UsageError(f"device {quoted(text)} names no port")
    where = _SOCKET.match(rest)
    if where and not 0 < int(where["port"]) <= PORT_MAX:
        raise UsageError(f"device {quoted(text)}: a TCP port is 1 to {PORT_MAX}")
    if "://" in rest and not where:
        raise UsageError(f"device {quoted(text)}: a serial port, socket://host:port or sim://MODEL")
    return Address(model, rest, said_simulated)


def link_opener(address: Address) -> Callable[[], ByteLink]:
    """What opens the link, with its module loaded: a take-over on a busy machine has no time for that.

    The opener raises LinkLost where it can't be opened.
    """
    match = _SOCKET.match(address.url)
    if match:
        from estim.drivers.socket_link import SocketLink  # noqa: PLC0415 - only one of both is ever needed

        return lambda: SocketLink(match["host"].strip("[]"), int(match["port"]))
    from estim.drivers.serial_link import SerialLink  # noqa: PLC0415

    return lambda: SerialLink(address.url, MODELS[address.model])


def open_link(address: Address) -> ByteLink:
    """The open link.

    Raises:
        LinkLost: it can't be opened.
    """
    return link_opener(address)()

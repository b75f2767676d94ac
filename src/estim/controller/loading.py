"""From a request's protocol name to the protocol itself: library, own file or path. The controller reads files, the
engine none.
"""

from __future__ import annotations

from pathlib import Path

from estim.controller.interface import ConfigureFrom
from estim.protocols.catalogue import find, refuse_clash
from estim.protocols.loader import load_with_digest
from estim.protocols.schema import Protocol
from estim.safety.errors import Problem, ProtocolError
from estim.session.events import Configure

__all__ = ["find", "load_for", "load_runnable"]


def load_runnable(source: str, *, own: Path | None = None) -> tuple[Protocol, str]:
    """The protocol and its digest, if it may be run at all.

    Raises:
        ProtocolError: not found, not valid, or for reference only.
    """
    path = find(source, own=own)
    protocol, digest = load_with_digest(path)
    refuse_clash(protocol, path, own)
    if not protocol.runnable:
        refused = Problem(
            severity="refuse",
            key="basis",
            message=f"{protocol.id} can't be run: {protocol.not_runnable_because}",
            asked=protocol.basis,
            rule="not-runnable",
        )
        raise ProtocolError([refused])
    return protocol, digest


def load_for(request: ConfigureFrom, *, own: Path | None = None) -> Configure:
    """The engine's event for a front's request.

    Raises:
        ProtocolError: as `load_runnable`.
    """
    protocol, digest = load_runnable(request.source, own=own)
    return Configure(
        id=request.id, protocol=protocol, protocol_sha256=digest, setup=request.setup, purpose=request.purpose
    )

"""From a front's request to the engine's event: the controller reads the protocol's file, the engine reads none."""

from __future__ import annotations

from pathlib import Path

from estim.controller.interface import ConfigureFrom
from estim.protocols.catalogue import load_runnable
from estim.session.events import Configure


def load_for(request: ConfigureFrom, *, own: Path | None = None) -> Configure:
    """The engine's event for a front's request.

    Raises:
        ProtocolError: as `load_runnable`.
    """
    protocol, digest = load_runnable(request.source, own=own)
    return Configure(
        id=request.id, protocol=protocol, protocol_sha256=digest, setup=request.setup, purpose=request.purpose
    )

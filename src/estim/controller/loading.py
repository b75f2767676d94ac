"""From a front's request to the engine's event: the controller reads the protocol's file, the engine reads none."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from estim.controller.interface import ConfigureFrom
from estim.protocols.catalogue import load_runnable
from estim.records.spacing import Past, too_early
from estim.safety.errors import ProtocolError
from estim.session.events import Configure


def load_for(request: ConfigureFrom, *, own: Path | None = None, past: Sequence[Past] = ()) -> Configure:
    """The engine's event for a front's request.

    Args:
        past: what this patient had lately: a session before its time needs `setup.early_reason`.

    Raises:
        ProtocolError: as `load_runnable`, or it is too early and no reason is given.
    """
    protocol, digest = load_runnable(request.source, own=own)
    early = too_early(protocol, digest, past, datetime.datetime.now().astimezone())
    if early and not request.setup.early_reason.strip():
        raise ProtocolError(early)
    return Configure(
        id=request.id, protocol=protocol, protocol_sha256=digest, setup=request.setup, purpose=request.purpose
    )

"""From a request's protocol name to the protocol itself: library, own file or path. The controller reads files, the
engine none.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from estim.controller.interface import ConfigureFrom
from estim.protocols import library
from estim.protocols.loader import load_with_digest
from estim.protocols.schema import Protocol
from estim.safety.errors import Problem, ProtocolError
from estim.session.events import Configure


def find(source: str, *, own: Path | None = None) -> Path:
    """The file that `source` names: a path, an own protocol, or one of the library's.

    Raises:
        ProtocolError: nothing has this name; near ones are listed.
    """
    path = Path(source)
    if path.suffix == ".toml" or path.exists():
        return path
    if own is not None and (own / f"{source}.toml").exists():
        return own / f"{source}.toml"
    if source in library.names():
        return library.path(source)
    near = difflib.get_close_matches(source, library.names(), n=3)
    hint = f"; near: {', '.join(near)}" if near else "; `estim protocols list` shows them all"
    raise ProtocolError(
        [Problem(severity="refuse", key="protocol", message=f"there is no protocol {source!r}{hint}", rule="file")]
    )


def load_runnable(source: str, *, own: Path | None = None) -> tuple[Protocol, str]:
    """The protocol and its digest, if it may be run at all.

    Raises:
        ProtocolError: not found, not valid, or for reference only.
    """
    protocol, digest = load_with_digest(find(source, own=own))
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

"""All protocol files that a session may be made of: the library's, and the site's own in `--home`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from estim.protocols import library
from estim.protocols.loader import load, load_with_digest
from estim.protocols.muscles import why_not
from estim.protocols.schema import Protocol
from estim.safety.errors import Problem, ProtocolError, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file.

    Attributes:
        name: what it is called on a command line: the file's name without `.toml`.
        own: it lies in `--home`, not in the library.
        protocol: None where the file can't be used; `problems` says why.
    """

    name: str
    path: Path
    own: bool
    protocol: Protocol | None
    problems: tuple[Problem, ...] = ()


def own_files(own: Path | None) -> tuple[Path, ...]:
    """The site's own files, by name; none where there is no such folder."""
    return tuple(sorted(own.glob("*.toml"))) if own is not None else ()


def entries(own: Path | None = None) -> tuple[Entry, ...]:
    """Every file, the library's first. One that is no protocol, or whose id another file has, comes with its reason."""
    found = [_entry(name, library.path(name), own=False) for name in library.names()]
    taken = {entry.name: "a protocol of the library" for entry in found}
    for path in own_files(own):
        entry = _entry(path.stem, path, own=True)
        if entry.protocol is not None and entry.protocol.id in taken:
            problem = id_clash(entry.protocol.id, taken[entry.protocol.id])
            entry = Entry(name=entry.name, path=path, own=True, protocol=None, problems=(problem,))
        elif entry.protocol is not None:
            taken[entry.protocol.id] = str(path)
        found.append(entry)
    return tuple(found)


def _entry(name: str, path: Path, *, own: bool) -> Entry:
    try:
        return Entry(name=name, path=path, own=own, protocol=load(path))
    except ProtocolError as error:
        return Entry(name=name, path=path, own=own, protocol=None, problems=error.problems)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def id_clash(id: str, holder: str) -> Problem:  # noqa: A002
    """Two protocols must never answer to one name: a record would not say which was played."""
    return Problem(
        severity="refuse",
        key="id",
        message=f"id {quoted(id)} belongs to {holder} already; choose another one, a record must tell the two apart",
        asked=id,
        allowed="an id that no other protocol has",
        rule="id-clash",
    )


def refuse_clash(protocol: Protocol, path: Path, own: Path | None) -> None:
    """An own file may not take the id of another one.

    Raises:
        ProtocolError: it does.
    """
    if own is None or path.absolute().parent != own.absolute():
        return
    if protocol.id in library.names():
        raise ProtocolError([id_clash(protocol.id, "a protocol of the library")], path=path)
    for other in own_files(own):
        if other.name == path.name:
            break  # the first file by name holds the id; later ones clash with it
        found = _entry(other.stem, other, own=True).protocol
        if found is not None and found.id == protocol.id:
            raise ProtocolError([id_clash(protocol.id, str(other))], path=path)


def find(source: str, *, own: Path | None = None) -> Path:
    """The file that `source` names: a path, an own protocol (by file name or id), or one of the library's.

    Raises:
        ProtocolError: nothing has this name; near ones are listed.
    """
    path = Path(source)
    if source and (path.suffix == ".toml" or _exists(path)):  # an empty name is no path: it would be this folder
        return path
    if source in library.names():
        return library.path(source)
    files = own_files(own)
    for file in files:
        if file.stem == source:
            return file
    for file in files:
        found = _entry(file.stem, file, own=True).protocol
        if found is not None and found.id == source:
            return file
    refusal = why_not(source)
    if refusal is not None:
        words = refusal.sentence()
        raise ProtocolError(
            [Problem(severity="refuse", key="protocol", message=words, asked=source, rule="not-treated")]
        )
    known = [*library.names(), *(file.stem for file in files)]
    near = difflib.get_close_matches(source, known, n=3)
    hint = f"; near: {', '.join(near)}" if near else "; `estim protocols list` shows them all"
    raise ProtocolError(
        [
            Problem(
                severity="refuse",
                key="protocol",
                message=f"there is no protocol {quoted(source)}{hint}",
                asked=source,
                rule="file",
            )
        ]
    )


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

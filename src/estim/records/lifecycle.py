"""The life of a home: backup and restore, sealed sessions compressed, older formats linked to what newer ones have.

Nothing here changes a byte of what a record says: what is compressed is the same plain bytes, and a migration writes a
line beside, in the station's chain.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

import zstandard

from estim.platform.files import make_durable, make_new, no_device, sync_folder, trouble
from estim.protocols.unseen import in_one_line
from estim.records.anchor import Anchor, against, make_anchor, read_anchors
from estim.records.clocks import milliseconds
from estim.records.home import Home
from estim.records.in_chain import at_home, in_its_chain
from estim.records.index_file import FILES
from estim.records.keys import known_keys
from estim.records.master import KINDS
from estim.records.master_seen import MARKS
from estim.records.people_keys import people_keys, put_back, read_keys
from estim.records.personal import FOLDER
from estim.records.quick import verify_quickly
from estim.records.segment import PACKED, digest_of, read_segment, segments
from estim.records.station import enter_station, station_lines, trusted_keys
from estim.records.verify import SEALED_FILES, read_record, verify_session
from estim.safety.errors import RecordError

MANIFEST = "manifest.json"
# Made anew from the rest, or of this moment alone.
_LEFT_OUT = (*FILES, MARKS, "open", "logs", "observe")
_LEVEL = 10  # a record is written once and read seldom: some 7 times smaller at 60 MB/s


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds: files, plain bytes, and the anchor of the home at that moment; what it could not take in,
    and why.
    """

    files: int
    size: int
    anchor: str
    left: tuple[tuple[str, str], ...] = ()


def backup(home: Path, target: Path, *, with_key: bool = True) -> BackedUp:
    """Everything of a home that can't be made anew, in one compressed file with a manifest; readable by its owner.

    Args:
        with_key: the station's private key too; without it the restored home needs a new one.

    Raises:
        RecordError: the file is there already, or something can't be read or written; nothing is left half done.
    """
    if not target.name:
        raise RecordError(f"{target}: is a folder; name the file of the backup in it")
    people = people_beside(target)
    for one in (target, people):
        if os.path.lexists(one):
            raise RecordError(f"{one}: is there already; a backup replaces none")
    anchor = str(make_anchor(home))
    left: list[tuple[str, str]] = []
    found = {path.relative_to(home).as_posix(): path for path in sorted(_kept(home, left, with_key=with_key))}
    part = target.with_name(target.name + ".part")
    size, with_people = 0, False
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as raw:
            packer = zstandard.ZstdCompressor(level=_LEVEL).stream_writer(raw, closefd=False)
            with packer, tarfile.open(fileobj=packer, mode="w|") as tape:
                digests = {}
                for name, path in found.items():
                    data = no_device(path).read_bytes()  # one look: what is said is said of the bytes that are kept
                    digests[name] = digest_of(data)
                    size += len(data)
                    _put(tape, name, data)
                said = {"anchor": anchor, "files": digests, "with_key": with_key}
                _put(tape, MANIFEST, json.dumps(said, indent=1).encode("utf-8"))
            raw.flush()
            make_durable(raw.fileno())
        make_new(people, json.dumps(people_keys(home), indent=1).encode("utf-8"))
        with_people = True
        part.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        if with_people:
            people.unlink(missing_ok=True)
        about = f"{error.filename}: " if error.filename not in {None, str(target), str(part)} else ""
        raise RecordError(f"{target}: the backup can't be made: {about}{trouble(error)}") from None
    return BackedUp(len(found), size, anchor, tuple(left))


def people_beside(target: Path) -> Path:
    """The file beside a backup that holds the keys of people's own words; without it the words stay closed."""
    return target.with_name(target.name + ".people")


def _kept(home: Path, left: list[tuple[str, str]], *, with_key: bool) -> Iterator[Path]:
    """Every file of a home that a backup holds, also where a link leads: what the program reads through it is the
    home's. `left` takes what can't be kept, and why.
    """
    for place, folders, names in os.walk(home, followlinks=True):
        folder = Path(place)
        for name in sorted(folders):
            if (folder / name).is_symlink() and Path(place).resolve().is_relative_to((folder / name).resolve()):
                left.append((str(folder / name), "a link that leads in a circle"))
                folders.remove(name)
        for name in sorted(names):
            path = folder / name
            inside = path.relative_to(home)
            if inside.parts[0] in _LEFT_OUT or path.suffix == ".lock":
                continue
            if inside.is_relative_to(FOLDER):
                continue  # beside the backup, in a file of its own: an erasure must be able to reach it
            if inside.parts[0] == "keys" and name.startswith("station.key") and not with_key:
                continue
            if path.is_file():
                yield path
            else:
                left.append((str(path), _no_file(path)))


def _no_file(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        return f"a link to {os.readlink(path)}, which is not there"
    return "a pipe or a device, and no file"


def _put(tape: tarfile.TarFile, name: str, data: bytes) -> None:
    row = tarfile.TarInfo(name)
    row.size, row.mode = len(data), 0o600
    tape.addfile(row, io.BytesIO(data))


def restore(source: Path, home: Path, *, operator: str, reason: str) -> Anchor:
    """Put a backup into a home that is empty. The home then says that it was put back, and how far it had come.

    Raises:
        RecordError: the home is not empty, the file or the one of people's keys beside it is damaged or none of ours,
            or a file's digest does not fit.
    """
    if home.exists() and any(home.iterdir()):
        raise RecordError(f"{home}: is not empty; a backup is put back into an empty home")
    people = read_keys(people_beside(source)) if people_beside(source).exists() else []
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        digests, manifest = {}, None
        with (
            source.open("rb") as raw,
            zstandard.ZstdDecompressor().stream_reader(raw) as plain,
            tarfile.open(fileobj=plain, mode="r|") as tape,
        ):
            for row in tape:
                file = tape.extractfile(row)
                data = file.read() if file is not None else b""
                if row.name == MANIFEST:
                    manifest = json.loads(data)
                    continue
                digests[row.name] = digest_of(data)
                _write(home, row.name, data)
    except (OSError, tarfile.TarError, zstandard.ZstdError, ValueError, RecursionError) as error:
        raise RecordError(_not_put_back(source, home, error)) from None
    if not isinstance(manifest, dict) or manifest.get("files") != digests:
        raise RecordError(f"{source}: files are missing or changed; what could be read lies in {home}")
    anchor, *more = read_anchors(str(manifest.get("anchor")))
    if more:
        raise RecordError(f"{source}: a backup has one anchor, this one has {1 + len(more)}")
    wrong = against(home, anchor)
    if wrong:
        raise RecordError(f"{source}: the home in it does not continue its own anchor: {wrong}")
    put_back(home, people, station_lines(home))
    enter_station(home, "restored", **{"from": str(anchor)}, operator=operator, reason=reason)
    return anchor


def _not_put_back(source: Path, home: Path, error: Exception) -> str:
    """Why a backup is not back, and whether it is the backup or the new home that fails."""
    again = f" What was put into {home} until then is no whole home: remove it, then begin again."
    half = again if home.is_dir() and any(home.iterdir()) else ""
    if isinstance(error, OSError):
        where = Path(str(error.filename or source))
        if where.absolute().is_relative_to(home.absolute()):
            return f"{where}: it can't be written: {trouble(error)}.{half}"
        return f"{source}: this backup can't be read: {trouble(error)}.{half}"
    why = (
        str(error) if isinstance(error, _OutOfHome) else "it was cut off or changed, or is no file of `records backup`"
    )
    return f"{source}: this backup can't be read: {why}.{half}"


class _OutOfHome(ValueError):
    """A backup that names a place outside the home that it is put into."""


def _write(home: Path, name: str, data: bytes) -> None:
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts or "\\" in name or ":" in name:  # the last two as Windows has it
        raise _OutOfHome(f"{name} leads out of the home")
    path = home.joinpath(*inside.parts)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    make_new(path, data)


@dataclass(frozen=True, slots=True)
class Archived:
    """What an archiving did: sessions, bytes before and after, and those that were left alone and why."""

    sessions: tuple[str, ...]
    before: int
    after: int
    left: tuple[tuple[str, str], ...]


def archive(home: Home, *, older_than_days: int, now: datetime, operator: str, reason: str) -> Archived:
    """Compress sealed sessions that are old enough, where they lie. They verify as before.

    Raises:
        RecordError: the station's chain can't be written.
    """
    limit_ms = int((now - timedelta(days=older_than_days)).timestamp() * 1_000)
    keys = trusted_keys(home.root)[0]
    done: list[str] = []
    left: list[tuple[str, str]] = []
    before = after = 0
    for kind in KINDS:
        root = home.root / "records" / kind
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            files = [path for path in segments(folder) if path.suffix != PACKED] if folder.is_dir() else []
            if not files or _began_ms(folder.name) > limit_ms:
                continue
            verdict = in_its_chain(folder, at_home(verify_quickly(folder, keys=keys)), keys)
            if not verdict.ok:
                left.append((in_one_line(folder.name), verdict.reason))
                continue
            sizes = [_pack(path) for path in files]
            done.append(folder.name)
            before += sum(size for size, _ in sizes)
            after += sum(size for _, size in sizes)
    if done:
        listed = hashlib.sha256("\n".join(done).encode("utf-8", "surrogateescape")).hexdigest()
        enter_station(
            home.root, "archived", archive="in place", sha256=listed, sessions=len(done), operator=operator,
            reason=reason,
        )  # fmt: skip
    return Archived(tuple(done), before, after, tuple(left))


def _began_ms(name: str) -> int:
    stamp = name.split("Z-", maxsplit=1)[0]
    return milliseconds(f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T00:00:00+00:00") if len(stamp) >= 8 else 0


def _pack(path: Path) -> tuple[int, int]:
    """Compress one file beside itself, read it back, then let the plain one go."""
    data = path.read_bytes()
    packed = path.with_name(path.name + PACKED)
    part = packed.with_name(packed.name + ".part")
    part.write_bytes(zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(data))
    part.chmod(0o600)
    if zstandard.ZstdDecompressor().decompress(part.read_bytes()) != data:
        part.unlink()
        raise RecordError(f"{path}: what was compressed does not read back; the file stands as it was")
    with part.open("rb+") as file:
        make_durable(file.fileno())
    part.replace(packed)
    sync_folder(path.parent)
    path.unlink()
    return len(data), packed.stat().st_size


def migrate(home: Home, *, operator: str, reason: str) -> tuple[str, ...]:
    """Sealed sessions of formats before 3: the digests of their files, as a seal has them now, in a signed line.

    The original is not touched; the line names its head. Gives the sessions.

    Raises:
        RecordError: the station's chain can't be written.
    """
    known = {str(entry["session"]) for entry in station_lines(home.root) if entry["event"] == "migrated"}
    keys = known_keys(home.root)
    done = []
    for kind in KINDS:
        root = home.root / "records" / kind
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            if not folder.is_dir() or folder.name in known or not segments(folder):
                continue
            form = read_record(folder).entries[:1]
            number = form[0].fields.get("format") if form else None
            verdict = verify_session(folder, keys=keys)
            if verdict.sealed and (type(number) is not int or number < SEALED_FILES):
                files = [digest_of(read_segment(path)) for path in segments(folder)]
                enter_station(
                    home.root, "migrated", session=folder.name, head=verdict.head, format=number or 0, segments=files,
                    operator=operator, reason=reason,
                )  # fmt: skip
                done.append(folder.name)
    return tuple(done)

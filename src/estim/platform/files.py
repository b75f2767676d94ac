"""Files: on the medium when they are said to be, their owner's alone, replaced as a whole, and locked."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO, cast

PRIVATE_UMASK = 0o077
# Who has a file open keeps it from being replaced on Windows; readers of ours have it open for milliseconds.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC})
LARGEST_BYTES = 1 << 29  # a day of the densest session, or the chain of 800,000 sessions, is smaller
BUSY_WAIT_S = 1.0
BUSY_LOOK_S = 0.01


def trouble(error: OSError) -> str:
    """What is wrong, in the system's own words; of a disk without room also what helps."""
    said = error.strerror or str(error)
    return f"{said}: make room on that disk, or name a folder on another one (--home)" if error.errno in FULL else said


def unread(error: Exception) -> str:
    """Why a file could not be taken for what it should be, in words for a person and none of the language's own."""
    if isinstance(error, OSError):
        return trouble(error)
    if isinstance(error, UnicodeDecodeError):
        return f"it is no text in UTF-8, from its byte {error.start} on"
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON, from line {error.lineno}, column {error.colno} on"
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return f"it lacks {error.args[0]!r}"
    if isinstance(error, RecursionError):
        return "it is nested without end"
    return "it has not the shape of such a file"


def _held(error: OSError, file: BinaryIO) -> bool:
    """False for a lock that somebody has; a file system without locks (some shares) would let two write one record."""
    # Windows says the second or the third; under Wine its C library sets no number at all.
    if error.errno in {errno.EAGAIN, errno.EACCES, errno.EDEADLK, 0}:
        return False
    why = f"can't be locked ({error.strerror}): keep the home on a disk of this computer"
    raise OSError(error.errno, why, str(file.name)) from None


if sys.platform == "win32":
    import msvcrt

    def make_durable(fd: int) -> None:
        """Wait until everything written to `fd` is on the medium."""
        os.fsync(fd)

    def try_lock(file: BinaryIO) -> bool:
        """Take the lock on an open file, if nobody has it.

        Raises:
            OSError: nothing can be locked there.
        """
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            return _held(error, file)
        return True

    def sync_folder(folder: Path) -> None:
        """Make the folder's entries durable: NTFS keeps them in its journal and gives no handle to ask for it."""

else:
    import fcntl

    _FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)

    def make_durable(fd: int) -> None:
        """Wait until everything written to `fd` is on the medium.

        macOS' fsync reaches the drive's own buffer alone; F_FULLFSYNC empties that too. File systems that do not have
        it (network shares) refuse it, and then fsync is all there is.
        """
        if _FULL_SYNC is not None:
            with contextlib.suppress(OSError):
                fcntl.fcntl(fd, _FULL_SYNC)
                return
        os.fsync(fd)

    def try_lock(file: BinaryIO) -> bool:
        """Take the lock on an open file, if nobody has it.

        Raises:
            OSError: nothing can be locked there.
        """
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return _held(error, file)
        return True

    def sync_folder(folder: Path) -> None:
        """Make the folder's entries durable (a new file's name is not, until its folder is)."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            make_durable(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def locked(path: Path, *, wait_s: float) -> Iterator[None]:
    """Hold the lock on `path`; the file is made if there is none and stays. It falls with the process that holds it.

    Raises:
        TimeoutError: another process does not give it back.
        OSError: the file can't be opened.
    """
    until = time.monotonic() + wait_s
    with open_private(path, "a+b") as file:
        while not try_lock(file):
            if time.monotonic() > until:
                raise TimeoutError(f"held by another process for {wait_s:g} s")
            time.sleep(0.005)
        yield  # closing the file lets the lock go


def replace_whole(path: Path, data: bytes) -> None:
    """Put `data` in the place of `path`, readable by its owner alone. The old file stands until the new one is whole.

    Raises:
        OSError: it can't be written; the old file stands and nothing is left beside it.
    """
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".new")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            make_durable(file.fileno())
        _put_in_place(Path(fresh), path)
    except OSError as error:
        Path(fresh).unlink(missing_ok=True)
        raise _named(error, path) from None
    sync_folder(path.parent)


def make_new(path: Path, data: bytes, *, private: bool = True) -> None:
    """A file that was not there before, whole and durable; where it can't be written whole, nothing of it is left.

    Raises:
        FileExistsError: something is there.
        OSError: it can't be written.
    """
    with open(path, "xb", buffering=0, opener=_for_owner if private else None) as file:
        try:
            while data:
                data = data[file.write(data) :]
            make_durable(file.fileno())
        except OSError as error:
            file.close()
            path.unlink(missing_ok=True)
            raise _named(error, path) from None
    sync_folder(path.parent)


def _named(error: OSError, path: Path) -> OSError:
    """With the file that it is about; what a write says names none."""
    return error if error.filename else OSError(error.errno, error.strerror, str(path))


def put_whole(path: Path, data: bytes) -> None:
    """Write a file that a person named, as `putting_whole` does.

    Raises:
        OSError: it can't be written.
    """
    with putting_whole(path) as file:
        file.buffer.write(data)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """What fails while this file is written says its name: writing itself, unlike opening, tells none."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


@contextlib.contextmanager
def putting_whole(path: Path) -> Iterator[TextIO]:
    """A file that a person named, for text that is written piece by piece. It is there once all of it is; one that is
    there stands until then and keeps who may read it. Where that fails, or what writes it does, no half is left. Into a
    pipe or a terminal it goes as it comes.

    Raises:
        OSError: it can't be written.
    """
    if path.exists() and not path.is_file():  # a pipe or a terminal
        with naming(path), path.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        return
    target = path.resolve()  # behind a link, the file that it names
    fresh = target.with_name(f"{target.name}.{os.urandom(4).hex()}.new")
    try:
        with fresh.open("x", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            make_durable(file.fileno())
        if target.exists():
            fresh.chmod(stat.S_IMODE(target.stat().st_mode))
        _put_in_place(fresh, target)
    except BaseException as error:
        fresh.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in {None, str(fresh)}:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    sync_folder(target.parent)


def _put_in_place(fresh: Path, path: Path) -> None:
    until = time.monotonic() + BUSY_WAIT_S
    while True:
        try:
            fresh.replace(path)
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > until:
                raise
            time.sleep(BUSY_LOOK_S)  # somebody reads the old one
        else:
            return


def private_folder(folder: Path, *, exist_ok: bool = True) -> None:
    """Make a folder, and those above it that are missing, their owner's alone.

    Raises:
        OSError: it can't be made, or is there and must not be.
    """
    if not folder.parent.exists():
        private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=exist_ok)


def no_device(path: Path) -> Path:
    """The path itself, where it can be read to an end: a pipe or a device in a file's place holds its reader for ever,
    and a file of holes alone, which takes no room on its disk, takes all of the memory.

    Raises:
        OSError: it leads to one.
    """
    try:
        found = path.stat()
    except (OSError, ValueError):
        return path  # whoever opens it is told
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise OSError(errno.EINVAL, "it is a pipe or a device and no file", str(path))
    if stat.S_ISREG(found.st_mode) and found.st_size > LARGEST_BYTES:
        said = f"its {found.st_size / 1e6:,.0f} MB are more than this program writes into one file"
        raise OSError(errno.EFBIG, said, str(path))
    return path


def open_private(path: Path, mode: str) -> BinaryIO:
    """Open a file, bytes and without a buffer of its own; one that is made is its owner's alone.

    Raises:
        OSError: it can't be opened.
    """
    return cast("BinaryIO", open(path, mode, buffering=0, opener=_for_owner))


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def make_private() -> None:
    """Whatever this process makes from now on belongs to its owner alone (POSIX; on Windows a folder in the profile
    inherits an access list that names the owner, the system and the administrators).
    """
    if sys.platform != "win32":
        os.umask(PRIVATE_UMASK)


def others_may_read(path: Path) -> bool:
    """Whether the file's own mode lets other users of this machine in; never on Windows, where modes mean nothing."""
    return sys.platform != "win32" and bool(path.stat().st_mode & PRIVATE_UMASK)


def who_may_read(path: Path) -> str:
    """Who can read a file closed to others, in words: what its mode says, or what Windows' folder says in its place."""
    if sys.platform != "win32":
        return "readable by its owner alone"
    profile = Path(os.path.expanduser("~"))  # Path.home() raises where nothing names one
    if path.resolve().is_relative_to(profile.resolve()):
        return f"in the profile {profile}, whose access list it inherits; the list itself was not read"
    return f"outside the profile {profile}: who may read it was not read; see Security in the file's properties"


def take_back(root: Path) -> int:
    """Close a folder and all in it to other users, where it is this user's own; gives how many entries were open.

    Raises:
        OSError: the file system has no owners (FAT, some shares) or refuses.
    """
    if sys.platform == "win32" or not root.is_dir():
        return 0
    changed = 0
    mine = os.getuid()
    for folder, _, names in os.walk(root):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            status = os.lstat(path)
            if status.st_uid == mine and status.st_mode & PRIVATE_UMASK and not os.path.islink(path):
                os.chmod(path, status.st_mode & 0o700)
                changed += 1
    return changed

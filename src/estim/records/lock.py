"""A lock on a file between processes; it falls with the process that holds it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from estim.platform import files
from estim.platform.files import try_lock
from estim.safety.errors import RecordError

__all__ = ["LOCK_WAIT_S", "locked", "try_lock"]

# What happens under a lock takes some milliseconds; 5 s of waiting means that another process hangs with it in hand.
LOCK_WAIT_S = 5.0


@contextlib.contextmanager
def locked(path: Path, *, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold `path`; it is made if there is none and stays.

    Raises:
        RecordError: another process does not give it back.
        OSError: the file can't be opened.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.locked(path, wait_s=wait_s))
        except TimeoutError as error:
            raise RecordError(f"{path}: {error}") from None
        yield

"""Replacing a file as a whole: the old one stands until the new one is wholly on the disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from estim.records.segment import sync_folder


def replace_whole(path: Path, data: bytes) -> None:
    """Put `data` in the place of `path`, readable by its owner alone.

    Raises:
        OSError: it can't be written; the old file stands and nothing is left beside it.
    """
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".new")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).replace(path)
    except OSError:
        Path(fresh).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)

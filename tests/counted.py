"""Work counted instead of timed: how many bytes a reader of a stream looks at, which no other process can change."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any


class Work:
    """Bytes that were looked at: in searches for an end, in frames that were opened, in what was put together."""

    def __init__(self) -> None:
        self.looked_at = 0

    def pattern(self, made: re.Pattern[bytes]) -> Any:
        """The same pattern, counting what it looks at."""
        return _Counted(made, self)

    def opening(self, opened: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        """The same function of a frame's bytes, counting them."""

        def counted(raw: bytes) -> Any:
            self.looked_at += len(raw)
            return opened(raw)

        return counted


class _Counted:
    def __init__(self, made: re.Pattern[bytes], work: Work) -> None:
        self._made, self._work = made, work

    def match(self, stream: bytes, at: int = 0, end: int = sys.maxsize) -> re.Match[bytes] | None:
        found = self._made.match(stream, at, end)
        self._work.looked_at += 1 + (found.end() - at if found is not None else 0)
        return found

"""What an extra needs, in words that work wherever estim came from: no index is promised to have estim itself."""

from __future__ import annotations

import importlib.metadata
import re
import shlex
import sys


def how_to_get(extra: str) -> str:
    """The command that adds an extra's packages to this very Python."""
    try:
        asked = importlib.metadata.requires("estim") or []
    except importlib.metadata.PackageNotFoundError:
        asked = []
    of_extra = re.compile(rf"""extra\s*==\s*['"]{extra}['"]""")
    packages = [line.partition(";")[0].strip() for line in asked if of_extra.search(line)]
    python = shlex.quote(sys.executable or "python3")
    return f"{python} -m pip install {' '.join(shlex.quote(package) for package in packages)}"

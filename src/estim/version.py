"""Which estim this is: the release and, in a checkout, the commit and whether its files were changed since."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 2.0  # a checkout on a share that hangs keeps nobody waiting
CHANGED = ".changed"


def installed() -> str:
    """What the package's own metadata say; an installed wheel has the commit that it was built from there."""
    try:
        return importlib.metadata.version("estim")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"  # run from its folder alone, never installed


@functools.cache
def version() -> str:
    """Such as `0.2.0.dev0+g6db9b6c.changed`; without git, or outside a checkout, what was installed."""
    return at(ROOT, installed())


def at(root: Path, said: str) -> str:
    """The version of the code below `root`, where `said` is what its metadata say: these age in a checkout."""
    if not ((root / ".git").exists() and (root / "pyproject.toml").is_file()):
        return said
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-C", str(root), "describe", "--always", "--exclude=*", f"--dirty={CHANGED}"]
    try:
        told = subprocess.run(  # noqa: S603
            command,
            env={**env, "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return said
    return f"{said.partition('+')[0]}+g{told.stdout.strip()}"


def software() -> str:
    """As record, report and `--version` say it."""
    return f"estim {version()}"

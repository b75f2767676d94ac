"""What an extra needs, in words that work wherever estim came from: no index is promised to have estim itself."""

from __future__ import annotations

import importlib.metadata
import re
import shlex
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"


def how_to_get(extra: str) -> str:
    """The command that adds an extra's packages to this very Python."""
    return " ".join([for_a_shell(sys.executable or "python3"), "-m pip install", *map(for_a_shell, packages_of(extra))])


def packages_of(extra: str, project: Path = PROJECT) -> list[str]:
    """What an extra asks for, by what was installed; where estim runs from its folder alone, by the project in it."""
    try:
        asked = importlib.metadata.requires("estim") or []
    except importlib.metadata.PackageNotFoundError:
        return _of_the_folder(extra, project)
    of_extra = re.compile(rf"""extra\s*==\s*['"]{extra}['"]""")
    return [line.partition(";")[0].strip() for line in asked if of_extra.search(line)]


def _of_the_folder(extra: str, project: Path) -> list[str]:
    try:
        said = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
        return [str(package) for package in said[extra]]
    except (OSError, ValueError, KeyError):
        return []


def for_a_shell(word: str, system: str = sys.platform) -> str:
    """A word of a command as this system's shell takes it: Windows' knows double quotes alone, and `>` redirects."""
    if system != "win32":
        return shlex.quote(word)
    return word if re.fullmatch(r"[\w.:/\\-]+", word) else f'"{word}"'

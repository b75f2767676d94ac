"""The protocols that come with estim: one TOML file each, every number with its source."""

from __future__ import annotations

from pathlib import Path

from estim.safety.errors import quoted

_FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Ids of all protocols in the library, in alphabetical order."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


def path(name: str) -> Path:
    """The file of a library protocol.

    Raises:
        KeyError: no protocol has this id.
    """
    if name not in names():
        raise KeyError(f"the library has no protocol {quoted(name)}")
    return _FOLDER / f"{name}.toml"

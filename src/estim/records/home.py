"""Where things lie: one home folder for records, patients, own protocols, site limits and keys."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from estim.platform.files import unread
from estim.safety.errors import RecordError


@dataclass(frozen=True, slots=True)
class Home:
    """The folders under `--home`. Simulated records lie apart from real ones."""

    root: Path

    @property
    def protocols(self) -> Path:
        """Own protocol files."""
        return self.root / "protocols"

    @property
    def site_file(self) -> Path:
        """The site's signed limits."""
        return self.root / "site.toml"

    @property
    def patients(self) -> Path:
        """The patients' file."""
        return self.root / "patients.json"

    @property
    def operators(self) -> Path:
        """The operators' file."""
        return self.root / "operators.json"

    @property
    def logs(self) -> Path:
        """Standard error of the processes."""
        return self.root / "logs"

    def records(self, *, simulated: bool) -> Path:
        """One folder for real sessions, one for simulated ones."""
        return self.root / "records" / ("simulated" if simulated else "real")


# A home that nobody has: nothing is there, and nothing can be put there.
NOWHERE = Home(Path(os.devnull) / "no-home")


def find_home(given: str | None, *, otherwise: Home | None = None) -> Home:
    """`--home`, else `ESTIM_HOME`, else the platform's data folder.

    Args:
        otherwise: taken where no home is known at all.

    Raises:
        RecordError: none is known; the word is empty; or the path can't be a folder, since it or a part of it is none.
    """
    chosen = os.environ.get("ESTIM_HOME") if given is None else given
    if chosen is not None and not chosen.strip():  # a script's variable, never set: sessions would land elsewhere
        name, leave = ("ESTIM_HOME", "unset it") if given is None else ("--home", "leave it out")
        raise RecordError(f"home: {name} names no folder (its word is empty): give one, or {leave}")
    try:
        root = Path(chosen).expanduser().absolute() if chosen else _platform_folder() / "estim"
    except RuntimeError as error:  # this user id has no entry, no HOME is set; or `~name` is nobody
        if otherwise is not None and not chosen:
            return otherwise
        who = f"home {chosen}: {str(error).rstrip('.')}" if chosen else "no home folder is known for this user"
        raise RecordError(f"{who}: give --home FOLDER or set ESTIM_HOME") from None
    except FileNotFoundError:
        raise RecordError(f"home {chosen}: the folder that you are in is gone: give --home as a whole path") from None
    _check(root)
    return Home(root)


def _platform_folder() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    if data.is_absolute():
        return data
    if not Path(os.environ.get("HOME", "/")).is_absolute():  # an empty one is / to Python, another the folder one is in
        raise RuntimeError("HOME is no whole path")
    return Path.home() / ".local" / "share"


def _check(root: Path) -> None:
    """The home, or what of it exists, is a folder that can be looked into, and so are the folders in it."""
    try:
        str(root).encode("utf-8")
    except UnicodeEncodeError:  # neither an index nor a document could name it
        coding = sys.getfilesystemencoding()
        why = (
            "is not UTF-8"
            if coding == "utf-8"
            else f"can't be read as {coding}, this system's encoding: set PYTHONUTF8=1"
        )
        raise RecordError(f"home {root}: its name {why}") from None
    for path in (root, *root.parents):
        if _is_folder(path, root):
            break
    for path in (root / "records", *(Home(root).records(simulated=one) for one in (False, True)), root / "protocols"):
        _is_folder(path, root)


def _is_folder(path: Path, root: Path) -> bool:
    """False where nothing is.

    Raises:
        RecordError: something else is there.
    """
    what = "it is" if path == root else f"{path} is"
    try:
        kind = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise RecordError(f"home {root}: {what} a link to {os.readlink(path)}, which is not there") from None
        return False
    except (OSError, ValueError) as error:
        raise RecordError(f"home {root}: {unread(error)}") from None
    if not stat.S_ISDIR(kind):
        raise RecordError(f"home {root}: {what} a file, not a folder") from None
    return True

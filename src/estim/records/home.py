"""Where things lie: one home folder for records, patients, own protocols, site limits and keys."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


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


def find_home(given: str | None) -> Home:
    """`--home`, else `ESTIM_HOME`, else the platform's data folder."""
    chosen = given or os.environ.get("ESTIM_HOME")
    if chosen:
        return Home(Path(chosen).expanduser().absolute())
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share"))
    return Home(base / "estim")

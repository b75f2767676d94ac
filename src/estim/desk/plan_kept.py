"""A course goes by the plan that it began with: a site's own plan is a file that anybody may edit, and its gates decide
when a patient goes on. So the first course by it enters the file in the station's chain, as a register.
"""

from __future__ import annotations

from pathlib import Path

from estim.records.guard import check, digest, last_word
from estim.records.home import Home
from estim.records.station import begin_station, enter_station, station_lines
from estim.safety.errors import RecordError

PLANS = "plans"


def plan_file(name: str, home: Home) -> Path:
    """Where an own plan lies: in the home, or where its name leads."""
    return Path(name) if name.endswith(".toml") else home.root / PLANS / f"{name}.toml"


def _register(path: Path, home: Home) -> str:
    """As the station's chain names it; "" for a file that lies outside of the home."""
    folder = home.root.absolute() / PLANS
    return f"{PLANS}/{path.name}" if path.absolute().parent == folder else ""


def keep_plan(name: str, home: Home, *, operator: str) -> dict[str, str]:
    """A course begins by an own plan; gives what its first entry says of the file.

    Raises:
        RecordError: it is not the file that courses go by already, or the station's chain can't be written.
    """
    path = plan_file(name, home)
    register = _register(path, home)
    if register:
        begin_station(home.root)
        if last_word(station_lines(home.root), register) is None:
            said = {"register": register, "sha256": digest(path), "change": "a course goes by it"}
            enter_station(home.root, "register", **said, operator=operator, reason="")
        check(home.root, register)
    return {"plan_sha256": digest(path)}


def check_plan(name: str, said: str, home: Home) -> None:
    """A course looks at its plan.

    Args:
        said: the digest in the course's first entry.

    Raises:
        RecordError: the file was changed since, or is gone; and how to go on.
    """
    path = plan_file(name, home)
    register = _register(path, home)
    if register:
        check(home.root, register)
    elif said and digest(path) != said:
        what = "is not the plan that this course began with" if path.exists() else "is gone"
        raise RecordError(f"{path}: it {what}: put it back, or end the course and begin one by the new plan")

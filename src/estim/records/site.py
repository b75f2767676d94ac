"""Limits in force at this place: the absolute column and the site's, or the shipped default where no site file is."""

from __future__ import annotations

from pathlib import Path

from estim.records.home import Home
from estim.records.keys import signed_by
from estim.safety.errors import SiteFileError
from estim.safety.limits import ABSOLUTE, DEFAULT, Limits, parse_site

LEADS = "lead-keys.txt"  # public keys, hex, one a line, of those who may open limits


def lead_keys(home: Home) -> list[str]:
    """Keys of the clinicians who may sign a site file."""
    path = home.root / "keys" / LEADS
    return (
        [line.split()[-1] for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
        if path.exists()
        else []
    )


def site_limits(path: Path, leads: list[str]) -> Limits:
    """A site file's limits.

    Raises:
        SiteFileError: unsigned, unreadable or past an absolute bound.
    """

    def verify(message: bytes, signature: bytes) -> bool:
        return any(signed_by(key, message, signature) for key in leads)

    return parse_site(path.read_bytes(), verify=verify)


def limits_in_force(home: Home, *, site_file: Path | None = None) -> Limits:
    """Absolute & site. A site file that can't be used leaves the default column in force.

    Raises:
        SiteFileError: only for a file that was named on purpose.
    """
    path = site_file or home.site_file
    if site_file is None and not path.exists():
        return ABSOLUTE & DEFAULT
    try:
        return ABSOLUTE & site_limits(path, lead_keys(home))
    except SiteFileError:
        if site_file is not None:
            raise
        return ABSOLUTE & DEFAULT


def site_problem(home: Home) -> str:
    """Why the site's limits do not hold although there is a file of them; "" if they do, or there is none."""
    if not home.site_file.exists():
        return ""
    try:
        site_limits(home.site_file, lead_keys(home))
    except (SiteFileError, OSError) as error:
        return f"{home.site_file}: these limits of the site do not hold, and no real session may begin: {error}"
    return ""

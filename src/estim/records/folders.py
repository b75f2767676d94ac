"""Names of session folders: when a session began, and whose it is. Pure."""

from __future__ import annotations

import datetime
import re

SESSION = re.compile(r"\d{8}T\d{6}\.\d{1,9}Z-.+")


def safe_name(patient: str) -> str:
    """The patient's part of a session folder's name."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in patient)[:40]


def folder_name(moment: datetime.datetime, patient: str) -> str:
    """A session folder's name: UTC, then the patient's pseudonym."""
    return f"{moment.astimezone(datetime.UTC).strftime('%Y%m%dT%H%M%S.%fZ')}-{safe_name(patient)}"


def patient_of(name: str) -> str:
    """Whose session a folder's name says that it is."""
    return name.split("Z-", maxsplit=1)[-1]


def moment_in(name: str) -> str:
    """When a session began by its folder's name, as ISO 8601; "" for another name."""
    stamp = name.split("Z-", maxsplit=1)[0]
    if len(stamp) < 15:
        return ""
    day, clock = stamp[:8], stamp[9:]
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}+00:00"

"""A person is erased: the key of their own words is destroyed, their row goes, a signed line stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from estim.records.door import in_session
from estim.records.home import Home
from estim.records.patients import erase_rows, load_patients
from estim.records.people_keys import Lines, digests_in, words_of_erased, words_under
from estim.records.personal import (
    FOLDER,
    UNFIT,
    all_keys,
    destroy,
    digest_of_key,
    files_of,
    key_digests,
    key_name,
    opened_with,
)
from estim.records.pseudonym import normal
from estim.records.station import enter_station, one_person, station_lines
from estim.safety.errors import RecordError


def forget(home: Path, patient: str, *, operator: str, reason: str) -> list[str]:
    """Erase a person; gives the ids of their keys.

    Chains, doses and limits stand as they did. What this does not reach: paper, exports, files of keys beside backups.

    Raises:
        RecordError: nothing is kept of this person, they are in a session, or something can't be removed; what was
            removed stays removed.
    """
    lines = station_lines(home)
    person = one_person(lines, patient)
    names = [name for name in load_patients(home / "patients.json") if normal(name) in person]
    folder = home / FOLDER
    if os.path.lexists(folder) and not folder.is_dir():
        raise RecordError(f"{folder}: people's keys are not here now, so none can be destroyed: bring this folder back")
    ids = {key_name(one): key_digests(home, one) for one in sorted(person)}
    if not names and not any(files_of(home, name) for name in ids) and not words_under(home, ids, lines):
        raise RecordError(f"patient {patient}: nothing is kept here that could be erased")
    for one in sorted(person):
        if (there := in_session(Home(home), one)) is not None:  # it has the key, and closes words under it to its end
            where = f"on {there.device}, process {there.process} of {there.machine}"
            raise RecordError(f"patient {patient}: is in a session now ({where}): end it, then erase")
    for name, digests in sorted(ids.items()):
        enter_station(home, "erased", key=name, digests=digests, operator=operator, reason=reason)
    _without_index(home)  # before the key goes too: killed after that, nobody could ask for it once more
    destroy(home, person)
    _without_index(home)
    if names:
        erase_rows(home / "patients.json", names, operator=operator, reason=reason)
    return sorted(ids)


def _without_index(home: Path) -> None:
    """It is made anew from the records, without the words."""
    for index in home.glob("index.*"):
        index.unlink(missing_ok=True)


def not_erased(home: Path, lines: Lines) -> Iterator[tuple[Path, int | None, str]]:
    """Keys that a line says were destroyed and that lie here: put back by hand, or the erasure was broken off.

    Args:
        lines: the station's chain.
    """
    erasures = [line for line in lines if line["event"] == "erased"]
    gone = {(str(line.get("key")), one) for line in erasures for one in digests_in(line)}
    ids = {str(line.get("key")) for line in erasures}
    here = {name: keys for name, keys in all_keys(home).items() if name in ids} if ids else {}
    words = words_of_erased(home, here, lines) if here else {}
    for name, keys in sorted(here.items()):
        for key in keys:
            opens = any(opened_with(key, name, sealed) is not UNFIT for sealed in words.get(name, ()))
            if opens or (name, digest_of_key(key)) in gone:
                said = "a key of a person who was erased is here: erase them again with `estim records forget`"
                yield home / FOLDER / f"{name}.key", None, said
                break

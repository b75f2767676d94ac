"""A trial at its site: the sealed list, and the chain of what was done with it. Nothing is ever skipped or repeated."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from estim.platform.files import make_new, private_folder, unread
from estim.protocols.file_names import is_a_device_on_windows
from estim.records.beside import chains_in, is_kept, keep, read_kept
from estim.records.home import Home
from estim.records.keys import station_signer
from estim.records.pseudonym import normal, written
from estim.records.signed_chain import ChainReading, append_signed, shaped
from estim.safety.errors import RecordError, UsageError, quoted
from estim.trial.plan import Arm, Trial, read_trial
from estim.trial.sealing import allocate, new_seed, seal, station_key, unseal

FILE, LIST, CHAIN = "trial.toml", "sealed.json", "trial.jsonl"
OFFICE_KEY, OFFICE_LIST, SEED = "office.key", "allocation.csv", "seed.hex"
PART = ".part"  # of a folder that is being written
UNDONE = "sealing-not-finished"  # in the office's folder until the station has its part: holds the station's key


_SHAPES: Mapping[str, Mapping[str, type]] = {
    "enrolled": {"patient": str, "stratum": str, "number": int, "kit": str},
    "session": {"patient": str, "session": str, "outcome": str},
    "unblinded": {"patient": str},
}


def trials_of(home: Home) -> Path:
    """Where a home's trials lie."""
    return home.root / "trials"


def found(trial: Trial, home: Home, office: Path) -> Mapping[str, Any]:
    """Seal a trial's allocation: the open list and the key into the office's folder, the sealed list into the home.

    Raises:
        UsageError: the trial is there already, or the office's folder is not empty or lies in the home.
    """
    if is_a_device_on_windows(trial.file.id):
        raise UsageError(f"trial {trial.file.id}: Windows keeps this name for a device; take another one")
    folder = trials_of(home) / trial.file.id
    if folder.exists():
        if (line := _end_begun(home, folder)) is not None:
            return line
        raise UsageError(f"trial {trial.file.id} was sealed already: an allocation is made once")
    signer = station_signer(home.root)
    if office.exists() and any(office.iterdir()) and not _left_over(office, signer.public_hex):
        raise UsageError(f"{office} is not empty")
    if office.resolve().is_relative_to(home.root.resolve()):
        raise UsageError(f"{office} lies in the station's home: the office keeps its list outside the room")
    key, seed = X25519PrivateKey.generate(), new_seed()
    slots = list(allocate(trial.file, seed))
    station = station_key(signer).public_key()
    sealed = [
        {"stratum": slot.stratum, "number": slot.number, "kit": slot.kit,
         "office": seal(slot.arm, slot.kit, key.public_key()), "station": seal(slot.arm, slot.kit, station)}
        for slot in slots
    ]  # fmt: skip
    data = (json.dumps({"trial": trial.file.id, "slots": sealed}, indent=0, sort_keys=True) + "\n").encode("ascii")
    rows = "".join(f"{slot.stratum};{slot.number};{slot.kit};{slot.arm}\n" for slot in slots)
    _write_whole(office, {
        OFFICE_KEY: key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()),
        OFFICE_LIST: ("stratum;number;kit;arm\n" + rows).encode("ascii"),
        SEED: (seed.hex() + "\n").encode("ascii"),
        FILE: trial.text.encode("utf-8"),
        UNDONE: signer.public_hex.encode("ascii"),
    })  # fmt: skip
    began = {"event": "began", "trial": trial.file.id, "trial_sha256": trial.digest,
             "list_sha256": hashlib.sha256(data).hexdigest(), "slots": len(slots)}  # fmt: skip
    part = home.root / f"trials{PART}" / trial.file.id
    shutil.rmtree(part, ignore_errors=True)
    private_folder(part)
    private_folder(folder.parent)
    (part / FILE).write_text(trial.text, "utf-8", newline="\n")
    (part / LIST).write_bytes(data)
    line = append_signed(part / CHAIN, signer, began)
    os.replace(part, folder)  # from here on the trial is there, whole; before, there is none
    keep(home.root, folder / CHAIN)
    (office / UNDONE).unlink(missing_ok=True)
    return line


def _write_whole(folder: Path, files: Mapping[str, bytes]) -> None:
    """A folder with these files: all of them or none, whenever this is broken off."""
    part = folder.with_name(folder.name + PART)
    shutil.rmtree(part, ignore_errors=True)
    private_folder(part)
    for name, data in files.items():
        make_new(part / name, data)
    if folder.exists():  # empty, or of a sealing that was broken off before the station had it
        shutil.rmtree(folder)
    os.replace(part, folder)


def _left_over(office: Path, station: str) -> bool:
    """A sealing by this very station was broken off before it had its own part: nothing rests on that list."""
    try:
        return (office / UNDONE).read_text("ascii") == station
    except (OSError, ValueError):
        return False


def _end_begun(home: Home, folder: Path) -> Mapping[str, Any] | None:
    """The first line of a trial that is whole and was not yet known to the station's chain; None where it was."""
    path = folder / CHAIN
    if is_kept(home.root, path) or not path.exists():
        return None
    lines = read_kept(home.root, path)
    keep(home.root, path)
    return lines[0] if lines else None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A patient in a trial: when (number of the line), stratum, kit."""

    patient: str
    stratum: str
    number: int
    kit: str


class Site:
    """One trial of this home.

    Raises:
        UsageError: there is no such trial. RecordError: its list or chain is not what was begun with.
    """

    def __init__(self, home: Home, name: str) -> None:
        self.folder = trials_of(home) / name
        known = [path.parent for path in chains_in(home.root, "trials")]
        if self.folder not in known:
            there = [folder.name for folder in known]
            raise UsageError(f"no trial {quoted(name)} in this home; there are {', '.join(there) or 'none'}")
        self.home = home
        self.lines: Sequence[Mapping[str, Any]] = self._lines()
        self.trial = read_trial(self.folder / FILE, check=False)
        self._read()

    def _lines(self) -> tuple[Mapping[str, Any], ...]:
        lines = read_kept(self.home.root, self.folder / CHAIN)
        reading = shaped(ChainReading(lines, None, "", torn=False), CHAIN, _SHAPES)
        if reading.reason:
            raise RecordError(f"{self.folder / CHAIN}: {reading.reason}: put the right file back from a backup")
        return lines

    def _read(self) -> None:
        self.lines = self._lines()
        if not self.lines:
            raise RecordError(f"trial {self.trial.file.id}: its chain is empty")
        began, data = self.lines[0], (self.folder / LIST).read_bytes()
        for what, digest, kept in (
            ("list", hashlib.sha256(data).hexdigest(), began["list_sha256"]),
            ("file", self.trial.digest, began["trial_sha256"]),
        ):
            if digest != kept:
                raise RecordError(f"trial {self.trial.file.id}: its {what} is not the one that it began with")
        self.slots: list[dict[str, Any]] = json.loads(data)["slots"]
        self.enrolled = {
            normal(str(line["patient"])): Enrolled(line["patient"], line["stratum"], line["number"], line["kit"])
            for line in self.lines
            if line["event"] == "enrolled"
        }

    def write(self, event: str, **what: object) -> None:
        """A line in the trial's chain."""
        append_signed(self.folder / CHAIN, station_signer(self.home.root), {"event": event, **what})
        keep(self.home.root, self.folder / CHAIN)
        self._read()

    def enrol(self, patient: str, strata: Mapping[str, str], operator: str) -> Enrolled:
        """The next kit of the patient's stratum.

        Raises:
            UsageError: enrolled already, a stratum that the trial does not have, or none left.
        """
        patient = written(patient)
        if normal(patient) in self.enrolled:
            raise UsageError(
                f"{patient} is enrolled already, with kit {self.enrolled[normal(patient)].kit}: once is for good"
            )
        wanted = self.trial.file.strata
        for key, values in wanted.items():
            if strata.get(key) not in values:
                raise UsageError(f"--stratum {key}=…: one of {', '.join(values)}; it says {quoted(strata.get(key))}")
        if unknown := sorted(strata.keys() - wanted.keys()):
            raise UsageError(f"--stratum {unknown[0]}: this trial has {', '.join(wanted) or 'no strata'}")
        stratum = ",".join(f"{key}={strata[key]}" for key in sorted(wanted)) or "all"
        taken = sum(1 for each in self.enrolled.values() if each.stratum == stratum)
        slot = next((slot for slot in self.slots if slot["stratum"] == stratum and slot["number"] == taken + 1), None)
        if slot is None:
            raise UsageError(f"stratum {stratum}: all {taken} allocations are given out")
        self.write(
            "enrolled", patient=patient, stratum=stratum, number=slot["number"], kit=slot["kit"], operator=operator
        )
        return self.enrolled[normal(patient)]

    def of(self, patient: str) -> Enrolled:
        """The patient's enrolment.

        Raises:
            UsageError: not enrolled.
        """
        if (known := self.enrolled.get(normal(patient))) is None:
            raise UsageError(f"{patient} is not enrolled in {self.trial.file.id}")
        return known

    def arm(self, enrolled: Enrolled, key: X25519PrivateKey | None = None) -> Arm:
        """What the kit holds. Whoever shows it writes an `unblinded` line first."""
        slot = next(slot for slot in self.slots if slot["kit"] == enrolled.kit)
        mine = key or station_key(station_signer(self.home.root))
        name = unseal(slot["office" if key is not None else "station"], enrolled.kit, mine)
        return next(arm for arm in self.trial.file.arm if arm.id == name)

    def sessions(self, patient: str | None = None) -> list[Mapping[str, Any]]:
        """Lines of the sessions that were played."""
        wanted = None if patient is None else normal(patient)
        return [
            line for line in self.lines if line["event"] == "session" and wanted in {None, normal(str(line["patient"]))}
        ]

    def is_open(self, patient: str) -> bool:
        """The allocation of this patient is known: in an emergency, or the whole trial's."""
        name = normal(patient)
        return any(line["event"] == "unblinded" and normal(str(line["patient"])) in {name, "*"} for line in self.lines)


def office_key(office: Path) -> X25519PrivateKey:
    """The office's key.

    Raises:
        UsageError: it is not there.
    """
    try:
        return X25519PrivateKey.from_private_bytes((office / OFFICE_KEY).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{office / OFFICE_KEY}: {unread(error)}") from None

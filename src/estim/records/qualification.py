"""What a bench found of a stimulator, kept where a session can see it: one signed file a device in `qualifications`.

A device that over-delivers beyond its tolerance is refused for output until it is qualified again; a file that can't be
trusted refuses too, since it may be the one that says so. RehaStim 1 and 2 tell no number: there what was found of any
device of the model counts, since it may be this one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from estim.platform.files import no_device, private_folder
from estim.records.beside import named
from estim.records.canonical import unhex
from estim.records.guard import chained, change, check
from estim.records.keys import Signer, signed_by, station_signer
from estim.records.station import station_lines
from estim.safety.errors import RecordError

FOLDER = "qualifications"
REFUSED_OVER = 0.20  # of a result without figures, as the first ones were; IEC 60601-2-10 allows no more
TOO_MUCH = frozenset({"over-delivery", "above the line"})  # figures that, once they fail, refuse output: beyond 5 %
SOON_DAYS = 30
SIMULATED = "SIM"  # a simulated device's number begins so


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """The last word on one device.

    Attributes:
        verdict: pass | fail | undecided.
        over: by how much it delivered more than it was asked, as a share.
        stop_ms: the worst stop that was measured; None where none was.
        until: the last day on which it is valid.
        trouble: why it can't be trusted; "" if it can.
        repaired: when it was repaired or opened since; "" if it was not.
        steps: how much of the whole plan it rests on, where that is a part.
        too_much: a figure of `TOO_MUCH` failed, its uncertainty taken off.
        open: steps that it is refused for until they pass, those of earlier results included; "" is a result that
            nobody can read any more, which a pass alone closes.
        number: the device's, as its file is named.
    """

    verdict: str
    over: float
    stop_ms: float | None
    taken: str
    until: str
    firmware: str
    trouble: str = ""
    repaired: str = ""
    steps: str = ""
    too_much: bool = False
    open: tuple[str, ...] = ()
    number: str = ""

    def words(self, today: date) -> str:
        """`qualified 2026-11-28, worst +3.1 %, stop 84 ms`, or what is wrong."""
        if self.trouble:
            return f"not qualified: {self.trouble}"
        if self.repaired:
            return f"not qualified: repaired {self.repaired}, measure it again (estim qualify run)"
        if self.verdict != "pass":
            return f"not qualified: {self.verdict} on {self.taken}, worst +{self.over:.1%}"
        if self.until < today.isoformat():
            return f"not qualified any more: valid until {self.until}"
        stop = f", stop {self.stop_ms:.0f} ms" if self.stop_ms is not None else ""
        return f"qualified {self.taken}{self.steps}, worst +{self.over:.1%}{stop}"

    def due(self, today: date) -> str:
        """What is to be done on the bench, and by when; "" while there is nothing to say for a month."""
        if self.trouble or self.repaired or self.verdict != "pass" or self.until < today.isoformat():
            return f"{self.words(today)}: qualify it (estim qualify run)"
        days = (date.fromisoformat(self.until) - today).days
        return f"{self.words(today)}; due again in {days} days" if days <= SOON_DAYS else ""

    @property
    def refusal(self) -> str:
        """Why no output is allowed on this device; "" if it is."""
        if self.trouble:
            return f"its qualification can't be trusted ({self.trouble}): qualify it again (estim qualify)"
        if self.too_much:
            much = f"{self.over:.0%} " if self.over > 0 else ""  # a ramp says no share
            return (
                f"it delivered {much}more than it was asked on {self.taken}: no output until it is repaired"
                " and qualified again (estim qualify)"
            )
        if self.open:
            steps = ", ".join(filter(None, self.open)) or "its plan"
            return (
                f"it was refused before {self.taken}, and {steps} did not pass since: no output until it is repaired"
                " and qualified again (estim qualify)"
            )
        return ""


_NONE = Qualification(verdict="fail", over=0.0, stop_ms=None, taken="", until="", firmware="")


def figure_words(value: float, unit: str = "", *, digits: int = 4) -> str:
    """A figure with its unit, rounded to what was measured, in plain digits: 20000 µs and not 2e+04."""
    shown = format(Decimal(f"{value:.{digits}g}").normalize(), "f")
    return f"{'0' if shown == '-0' else shown} {unit}".strip()


def steps_words(document: Mapping[str, Any]) -> str:
    """`, on 11 of the whole plan's 40 steps`; "" where all were judged, or where an older result does not say."""
    steps = document.get("steps")
    if not steps or not steps["missing"]:
        return ""
    whole = int(steps["whole"])
    return f", on {whole - len(steps['missing'])} of the whole plan's {whole} steps"


def refused_words(document: Mapping[str, Any]) -> list[str]:
    """What the report says of a device that gets no output any more, in one line; nothing of one that does."""
    if not document.get("open"):
        return []
    return ["It delivers more than it is asked: no output here until it is repaired and qualified again."]


def unplanned(document: Mapping[str, Any]) -> list[str]:
    """The steps of the whole plan that this one left out, in one line; nothing where it left out none."""
    named = {str(problem).partition(":")[0] for problem in document["problems"]}
    left = [step for step in document.get("steps", {}).get("missing", ()) if step not in named]
    return [f"not in this plan: {', '.join(left)}"] if left else []


def file_of(home: Path, model: str, device_id: str) -> Path:
    """Where the qualification of this device is."""
    safe = re.sub(r"[^A-Za-z0-9]+", "-", device_id).strip("-") or "no-id"
    return home / FOLDER / f"{model}-{safe}.json"


def _message(document: dict[str, Any]) -> bytes:
    """What is signed: the document in one spelling."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def as_kept(home: Path, document: dict[str, Any], *, public_hex: str) -> dict[str, Any]:
    """The document with what its device stays refused for: a step that gave too much is closed by a later result only
    if that passes and has this step, so that a plan of other steps opens nothing.
    """
    before = _at(home, file_of(home, document["model"], document["device_id"]), public_hex)
    left = set(before.open) if before is not None else set()
    if document["verdict"] == "pass":
        left -= {"", *(one["step"] for one in document.get("figures", ()) if one["name"] in TOO_MUCH)}
    found = sorted(left | set(_failed(document)))
    return {**document, "open": found} if found else {key: document[key] for key in document if key != "open"}


def _failed(document: Mapping[str, Any]) -> list[str]:
    """Steps that gave too much."""
    failed = [one for one in document.get("figures", ()) if one["verdict"] == "fail"]
    steps = [str(one["step"]) for one in failed if one["name"] in TOO_MUCH]
    return steps or ([""] if document["over"] > REFUSED_OVER else [])


def write(home: Path, document: dict[str, Any], signer: Signer, *, operator: str = "") -> Path:
    """Sign and keep it; gives its file."""
    path = file_of(home, document["model"], document["device_id"])
    private_folder(path.parent)
    document = as_kept(home, document, public_hex=signer.public_hex)
    signed = {"qualification": document, "key": signer.public_hex, "signature": signer.sign(_message(document)).hex()}
    data = json.dumps(signed, indent=1, ensure_ascii=False).encode("utf-8")
    said = f"{document['verdict']} of {document['taken']}"
    change(path, named(home, path), data, said=said, operator=operator, reason="qualified", home=home)
    return path


def repaired(home: Path, model: str, device_id: str, day: date, signer: Signer, *, operator: str = "") -> Path:
    """Note that a device was repaired or opened: what a bench found of it before counts no more, but what it was
    refused for stays refused until it is measured again.
    """
    path = file_of(home, model, device_id)
    before = of_device(home, model, device_id, public_hex=signer.public_hex)
    known = json.loads(path.read_text(encoding="utf-8"))["qualification"] if before and not before.trouble else {}
    empty = {
        "schema": 1, "model": model, "device_id": device_id, "firmware": "", "verdict": "undecided", "over": 0.0,
        "stop_ms": None, "taken": day.isoformat(), "until": day.isoformat(),
    }  # fmt: skip
    return write(home, {**empty, **known, "repaired": day.isoformat()}, signer, operator=operator)


def of_device(home: Path, model: str, device_id: str, *, public_hex: str) -> Qualification | None:
    """The last qualification of a device; None where it never was.

    Args:
        public_hex: this station's key; what another signed is not taken.
    """
    return _at(home, file_of(home, model, device_id), public_hex)


def of_model(home: Path, model: str, *, public_hex: str) -> list[Qualification]:
    """What is known of every device of a model, those included whose file is gone though the chain names it."""
    names = {path.name for path in (home / FOLDER).glob(f"{model}-*.json")}
    with suppress(RecordError):  # a chain that can't be read is said of each file
        begins = f"{FOLDER}/{model}-"
        names |= {Path(register).name for register in chained(station_lines(home)) if register.startswith(begins)}
    found = [_at(home, home / FOLDER / name, public_hex) for name in sorted(names)]
    return [each for each in found if each is not None]


def _at(home: Path, path: Path, public_hex: str) -> Qualification | None:
    number = path.stem.partition("-")[2]
    try:
        check(home, named(home, path))
    except RecordError as error:
        return replace(_NONE, trouble=str(error), open=("",), number=number)
    return _read(path, public_hex) if path.exists() else None


def qualified_words(
    home: Path, model: str, device_id: str, *, firmware: str = "", simulated: bool | None = None
) -> str:
    """What a bench last said of a device, and whether it is due there again; "" where it never was on one.

    Args:
        device_id: as it tells it; "" where it tells none: then each of its model is named, for its type plate.
        firmware: of today, "" where that is not known; with another one than on the bench it is not qualified.
        simulated: of those without a number only the simulated ones, or only the others.
    """
    key = station_signer(home).public_hex if (home / FOLDER).is_dir() else ""
    if not key:
        return ""
    if device_id:
        found = of_device(home, model, device_id, public_hex=key)
        return _said(found, firmware) if found is not None else ""
    of_it = [
        each for each in of_model(home, model, public_hex=key)
        if simulated is None or each.number.startswith(SIMULATED) == simulated
    ]  # fmt: skip
    return "; ".join(f"{each.number}: {_said(each, firmware)}" for each in of_it)


def _said(found: Qualification, firmware: str) -> str:
    if found.refusal:
        return found.refusal
    if firmware and found.firmware and firmware != found.firmware:
        return f"not qualified: measured with firmware {found.firmware}, it has {firmware} now (estim qualify run)"
    today = datetime.now().astimezone().date()
    return found.due(today) or found.words(today)


def every(home: Path, *, public_hex: str) -> dict[str, Qualification]:
    """Name (model and id) → qualification of every device of this home."""
    return {path.stem: _read(path, public_hex) for path in sorted((home / FOLDER).glob("*.json"))}


def refusal_of(home: Path, model: str, device_id: str, *, public_hex: str) -> str:
    """Why no output is allowed on this device; "" if it is, or if it never was on a bench.

    One that tells no number may be any of its model: it is refused as long as one of them is.
    """
    if device_id:
        found = of_device(home, model, device_id, public_hex=public_hex)
        return found.refusal if found is not None else ""
    refused = next((each for each in of_model(home, model, public_hex=public_hex) if each.refusal), None)
    if refused is None:
        return ""
    return f"this model tells no number, so it may be {model} {refused.number}: {refused.refusal}"


def _read(path: Path, public_hex: str) -> Qualification:
    try:
        signed = json.loads(no_device(path).read_text(encoding="utf-8"))
        document = signed["qualification"]
        right = signed["key"] == public_hex and signed_by(
            public_hex, _message(document), unhex(signed["signature"], 64)
        )
        return Qualification(
            verdict=str(document["verdict"]), over=float(document["over"]), stop_ms=document["stop_ms"],
            taken=str(document["taken"]), until=str(document["until"]), firmware=str(document["firmware"]),
            repaired=str(document.get("repaired", "")), steps=steps_words(document),
            trouble="" if right else f"{path.name} was changed, or signed by another station",
            too_much=bool(_failed(document)),
            open=tuple(map(str, document.get("open", _failed(document)))) if right else ("",),
            number=path.stem.partition("-")[2],
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        trouble = f"{path.name} is damaged: {type(error).__name__}"
        return replace(_NONE, trouble=trouble, open=("",), number=path.stem.partition("-")[2])

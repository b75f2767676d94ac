"""What is left of a file when its faults are taken out: so that one fault does not hide another. Pure.

A validator stops at the first table that it can't make, and nothing is said of what hangs on it: names that a phase
refers to, limits that a number breaks. Here each value that was found wrong is replaced by a harmless one, and the
rules of the tables around it are left unjudged, since they may speak of the replaced value; then all is judged again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from estim.protocols.schema import Protocol
from estim.protocols.schema_base import UNJUDGED, entries_of

TURNS_MAX = 8  # a fault may hide one that hides a third
FAULTS_MAX = 200
Place = tuple[str | int, ...]
_PHASE: Mapping[str, Any] = {
    "name": "work", "kind": "work", "mode": "timed", "waveform": "symmetric-biphasic", "frequency_hz": 20,
    "pulse_width_us": 100, "on_s": 3, "off_s": 30, "ramp_up_s": 1, "ramp_down_s": 1, "contractions": 1,
}  # fmt: skip
_CHANNEL: Mapping[str, Any] = {
    "name": "channel", "muscle": "quadriceps-femoris", "region": "thigh", "placement": "-", "electrode_cm": [9.0, 9.0],
    "amplitude_rule": "motor-visible", "amplitude_instruction": "-", "plausible_ma": [1, 2],
}  # fmt: skip
_DOSE: Mapping[str, Any] = {"sessions_per_day": 1, "days_per_week": 1, "weeks": 1}
_HARMLESS: Mapping[str, Any] = {
    "schema": 1, "id": "a", "version": "1.0.0", "title": "-", "goal": "strength", "conditions": ["-"],
    "indication": "-", "position": "-", "cue": "-", "expected_response": "-", "stop_criteria": ["-"],
    "contraindications": [], "basis": "convention", "evidence": [{"citation": "-"}], "channel": [_CHANNEL],
    "phase": [_PHASE], "dose": _DOSE, "provenance": {}, "citation": "-", "mark": "convention", "of": "-",
    "measure": "-", "action": "prompt", "size_cm": [9.0, 9.0], "pulses": 2, "interval_us": 8000, "source": "key",
    "max_on_s": 1, "us": 100, "share": 1, "on": 0, "off": 0, **_PHASE, **_CHANNEL, **_DOSE,
}  # fmt: skip
_HARMLESS_IN: Mapping[str, Any] = {"follows.channel": "channel"}
# What other tables refer to, or what decides whether they may: a replaced one leaves the whole file's rules unjudged.
_REFERRED = frozenset({
    "name", "channels", "electrodes", "electrode", "channel", "phase", "progression", "evidence", "source",
    "kind", "mode", "set", "contractions", "duration_s", "sets", "trigger", "follows", "provenance",
})  # fmt: skip
_ALONE = frozenset({"frequency_hz", "pulse_width_us"})  # judged by themselves, whatever else is wrong with the phase


@dataclass(frozen=True, slots=True)
class Fault:
    """What one finding means for the document.

    Attributes:
        place: of the table, or of the value.
        table: a rule between the keys of the table at `place` is broken; each value by itself is right.
        unknown: the key is none of the schema's.
        missing: the key is not there.
        slip: the key for which an unknown one probably stands.
        varies: whether the rules of its table can be tried with other values of the key.
        about: of a broken rule: the place that it names.
    """

    place: Place
    table: bool = False
    unknown: bool = False
    missing: bool = False
    slip: str = ""
    varies: bool = False
    about: Place = ()


class Mended:
    """A document whose faults are replaced one turn after another."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document: dict[str, Any] = copy.deepcopy(dict(document))
        self._touched: set[Place] = set()  # tables that hold a fault
        self._replaced: set[Place] = set()  # values that are not the file's any more
        self._unjudged: dict[int, frozenset[str] | None] = {}

    def turns(
        self,
        fault_of: Callable[[dict[str, Any]], Fault],
        is_echo: Callable[[dict[str, Any], list[dict[str, Any]]], bool],
    ) -> Iterator[list[dict[str, Any]]]:
        """The findings of each turn, until the document is a protocol or none of them can be taken out; those that
        only repeat others are left out.
        """
        for _ in range(TURNS_MAX):
            context = {"basis": self._document.get("basis"), UNJUDGED: dict(self._unjudged)}
            try:
                Protocol.model_validate(self._document, context=context)
                return
            except ValidationError as error:
                found = entries_of(error)
            entries = [(entry, fault_of(entry)) for entry in found if not is_echo(entry, found)]
            fresh = [entry for entry, fault in entries if not (fault.missing and fault.place in self._replaced)]
            yield fresh
            if len(fresh) > FAULTS_MAX:
                return
            for _entry, fault in entries:
                self._mend(fault)

    def _mend(self, fault: Fault) -> None:
        last = max((number for number, part in enumerate(fault.place) if isinstance(part, str)), default=-1)
        at = fault.place if fault.table else fault.place[: max(last, 0)]
        table = value_at(self._document, at)
        if not isinstance(table, dict):
            return
        if fault.table:
            self._touched |= {at, fault.about[:-1]}
            self._unjudged[id(table)] = None
            return
        key = str(fault.place[last])
        if fault.missing:
            made = _HARMLESS_IN.get(f"{at[-1] if at else ''}.{key}", _HARMLESS.get(key))
            table[key] = copy.deepcopy(made)
        else:
            table.pop(key, None)
        if fault.unknown and not fault.slip:
            return
        self._touched.add(at)
        self._replaced.add((*at, key))
        before = self._unjudged.get(id(table), frozenset())
        known = before is not None and fault.varies
        self._unjudged[id(table)] = (before or frozenset()) | {fault.slip or key} if known else None
        for depth in range(len(at)):  # what holds this table may speak of it
            around = value_at(self._document, at[:depth])
            if isinstance(around, dict) and (depth or self._is_referred(at, key)):
                self._unjudged[id(around)] = None

    @staticmethod
    def _is_referred(at: Place, key: str) -> bool:
        return key in _REFERRED or (key == "id" and at[:1] == ("electrode",))

    def for_limits(self) -> Protocol | None:
        """The protocol with harmless tables in place of those that hold a fault, to judge the others by the limits."""
        document = dict(self._document)
        if any(place[:1] == ("electrode",) for place in self._touched) or {("channel",), ("phase",)} & self._replaced:
            return None
        faulty = {place[:2] for place in self._touched}
        try:
            names = [one["name"] for one in document["phase"]]
            names = [name if name not in names[:n] else f"{name} ({n + 1})" for n, name in enumerate(names)]
            document["channel"] = [
                {**_CHANNEL, "name": one["name"]} if ("channel", number) in faulty else one
                for number, one in enumerate(document["channel"])
            ]
            document["phase"] = [
                {**_PHASE, "name": names[number]} | {key: one[key] for key in _ALONE & one.keys()}
                if ("phase", number) in faulty
                else one
                for number, one in enumerate(document["phase"])
            ]
            document.update(
                dose=_DOSE, progression=[], criterion=[], provenance={}, electrode=document.get("electrode", [])
            )
            return Protocol.model_validate(document, context={"basis": document.get("basis")})
        except (ValidationError, KeyError, TypeError):
            return None

    def is_files_own(self, place: Place) -> bool:
        """Whether what a limit says of this place speaks of the file, and not of what stands for a fault."""
        table = place[:2]
        if table[:1] != ("phase",) or any(touched[:1] == ("channel",) for touched in self._touched):
            return table[:1] == ("phase",) and place[-1] in _ALONE and place not in self._replaced
        if table not in {touched[:2] for touched in self._touched}:
            return True
        return len(place) == 3 and place[-1] in _ALONE and place not in self._replaced


def value_at(document: Any, place: Iterable[str | int]) -> Any:
    """What stands at a place of a document; None if nothing does."""
    value: Any = document
    for part in place:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value

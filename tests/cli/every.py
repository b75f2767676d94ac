"""Every command of the parser, with words that make it do something; the test says which is missing."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from estim.cli import FAULT, main, parser
from tests.support import SHORT

ID = "knee-replacement-quadriceps-early"
PLAN = "carpal-tunnel"  # a course of care
# {record}: a rehearsal's folder in the home; {name}: its name. {out}: a path that is not there yet.
# {self}: a file of odd letters.
SAMPLES: dict[str, list[str]] = {
    "console": [],
    "run": ["{self}", "--patient", "Zoe", "--yes", "--device", "socket://127.0.0.1:9"],
    "rehearse": ["{self}", "--level", "quadriceps=5"],
    "protocols list": [],
    "protocols show": [ID],
    "protocols plot": [ID],
    "protocols new": ["mine", "--from", ID],
    "protocols check": ["{self}", str(SHORT)],
    "protocols table": [ID],
    "protocols schema": [],
    "protocols evidence": [ID],
    "limits": [],
    "limits show": [],
    "limits propose": [],
    "limits key": ["Zoë", "-o", "{out}"],
    "limits sign": ["{self}", "--key", "{self}"],
    "limits install": ["{out}"],
    "devices": [],
    "safety": [],
    "help": ["L5"],
    "doctor": [],
    "plans list": [],
    "plans show": [PLAN],
    "plans check": ["{self}"],
    "plans new": ["mine", "--from", PLAN],
    "course begin": ["--patient", "Zoë", PLAN, "--side", "left"],
    "course note": ["--patient", "Zoë", "note", "text=über 50 µA"],
    "course show": ["--patient", "Zoë"],
    "course today": ["--patient", "Zoë"],
    "course calendar": ["--patient", "Zoë"],
    "course gate": ["--patient", "Zoë"],
    "course leaflet": ["--patient", "Zoë", "-o", "{out}"],
    "course diary": ["--patient", "Zoë", "{self}"],
    "course discharge": ["--patient", "Zoë", "-o", "{out}"],
    "records list": [],
    "records show": ["{record}"],
    "records verify": ["{record}"],
    "records audit": ["{record}"],
    "records replay": ["{record}"],
    "records schema": [],
    "records index": [],
    "records report": ["{record}", "--text"],
    "records course": ["rehearsal"],
    "records export": ["{record}", "-o", "{out}"],
    "records patients": [],
    "records patient": ["Zoë", "--note", "über 50 µA"],
    "records anchor": [],
    "records witness": ["{out}"],
    "records cosigned": ["{self}"],
    "records stamp": ["--request", "{out}"],
    "records backup": ["-o", "{out}"],
    "records restore": ["{self}"],
    "records archive": ["--reason", "älter"],
    "records migrate": [],
    "records retention": ["--keep", "real=30", "--reason", "für später"],
    "records accept": ["patients.json", "--reason", "geändert"],
    "records forget": ["Zoë", "--reason", "gewünscht"],
    "records keys": ["{self}", "--reason", "zurück"],
    "records clear": ["{record}", "--reason", "fehlt"],
    "records join": ["a", "b", "--reason", "dieselbe"],
    "records sign": ["{record}", "--reason", "nachgeholt"],
    "records new-key": ["--reason", "neu"],
    "operators list": [],
    "operators practice": [],
    "operators add": ["zoë", "--name", "Zoë Müller"],
    "operators pin": ["zoë"],
    "operators disable": ["zoë"],
    "operators age": ["90", "--reason", "Regel"],
    "study new": ["{out}"],
    "study check": ["{self}"],
    "study run": ["{self}", "-o", "{out}"],
    "study merge": ["-o", "{out}", "{record}"],
    "clinic schema": [],
    "clinic push": [],
    "clinic check": [],
    "trial new": ["{out}-trial.toml"],
    "trial enrol": ["my-trial", "--patient", "P-2", "--stratum", "site=a"],
    "trial next": ["my-trial", "--patient", "P-1", "--rehearse", "--level", "quadriceps=5"],
    "trial unblind": ["my-trial", "--patient", "P-1", "--reason", "Notfall über 50 µA", "--who", "a", "--who", "b"],
    "trial report": ["my-trial", "-o", "{out}"],
    "stream": ["{name}", "--wait", "0"],
    "qualify plan": ["--model", "p24", "--operator", "Zoë", "--instrument", "≤ 50 µV"],
    "qualify read": ["{self}", "{out}"],
    "qualify run": ["{self}", "{out}"],
    "qualify repaired": ["--model", "p24", "--device-id", "P24 0001", "--operator", "Zoë"],
    "qualify show": [],
}


def leaves(of: argparse.ArgumentParser, name: tuple[str, ...] = ()) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that can be given, and its parser."""
    inner = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner or not all(action.required for action in inner):
        yield " ".join(name), of
    for action in inner:
        for word, sub in action.choices.items():
            yield from leaves(sub, (*name, word))


COMMANDS = dict(leaves(parser()))


@dataclass(frozen=True, slots=True)
class Said:
    """What one command said.

    Attributes:
        out, err: as bytes that reached the terminal.
    """

    code: int
    out: bytes
    err: bytes


class _Stream(io.TextIOWrapper):
    """A terminal, file or pipe of some encoding; strict, as Python opens standard output."""

    def __init__(self, encoding: str, errors: str = "strict") -> None:
        self.kept = io.BytesIO()
        super().__init__(self.kept, encoding=encoding, errors=errors)


def call(monkeypatch: pytest.MonkeyPatch, words: list[str], *, encoding: str = "utf-8") -> Said:
    """One command in this process, its output in this encoding."""
    out, err = _Stream(encoding), _Stream(encoding, "backslashreplace")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setattr(sys, "stdin", io.StringIO(""))
        patch.setenv("ESTIM_CLINIC_URL", "postgresql://127.0.0.1:1/nobody")
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        out.flush()
        err.flush()
    return Said(code, out.kept.getvalue(), err.kept.getvalue())


def words_of(command: str, *, record: Path, scratch: Path) -> list[str]:
    """The command line."""
    odd = scratch / "Übung µ ≤ 你.toml"
    if not odd.exists():
        text = SHORT.read_text(encoding="utf-8")
        odd.write_text(text.replace('title = "', 'title = "Übung 50 µA ≤ 你 – ', 1), encoding="utf-8")
    filled = [word.format(record=record, name=record.name, out=scratch / "out", self=odd) for word in SAMPLES[command]]
    return [*command.split(), *filled]


def judge(said: Said, *, json_asked: bool = False) -> None:
    """No traceback, no fault of estim's own; a document is one where one was asked for and given."""
    assert b"Traceback" not in said.err
    assert FAULT.encode() not in said.err
    assert said.code in {0, 1, 2, 3, 4}
    if json_asked and said.out.strip():
        json.loads(said.out.decode("utf-8"))

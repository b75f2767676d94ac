"""One exception tree, and `Problem`: what is wrong with an input, in the words that file, screen and JSON share.

```
EstimError
├── ProtocolError            a file is not a protocol            (.problems)
│   └── ProtocolRejected     it is one, and a limit forbids it   (.problems)
├── SetupError               today's setup is incomplete or contradicts itself (.problems)
├── SiteFileError            a site's limits can't be used       (.problems)
├── InterlockTripped         a command that must never have been made (.rule, .asked, .allowed)
├── DeviceError              the stimulator said no, or something else than it should
├── LinkLost                 bytes can't be exchanged any more
├── RecordError              the record can't be written or read
└── UsageError               the command line asks for something that can't be
```
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Severity = Literal["refuse", "warn", "info"]
Layer = Literal["absolute", "site", "device", "protocol", "patient", "schema"]
QUOTED_MAX = 80


def brief(text: str) -> str:
    """A word of somebody's as a refusal repeats it: enough to know it again, never thousands of letters."""
    return text if len(text) <= QUOTED_MAX else f"{text[: QUOTED_MAX - 1]}…"


def quoted(value: object) -> str:
    """The same in quotes, where what nobody can see is spelled out; what is no text as Python writes it."""
    return repr(brief(value)) if isinstance(value, str) else brief(repr(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding about an input: where, what was asked, what is allowed, which layer says so, and why.

    Attributes:
        severity: `refuse` ends the matter; `warn` wants an acknowledgement; `info` is shown.
        key: the place in the input, e.g. `phase[0].frequency_hz`.
        line: line number in the file (from 1), or None where there is no file.
        asked: the value found; None for something missing.
        allowed: the bound, or a text that lists what is allowed.
        unit: unit of both, "" for none.
        layer: which layer of limits forbids it; `schema` for what is no matter of limits.
        rule: the limit's id (`L4`) or the schema rule's name.
        source: where the number comes from.
        message: one sentence for a person, naming value and bound.
    """

    severity: Severity
    key: str
    message: str
    line: int | None = None
    asked: int | float | str | bool | None = None
    allowed: int | float | str | bool | None = None
    unit: str = ""
    layer: Layer = "schema"
    rule: str = ""
    source: str = ""

    def to_json(self) -> dict[str, object]:
        """The problem as every `--json` prints it."""
        return asdict(self)

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        tail = " ".join(part for part in (self.rule, f"[{self.layer}]", self.source) if part)
        key = ".".join(map(brief, self.key.split(".")))
        return f"{where}{key}: {self.message} ({tail})"


class EstimError(Exception):
    """Anything that estim refuses or that fails, with a text for the person in front of it."""


class _WithProblems(EstimError):
    """An error that lists everything it found, not the first thing alone."""

    def __init__(self, problems: Iterable[Problem], *, path: Path | None = None) -> None:
        self.problems = tuple(problems)
        self.path = path
        head = [f"{path}:"] if path is not None else []
        super().__init__("\n".join([*head, *(str(problem) for problem in self.problems)]))


class ProtocolError(_WithProblems):
    """A file is not a valid protocol."""


class ProtocolRejected(ProtocolError):
    """A valid protocol that a limit, the device or today's setup forbids."""


class SetupError(_WithProblems):
    """Today's setup is incomplete or contradicts the protocol."""


class SiteFileError(_WithProblems):
    """A site's limit file can't be used; the shipped default column stays in force."""


class InterlockTripped(EstimError):
    """A command reached the interlock that must never have been made: output goes off in the same turn."""

    def __init__(self, rule: str, message: str, *, asked: int | None = None, allowed: int | None = None) -> None:
        self.rule = rule
        self.asked = asked
        self.allowed = allowed
        numbers = f" {asked}, allowed {allowed}" if asked is not None and allowed is not None else ""
        super().__init__(f"{rule}: {message}{numbers}")


class DeviceError(EstimError):
    """The stimulator refused a command or answered something that its wire document does not allow."""


class LinkLost(EstimError):
    """The link to the stimulator is gone: end of file, a read error, a stalled write."""


class RecordError(EstimError):
    """The record can't be written, or can't be read back."""


class UsageError(EstimError):
    """The command line asks for something that can't be (exit code 2)."""

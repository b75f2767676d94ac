"""What a study file says, and the runs that it stands for. Pure but for reading the protocols' files."""

from __future__ import annotations

import hashlib
import itertools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from estim.care.document import Finding, load_document
from estim.drivers.models import MODELS
from estim.platform.files import unread
from estim.protocols import library
from estim.protocols.catalogue import load_runnable
from estim.records.canonical import canonical
from estim.rehearsal.room import profiles
from estim.safety.errors import EstimError, UsageError, quoted

RUNS_MAX = 10_000_000

TEMPLATE = """# A study: its runs are the product of all lists, in this order. Run it with
#   estim study run FILE -o DIR
schema = 1
id = "my-study"
kind = "rehearsal"                    # rehearsal: whole sessions; world: seeded sessions with faults
protocol = ["knee-replacement-quadriceps-early"]   # names of the library, or files beside this one
patient_profile = ["knee-replacement"]             # virtual patients; "" is a plain resistor
level_ma = { quadriceps = [10, 15, 20] }           # channel = levels that a scripted titration finds, in mA
device_model = ["p24"]                # p24 | rehamove3 | rehastim2 | rehastim1
seeds = { first = 1, count = 1 }      # each seed is another patient of the profile's distribution, and other jitter
"""


class Seeds(BaseModel):
    """So many, from the first on."""

    model_config = ConfigDict(extra="forbid", strict=True)
    first: int = Field(ge=0, le=2**31)
    count: int = Field(ge=1, le=RUNS_MAX)


class StudyFile(BaseModel):
    """A study file."""

    model_config = ConfigDict(extra="forbid", strict=True)
    schema_: Literal[1] = Field(alias="schema")
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    title: str = ""
    kind: Literal["rehearsal", "world"] = "rehearsal"
    protocol: list[str] = Field(min_length=1)
    patient_profile: list[str] = [""]
    level_ma: dict[str, list[float]] = {}
    motor_ma: dict[str, list[float]] = {}
    device_model: list[str] = ["p24"]
    seeds: Seeds = Seeds(first=0, count=1)
    side: Literal["left", "right"] = "left"
    week: int = Field(default=1, ge=1, le=520)
    session: int = Field(default=1, ge=1, le=10_000)
    ran: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolFile:
    """A protocol: its name in the study, and its bytes ("" for one of the library), to go to another machine."""

    name: str
    text: str
    sha256: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: all that a worker needs."""

    number: int
    kind: str
    source: ProtocolFile
    patient_profile: str
    levels_ma: tuple[tuple[str, float], ...]
    motor_ma: tuple[tuple[str, float], ...]
    device_model: str
    seed: int
    side: str
    week: int
    session: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study that can be run.

    Attributes:
        text: the file. digest: SHA-256 over what it asks for, its protocols and the program: one digest, the
            same rows.
    """

    file: StudyFile
    text: str
    sources: tuple[ProtocolFile, ...]
    program: str
    digest: str

    def count(self) -> int:
        """How many runs."""
        return sum(1 for source in self.sources for _ in self._levels(source)) * self._rest()

    def _rest(self) -> int:
        return len(self.file.patient_profile) * len(self.file.device_model) * self.file.seeds.count

    def _levels(
        self, source: ProtocolFile
    ) -> Iterator[tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...]]]:
        for levels in _product(self.file.level_ma, source.channels):
            for motor in _product(self.file.motor_ma, source.channels):
                yield levels, motor

    def runs(self) -> Iterator[Run]:
        """Every combination of the file's lists, numbered from 0; the seed changes fastest, the protocol slowest."""
        file, number = self.file, 0
        seeds = range(file.seeds.first, file.seeds.first + file.seeds.count)
        for source in self.sources:
            for levels, motor in self._levels(source):
                for profile, model, seed in itertools.product(file.patient_profile, file.device_model, seeds):
                    yield Run(
                        number=number, kind=file.kind, source=source, patient_profile=profile, levels_ma=levels,
                        motor_ma=motor, device_model=model, seed=seed, side=file.side, week=file.week,
                        session=file.session,
                    )  # fmt: skip
                    number += 1

    def copy(self) -> str:
        """The study file's text, with the program's version and the protocols' digests added in a table `[ran]`."""
        ran = [f'program = "{self.program}"', f'digest = "{self.digest}"', "", "[ran.protocol_sha256]"]
        ran += [f'"{source.name}" = "{source.sha256}"' for source in self.sources]
        return self.text.rstrip() + "\n\n[ran]\n" + "\n".join(ran) + "\n"


def _product(wanted: dict[str, list[float]], channels: Sequence[str]) -> Iterator[tuple[tuple[str, float], ...]]:
    """One value for each of these channels that has a list."""
    known = [(name, values) for name, values in wanted.items() if name in channels]
    for values in itertools.product(*(values for _, values in known)):
        yield tuple(zip((name for name, _ in known), values, strict=True))


def read_study(path: Path, program: str) -> Study:
    """The study in a file.

    Raises:
        ProtocolError: everything that is wrong with it, by line and key.
        UsageError: more runs than anybody has time for.
    """
    found: dict[str, ProtocolFile] = {}
    file = load_document(path, StudyFile, further=lambda document: _wrong(document, path.parent, found))
    text = path.read_text("utf-8-sig")
    values = tomllib.loads(text)
    if values.pop("ran", None) is not None:
        text = text.split("\n[ran]\n", 1)[0].rstrip() + "\n"
    sources = tuple(found[name] for name in file.protocol)
    asked = {
        "study": {key: _whole(value) for key, value in values.items()},
        "protocols": [source.sha256 for source in sources],
        "program": program,
    }
    study = Study(
        file=file,
        text=text,
        sources=sources,
        program=program,
        digest=hashlib.sha256(canonical(asked)).hexdigest(),
    )
    if (count := study.count()) > RUNS_MAX:
        raise UsageError(f"{path}: {count} runs; at most {RUNS_MAX}")
    return study


def _whole(value: Any) -> Any:
    """For the digest: canonical bytes know whole numbers and strings alone."""
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return repr(float(value)) if isinstance(value, float) else value


def _source(name: str, beside: Path) -> ProtocolFile:
    try:
        if name in library.names():
            data, text = library.path(name).read_bytes(), ""
            protocol, _ = load_runnable(name)
        else:
            path = beside / name
            protocol, _ = load_runnable(str(path))
            data = path.read_bytes()
            text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"protocol {quoted(name)}: {unread(error)}") from None
    except (EstimError, ValueError) as error:
        raise UsageError(f"protocol {quoted(name)}: {error}") from None
    channels = tuple(channel.name for channel in protocol.channel)
    return ProtocolFile(name=name, text=text, sha256=hashlib.sha256(data).hexdigest(), channels=channels)


def _wrong(document: Mapping[str, Any], beside: Path, found: dict[str, ProtocolFile]) -> Iterator[Finding]:
    """Names that lead nowhere, in the plain tables of the file; `found` takes the protocols that are there."""
    for number, name in _texts(document.get("protocol")):
        try:
            found[name] = _source(name, beside)
        except UsageError as error:
            yield ["protocol", number], str(error), name, None
    known = sorted({name for source in found.values() for name in source.channels})
    whole = bool(found) and len(found) == len(set(map(str, document.get("protocol") or [])))
    for key in ("level_ma", "motor_ma"):
        wanted = document.get(key)
        for name, values in wanted.items() if isinstance(wanted, dict) else ():
            if whole and name not in known:
                words = f"no protocol of this study has a channel {quoted(name)}; there are {', '.join(known)}"
                yield [key, name], words, name, ", ".join(known)
            if values == []:
                yield [key, name], "an empty list leaves no run", None, None
    for key, there in (("device_model", tuple(MODELS)), ("patient_profile", ("", *profiles()))):
        if document.get(key) == []:
            yield [key], "an empty list leaves no run", None, None
        names = ", ".join(filter(None, there))
        for number, name in _texts(document.get(key)):
            if name not in there:
                yield [key, number], f"no {quoted(name)}; there are {names}", name, names


def _texts(value: object) -> list[tuple[int, str]]:
    return (
        [(number, each) for number, each in enumerate(value) if isinstance(each, str)]
        if isinstance(value, list)
        else []
    )


def read_ran(path: Path) -> tuple[str, str]:
    """A study's id and the digest in its copy; "" where it has none."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
        return str(said["id"]), str(said["ran"]["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""

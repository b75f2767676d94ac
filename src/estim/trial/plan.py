"""What a trial's file says."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from estim.care.document import Finding, load_document
from estim.protocols.catalogue import load_runnable
from estim.safety.errors import EstimError

TEMPLATE = """# A trial. Fill it in, then have its office seal the allocation, on a stick that the office keeps:
#   estim trial new THIS-FILE -o OFFICE-FOLDER
schema = 1
id = "my-trial"
title = "Quadriceps stimulation against a sham after knee replacement"
blinded = ["patient", "assessor"]     # patient | operator | assessor
blocks = [4, 6]                       # sizes of permuted blocks, drawn at random
per_stratum = 24                      # allocations made ready for each stratum
sessions = 12                         # planned for each patient

[strata]                              # may be left out
site = ["a", "b"]

[[arm]]
id = "active"
protocol = "knee-replacement-quadriceps-early"   # of the library, or of the home's own
ratio = 1

[[arm]]                               # a sham is a whole protocol with its own limits, verdict and record
id = "sham"
protocol = "my-sham"                  # for example: sensory level alone, or current for the first 30 s
ratio = 1
sham = "transient"                    # transient | sub-threshold | off-site | single-pulses

[reported]                            # for the TIDieR table: what no record can know
who = ""                              # profession and training of those who give it
where = ""
"""


class Arm(BaseModel):
    """One arm: a whole protocol."""

    model_config = ConfigDict(extra="forbid", strict=True)
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    protocol: str
    ratio: int = Field(default=1, ge=1, le=10)
    sham: Literal["", "transient", "sub-threshold", "off-site", "single-pulses"] = ""


class TrialFile(BaseModel):
    """A trial's file."""

    model_config = ConfigDict(extra="forbid", strict=True)
    schema_: Literal[1] = Field(alias="schema")
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    title: str
    blinded: list[Literal["patient", "operator", "assessor"]] = ["patient", "assessor"]
    blocks: list[int] = Field(default=[4], min_length=1)
    per_stratum: int = Field(ge=1, le=10_000)
    sessions: int = Field(default=1, ge=1, le=1_000)
    strata: dict[str, list[str]] = {}
    arm: list[Arm] = Field(min_length=2)
    reported: dict[str, str] = {}

    def cells(self) -> list[str]:
        """Every stratum by its name, such as `site=a,sex=f`; "all" where there are none."""
        lists = [[f"{key}={value}" for value in values] for key, values in sorted(self.strata.items())]
        return [",".join(cell) for cell in itertools.product(*lists)] if lists else ["all"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial that was read: its file, its bytes, their digest."""

    file: TrialFile
    text: str
    digest: str


def read_trial(path: Path, *, own: Path | None = None, check: bool = True) -> Trial:
    """The trial in a file.

    Raises:
        ProtocolError: everything that is wrong with it, by line and key.
    """
    file = load_document(path, TrialFile, further=lambda document: _wrong(document, own) if check else ())
    text = path.read_text("utf-8-sig")
    return Trial(file, text, hashlib.sha256(text.encode("utf-8")).hexdigest())


def _wrong(document: Mapping[str, Any], own: Path | None) -> Iterator[Finding]:
    """What the tables of the file contradict, and protocols that can't be run."""
    arms = [arm if isinstance(arm, dict) else {} for arm in _list(document.get("arm"))]
    ratios = [arm.get("ratio", 1) for arm in arms]
    whole = sum(ratio for ratio in ratios if type(ratio) is int) if all(type(ratio) is int for ratio in ratios) else 0
    for number, size in enumerate(_list(document.get("blocks"))):
        if type(size) is int and whole > 0 and (size < 1 or size % whole):
            yield ["blocks", number], f"{size} is no multiple of {whole}, the sum of the arms' ratios", size, whole
    names = [arm.get("id") for arm in arms]
    for number, arm in enumerate(arms):
        if arm.get("id") is not None and arm.get("id") in names[:number]:
            yield ["arm", number, "id"], "two arms have one id", arm.get("id"), None
        if not isinstance(arm.get("protocol"), str):
            continue
        try:
            load_runnable(arm["protocol"], own=own)
        except EstimError as error:
            yield ["arm", number, "protocol"], f"arm {arm.get('id')}: {error}", arm["protocol"], None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

"""What a trial's file says."""

from __future__ import annotations

import hashlib
import itertools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from estim.protocols.catalogue import load_runnable
from estim.safety.errors import EstimError, UsageError

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
        UsageError: everything that is wrong with it, by key.
    """
    try:
        text = path.read_text("utf-8")
        file = TrialFile.model_validate(tomllib.loads(text))
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise UsageError(f"{path}: {said}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from None
    if check and (wrong := _wrong(file, own)):
        raise UsageError(f"{path}: {'; '.join(wrong)}")
    return Trial(file, text, hashlib.sha256(text.encode("utf-8")).hexdigest())


def _wrong(file: TrialFile, own: Path | None) -> list[str]:
    said = []
    whole = sum(arm.ratio for arm in file.arm)
    said += [
        f"blocks: {size} is no multiple of {whole}, the sum of the arms' ratios"
        for size in file.blocks
        if size < 1 or size % whole
    ]
    if len({arm.id for arm in file.arm}) < len(file.arm):
        said.append("arm: two arms have one id")
    for arm in file.arm:
        try:
            load_runnable(arm.protocol, own=own)
        except EstimError as error:
            said.append(f"arm {arm.id}: {error}")
    return said

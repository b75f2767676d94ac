"""What a screening question is, and the groups in which a re-confirmation puts them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["absolute", "relative", "information", "gate"]
Scope = Literal["whole", "limb", "site", "trunk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. "Yes" is always the answer that has a consequence, except for the gate, which must be ticked.

    Attributes:
        id: `S01`..`S30`; `R48` looks back at the session before.
        kind: `absolute` blocks its scope, `relative` needs a recorded reason, `information` changes nothing,
            `gate` must be true before output.
        scope: what a "yes" concerns: the whole session, the limb it is in, the very site, or every site on the trunk.
        group: see `GROUPS`.
        action: what the therapist is told to do.
        rationale, source: why, and where it was read.
    """

    id: str
    kind: Kind
    scope: Scope
    group: str
    text: str
    action: str
    rationale: str
    source: str


GROUPS: tuple[tuple[str, str], ...] = (
    ("today", "Today: asked every time"),
    ("heart", "Heart and implants"),
    ("general", "General"),
    ("sites", "Where the pads go"),
    ("circulation", "Circulation"),
    ("skin", "Skin and sensation"),
    ("movement", "Bone, joint, healing tissue"),
    ("nerve", "Nerve and muscle"),
)

"""An anchor: one signed line, small enough for paper, that says how far the chains of a home had come.

Kept outside the home it finds what the home alone can't show: a cut end, an older copy, a home made anew. A home
continues an anchor when each of its chains still holds that line at that place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from estim.records.chain import GENESIS
from estim.records.clocks import now_stamp
from estim.records.keys import Signer, key_id_of, signed_by
from estim.records.master import KINDS, MASTER, STATION
from estim.records.signed_chain import last_of, read_chain
from estim.records.station import begin_station, trusted_keys
from estim.safety.errors import RecordError

TAG = "estim anchor 1"
UNVOUCHED = (
    "Nothing outside this home vouches for it: an older copy of the whole home, an end cut off everywhere, or a home "
    "made anew with its key would look the same. Keep anchors elsewhere (`estim records anchor`) and give them back "
    "with --anchor FILE."
)
_CHAINS = ("station", *KINDS)
_HEAD = re.compile(r"(\d{1,15}):([0-9a-f]{64})")
_FIELD = re.compile(r"([a-z]+)=(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What one anchor says.

    Attributes:
        heads: chain → (number of lines, hash of the last one).
        utc: when it was made, by the station's clock.
        public_key: of the station.
        signature: over everything before it.
    """

    heads: Mapping[str, tuple[int, str]]
    utc: str
    public_key: str
    signature: str = ""

    @property
    def signed_text(self) -> str:
        """What the signature is over, as UTF-8."""
        heads = " ".join(f"{chain}={number}:{head}" for chain, (number, head) in self.heads.items())
        return f"{TAG} {heads} utc={self.utc} key={self.public_key}"

    def __str__(self) -> str:
        return f"{self.signed_text} sig={self.signature}"


def make_anchor(home: Path) -> Anchor:
    """The anchor of a home as it is now.

    Raises:
        RecordError: the station's key can't be used.
    """
    signer: Signer = begin_station(home)
    heads: dict[str, tuple[int, str]] = {}
    for chain in _CHAINS:
        number, head = last_of(_path(home, chain))
        heads[chain] = (int(str(number)), str(head))
    bare = Anchor(heads=heads, utc=str(now_stamp()["utc"]), public_key=signer.public_hex)
    made = signer.sign(bare.signed_text.encode("utf-8")).hex()
    return Anchor(heads=heads, utc=bare.utc, public_key=bare.public_key, signature=made)


def _path(home: Path, chain: str) -> Path:
    return home / STATION if chain == "station" else home / "records" / chain / MASTER


def read_anchors(text: str) -> list[Anchor]:
    """All anchors in a text; other lines (blank, or of a printed page) are passed over.

    Raises:
        RecordError: a line begins as an anchor and is none, or there is none at all.
    """
    lines = [" ".join(line.split()) for line in text.splitlines()]
    found = [_parse(line) for line in lines if line.startswith("estim anchor")]
    if not found:
        raise RecordError("no anchor is in there; one begins with `estim anchor 1`")
    return found


def _parse(line: str) -> Anchor:
    fields = dict(_FIELD.findall(line))
    heads = {chain: _HEAD.fullmatch(fields.get(chain, "")) for chain in _CHAINS}
    if not line.startswith(f"{TAG} ") or not {"utc", "key", "sig"} <= fields.keys() or None in heads.values():
        raise RecordError(f"this is no anchor of version 1: {line[:60]}")
    anchor = Anchor(
        heads={chain: (int(found[1]), found[2]) for chain, found in heads.items() if found is not None},
        utc=fields["utc"],
        public_key=fields["key"],
        signature=fields["sig"],
    )
    if str(anchor) != line:
        raise RecordError(f"this anchor has other keys, or in another order: {line[:60]}")
    return anchor


def against(home: Path, anchor: Anchor) -> str:
    """Why the home does not continue this anchor; "" if it does."""
    try:
        signature = bytes.fromhex(anchor.signature)
    except ValueError:
        signature = b""
    if not signed_by(anchor.public_key, anchor.signed_text.encode("utf-8"), signature):
        return "its signature does not fit: it was changed, or misread"
    if trusted_keys(home)[0].get(key_id_of(anchor.public_key)) != anchor.public_key:
        return "it is another station's: its key is none of this home's"
    for chain, (number, head) in anchor.heads.items():
        reading = read_chain(_path(home, chain), chain)
        hashes = [str(entry["hash"]) for entry in reading.entries] if reading is not None else []
        name = "the station's chain" if chain == "station" else f"the chain of {chain} sessions"
        if number > len(hashes):
            lost = number - len(hashes)
            return f"{name} had {number} lines on {anchor.utc[:10]}, {len(hashes)} are here: {lost} are gone"
        if (hashes[number - 1] if number else GENESIS) != head:
            return f"{name} has another line {number - 1} than on {anchor.utc[:10]}: it was written anew"
    return ""

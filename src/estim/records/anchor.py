"""An anchor: one signed line, small enough for paper, that says how far the chains of a home had come.

Kept outside the home it finds what the home alone can't show: a cut end, an older copy, a home made anew. A home
continues an anchor when each of its chains still holds that line at that place. A witness's line is the same, signed by
another machine that saw the home.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from estim.records.canonical import unhex
from estim.records.chain import GENESIS
from estim.records.clocks import now_stamp
from estim.records.keys import Signer, key_id_of, signed_by
from estim.records.master import KINDS, MASTER, STATION
from estim.records.signed_chain import last_of, read_chain
from estim.records.station import begin_station, trusted_keys
from estim.safety.errors import RecordError

TAG, WITNESSED = "estim anchor 1", "estim witness 1"
UNVOUCHED = (
    "Nothing outside this home vouches for it: an older copy of the whole home, an end cut off everywhere, or a home "
    "made anew with its key would look the same. Keep anchors elsewhere (`estim records anchor`) and give them back "
    "with --anchor FILE."
)
OWN_WITNESS = "this station signed this line itself: nobody is a witness of their own"
_CHAINS = ("station", *KINDS)
_BEGINS = re.compile(r"^estim (?:anchor|witness).*|(?<![`\w])estim (?:anchor|witness) \d.*")
_HEAD = re.compile(r"(\d{1,15}):([0-9a-f]{64})")
_FIELD = re.compile(r"([a-z]+)=(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What one anchor says.

    Attributes:
        heads: chain → (number of lines, hash of the last one).
        utc: when it was made, by the station's clock.
        public_key: of who signed: the station, or a witness.
        of: a witness's line alone: the public key of the station that it saw.
        signature: over everything before it.
    """

    heads: Mapping[str, tuple[int, str]]
    utc: str
    public_key: str
    of: str = ""
    signature: str = ""

    @property
    def station_key(self) -> str:
        """Public key of the station whose chains these are."""
        return self.of or self.public_key

    @property
    def signed_text(self) -> str:
        """What the signature is over, as UTF-8."""
        heads = " ".join(f"{chain}={number}:{head}" for chain, (number, head) in self.heads.items())
        tag, of = (WITNESSED, f"of={self.of} ") if self.of else (TAG, "")
        return f"{tag} {heads} utc={self.utc} {of}key={self.public_key}"

    def __str__(self) -> str:
        return f"{self.signed_text} sig={self.signature}"


def make_anchor(home: Path) -> Anchor:
    """The anchor of a home as it is now.

    Raises:
        RecordError: the station's key can't be used.
    """
    return signed(begin_station(home), home)


def signed(signer: Signer, home: Path, *, of: str = "") -> Anchor:
    """How far a home is now, signed.

    Args:
        of: the station's public key, where a witness signs.
    """
    heads: dict[str, tuple[int, str]] = {}
    for chain in _CHAINS:
        number, head = last_of(_path(home, chain))
        heads[chain] = (int(str(number)), str(head))
    bare = Anchor(heads=heads, utc=str(now_stamp()["utc"]), public_key=signer.public_hex, of=of)
    return replace(bare, signature=signer.sign(bare.signed_text.encode("utf-8")).hex())


def _path(home: Path, chain: str) -> Path:
    return home / STATION if chain == "station" else home / "records" / chain / MASTER


def read_anchors(text: str) -> list[Anchor]:
    """All anchors and witnesses' lines in a text, whatever a mail program or an editor put before one; other lines
    (blank, or of a printed page) are passed over.

    Raises:
        RecordError: a line begins as an anchor and is none, or there is none at all.
    """
    lines = (_BEGINS.search(" ".join(line.split())) for line in text.splitlines())
    found = [_parse(line[0]) for line in lines if line is not None]
    if not found:
        raise RecordError("no anchor is in there; one begins with `estim anchor 1`")
    return found


def _parse(line: str) -> Anchor:
    fields = dict(_FIELD.findall(line))
    heads = {chain: _HEAD.fullmatch(fields.get(chain, "")) for chain in _CHAINS}
    wanted = {"utc", "key", "sig", "of"} if line.startswith(f"{WITNESSED} ") else {"utc", "key", "sig"}
    known = line.startswith((f"{TAG} ", f"{WITNESSED} "))
    if not known or not wanted <= fields.keys() or None in heads.values():
        raise RecordError(f"this is no anchor of version 1: {line[:60]}")
    anchor = Anchor(
        heads={chain: (int(found[1]), found[2]) for chain, found in heads.items() if found is not None},
        utc=fields["utc"],
        public_key=fields["key"],
        of=fields["of"] if "of" in wanted else "",
        signature=fields["sig"],
    )
    if str(anchor) != line:
        raise RecordError(f"this anchor has other keys, or in another order: {line[:60]}")
    return anchor


def against(home: Path, anchor: Anchor) -> str:
    """Why the home does not continue this anchor; "" if it does."""
    if not is_signed(anchor):
        return "its signature does not fit: it was changed, or misread"
    keys = trusted_keys(home)[0]
    if keys.get(key_id_of(anchor.station_key)) != anchor.station_key:
        return "it is another station's: its key is none of this home's"
    if anchor.of and anchor.public_key in keys.values():
        return OWN_WITNESS
    return continued(home, anchor)


def is_signed(anchor: Anchor) -> bool:
    """Its signature is by the key that it names."""
    try:
        signature = unhex(anchor.signature, 64)
    except ValueError:
        return False
    return signed_by(anchor.public_key, anchor.signed_text.encode("utf-8"), signature)


def continued(home: Path, anchor: Anchor) -> str:
    """Why the home's chains do not go on from these heads, whoever signed them; "" if they do."""
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

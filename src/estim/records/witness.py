"""A witness: another machine with a home of its own, which cosigns what goes on from what it saw last.

It remembers by its own station's chain, so that nobody can make it forget without that being found there. It reads the
chains alone: no record, no patient. A model are the witnesses of public logs (C2SP tlog-witness): a head is signed only
if it continues the last one.
"""

from __future__ import annotations

from pathlib import Path

from estim.records.anchor import OWN_WITNESS, Anchor, continued, is_signed, read_anchors, signed
from estim.records.keys import key_id_of
from estim.records.station import (
    begin_station,
    enter_station,
    judge_station,
    read_station,
    station_lines,
    trusted_keys,
)
from estim.safety.errors import RecordError


def cosign(own: Path, seen: Path) -> Anchor:
    """The witness whose home is `own` looks at the home `seen` and signs how far it is.

    Raises:
        RecordError: there is no station's chain, it is not whole, or it does not go on from what was seen last.
    """
    reading = read_station(seen)
    if reading is None or not reading.entries:
        raise RecordError(f"{seen}: no home with a station's chain is there")
    if own.resolve() == seen.resolve():
        raise RecordError(f"{seen}: a home is no witness of itself; give the witness a home elsewhere (--home)")
    for path, line, reason in judge_station(seen):
        raise RecordError(f"{path}: {'' if line is None else f'line {line}: '}{reason}; nothing is cosigned")
    first = str(reading.entries[0]["public_key"])
    last = last_seen(own, first)
    reason = continued(seen, last) if last is not None else ""
    if last is not None and reason:
        raise RecordError(f"{seen}: {reason}; it does not go on from what was seen on {last.utc[:10]}: not cosigned")
    made = signed(begin_station(own), seen, of=first)
    enter_station(own, "witnessed", of=first, anchor=str(made))
    return made


def last_seen(own: Path, station_key: str) -> Anchor | None:
    """What this witness signed last for a station, by the key that its chain begins with; None: never seen.

    Raises:
        RecordError: the witness's own chain was changed.
    """
    found = [line for line in station_lines(own) if line["event"] == "witnessed" and line["of"] == station_key]
    return read_anchors(str(found[-1]["anchor"]))[0] if found else None


def take_in(home: Path, text: str) -> list[Anchor]:
    """A station enters in its own chain what a witness signed for it; gives the lines that were entered.

    Raises:
        RecordError: no witness's line, one of another station, a changed one, or one that this home does not continue.
    """
    reading = read_station(home)
    own = str(reading.entries[0]["public_key"]) if reading is not None and reading.entries else ""
    keys = trusted_keys(home)[0].values()
    taken = []
    for anchor in read_anchors(text):
        if not anchor.of:
            raise RecordError("an anchor of the station itself is no witness's line; one begins with `estim witness 1`")
        if not is_signed(anchor):
            raise RecordError("the witness's signature does not fit: the line was changed, or misread")
        if anchor.of != own:
            raise RecordError(f"key {key_id_of(anchor.of)}: this line is about another station than this home's")
        if anchor.public_key in keys:
            raise RecordError(f"key {key_id_of(anchor.public_key)}: {OWN_WITNESS}")
        if reason := continued(home, anchor):
            raise RecordError(f"this home does not go on from what the witness saw: {reason}")
        enter_station(home, "cosigned", witness=anchor.public_key, anchor=str(anchor))
        taken.append(anchor)
    return taken

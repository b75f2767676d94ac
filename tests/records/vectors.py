"""The test vectors of docs/record-format.md: `python -m tests.records.vectors` makes verifier/vectors anew.

Each is a session's folder with `expected.json`: what every verifier must say of it. `keys.txt` holds the trusted keys.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from estim.records.canonical import canonical
from estim.records.chain import GENESIS, Chain
from estim.records.keys import Signer, seeded_signer
from estim.records.segment import digest_of, segment_name

ROOT = Path(__file__).parents[2] / "verifier" / "vectors"
STATION, ROTATED, STRANGER = seeded_signer(41), seeded_signer(42), seeded_signer(43)
UTC = "2026-11-21T12:00:00.000+00:00"
PERSON = {"operator": "T1", "name": "Theresa Møller", "meaning": "performed", "utc": UTC, "authenticated": True}


@dataclass
class Vector:
    """One folder.

    Attributes:
        parts: its segments.
        ok, first_bad, ending: what must be said of it.
        why: what it shows.
    """

    name: str
    why: str
    parts: list[bytes]
    ok: bool
    first_bad: int | None
    ending: str
    keys: list[Signer] = field(default_factory=lambda: [STATION])


def record(
    *,
    simulated: bool = False,
    signer: Signer = STATION,
    form: int = 3,
    notes: tuple[dict[str, Any], ...] = ({"text": "first"}, {"text": "second"}),
    person: bool = True,
    sealed: bool = True,
    seal_signer: Signer | None = None,
    kinds: tuple[tuple[str, dict[str, Any]], ...] = (),
) -> list[bytes]:
    """The lines of a short record."""
    chain = Chain(simulated=simulated)
    lines = [chain.line("header", {"format": form, "patient": "K-1", "operator": "T1", "utc": UTC}, 0)]
    lines.append(checkpoint(chain, signer, 10))
    lines += [chain.line("note", note, 1_000 + at) for at, note in enumerate(notes)]
    lines += [chain.line(kind, fields, 2_000) for kind, fields in kinds]
    if person:
        lines.append(chain.line("signature", {**PERSON, "comment": ""}, 3_000))
    lines.append(chain.line("end", {"outcome": "completed", "output": "OFF", "contractions": 15, "dose": []}, 4_000))
    if sealed:
        lines.append(seal(chain, seal_signer or signer, 5_000, form=form))
    return lines


def checkpoint(chain: Chain, signer: Signer, t_us: int) -> bytes:
    fields = {"session": "20261121T120000.000000Z-K-1", "public_key": signer.public_hex, "boot_us": 7, "utc": UTC}
    return chain.checkpoint(signer.sign, signer.key_id, t_us, fields)


def seal(chain: Chain, signer: Signer, t_us: int, *, form: int = 3) -> bytes:
    fields = {"session": "20261121T120000.000000Z-K-1", "public_key": signer.public_hex, "boot_us": 8, "utc": UTC}
    if form < 3:
        chain._before, seals = [], chain.checkpoint  # before format 3 a seal said nothing of the files
        line = seals(signer.sign, signer.key_id, t_us, fields, kind="checkpoint")
        return _resigned(line, signer, lambda entry: entry.update(kind="seal"))
    return chain.checkpoint(signer.sign, signer.key_id, t_us, fields, kind="seal")


def _resigned(line: bytes, signer: Signer, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A signed line, changed and signed and hashed anew."""
    entry = json.loads(line)
    change(entry)
    entry.pop("hash")
    entry["fields"].pop("signature", None)
    message = b"estim checkpoint 1\n" + canonical(entry)
    entry["fields"]["signature"] = signer.sign(message).hex()
    return _hashed(entry)


def _hashed(entry: dict[str, Any]) -> bytes:
    entry.pop("hash", None)
    return canonical({**entry, "hash": hashlib.sha256(canonical(entry)).hexdigest()}) + b"\n"


def _relinked(lines: list[bytes], first: int) -> list[bytes]:
    """Hashes and links made anew from a line on, as somebody without the key can."""
    made = lines[:first]
    for line in lines[first:]:
        entry = json.loads(line)
        entry["prev"] = json.loads(made[-1])["hash"] if made else GENESIS
        entry["n"] = len(made)
        made.append(_hashed(entry))
    return made


def good() -> Iterator[Vector]:
    def one(name: str, why: str, lines: list[bytes], keys: list[Signer] | None = None) -> Vector:
        return Vector(
            name,
            why,
            [b"".join(lines)],
            ok=True,
            first_bad=None,
            ending="complete",
            keys=[STATION] if keys is None else keys,
        )

    yield one("good-short", "a short record, sealed and signed by a person", record())
    yield one(
        "good-simulated",
        "a simulated one: its key proves nothing and is not asked for",
        record(simulated=True, signer=STRANGER),
    )
    yield one("good-unsigned", "no person signed: sealed all the same", record(person=False))
    yield one("good-no-keys", "nobody's key is trusted: the record agrees with itself", record(signer=STRANGER), [])
    yield one(
        "good-other-letters",
        "text that is not ASCII, and every character that is escaped",
        record(notes=({"text": "Größe 7 µA × 2, 肌肉, \u2028, 😀"}, {"text": '" \\ / \b \f \n \r \t \x00 \x1f \x7f'})),
    )
    yield one(
        "good-largest-integers", "2^53 - 1 and its negative", record(notes=({"n": 2**53 - 1, "m": -(2**53) + 1},))
    )
    yield one(
        "good-keys-in-order",
        "keys in the order of their code units",
        record(notes=({"b": 1, "B": 2, "_": 3, "a-b": 4, "a": {}},)),
    )
    yield one(
        "good-rotated-key",
        "the key changed between checkpoint and seal",
        record(seal_signer=ROTATED),
        [STATION, ROTATED],
    )
    yield one("good-format-1", "before format 3 a seal said nothing of the files", record(form=1))
    yield one(
        "good-newer-kinds",
        "a newer version's format, kind and field are kept",
        record(form=9, kinds=(("pressure", {"sent_kpa": 12}),)),
    )
    broken = record(sealed=False)[:4]
    for name, tail in (("good-take-over", b""), ("good-take-over-after-a-torn-line", record()[4][:50])):
        first = b"".join(broken) + tail
        chain = Chain(simulated=False, first_n=4, prev=json.loads(broken[-1])["hash"], before=[digest_of(first)])
        second = [chain.line("take-over", {"cause": "eof", "output": "OFF"}, 9_000), checkpoint(chain, STATION, 9_001)]
        second += [chain.line("end", {"outcome": "fault", "output": "OFF"}, 9_002), seal(chain, STATION, 9_003)]
        yield Vector(name, "the front stopped the device and went on in a new segment", [first, b"".join(second)],
                     ok=True, first_bad=None, ending="take-over")  # fmt: skip


def bad() -> Iterator[Vector]:
    lines = record()
    whole = b"".join(lines)
    last = len(lines) - 1

    def one(
        name: str, why: str, data: bytes | list[bytes], first_bad: int | None, ending: str = "incomplete"
    ) -> Vector:
        made = data if isinstance(data, bytes) else b"".join(data)
        return Vector(f"bad-{name}", why, [made], ok=False, first_bad=first_bad, ending=ending)

    yield one("changed", "one letter of a note", whole.replace(b'"text":"first"', b'"text":"fir5t"'), 2)
    yield one(
        "changed-hash", "one digit of a hash", whole.replace(json.loads(lines[3])["hash"].encode(), b"0" * 64, 1), 3
    )
    yield one(
        "changed-and-rehashed",
        "a note changed, and every hash after it made anew",
        _relinked([*lines[:2], lines[2].replace(b"first", b"fir5t"), *lines[3:]], 2),
        last,
    )
    yield one("removed", "a line left out", [*lines[:2], *lines[3:]], 2)
    yield one("doubled", "a line twice", [*lines[:3], *lines[2:]], 3)
    yield one("swapped", "two lines in the other order", [*lines[:2], lines[3], lines[2], *lines[4:]], 2)
    yield one("inserted", "a line put between", [*lines[:3], lines[3].replace(b"second", b"2econd"), *lines[3:]], 3)
    yield one("cut-after-a-line", "its end is gone, at the end of a line", lines[:-1], None)
    yield one("cut-within-a-line", "its end is gone, within a line", whole[:-100], last, "torn")
    yield one("empty", "a file without a line", b"", None)
    yield one(
        "more-after-the-seal",
        "a line behind the seal",
        [*lines, Chain(simulated=False, first_n=last + 1, prev=json.loads(lines[-1])["hash"]).line("note", {}, 9_000)],
        last + 1,
    )
    yield one("no-newline-at-the-end", "the last line lacks its newline", whole[:-1], last, "torn")
    yield one("blank-line", "an empty line between two", whole.replace(b"}\n", b"}\n\n", 1), 1)
    yield one("carriage-return", "a line that ends as other systems end theirs", whole.replace(b"}\n", b"}\r\n", 1), 0)
    yield one("other-spelling", "a blank where there is none", whole.replace(b'"n":2,', b'"n": 2,'), 2)
    yield one("other-order", "two keys in another order", whole.replace(b'"n":2,"prev"', b'"prev":"","n":2,"prev"'), 2)
    yield one(
        "escaped-letter",
        "a letter escaped that need not be",
        whole.replace(b'"text":"first"', b'"text":"\\u0066irst"'),
        2,
    )
    for name, text in (
        ("float", b"1.5"),
        ("whole-float", b"1.0"),
        ("exponent", b"1e3"),
        ("large-integer", b"9007199254740992"),
    ):
        yield one(name, "a number that can't stand in a record", _raw_note(lines, b'{"x":%s}' % text), 2)
    yield one("no-utf-8", "bytes that are no text", whole.replace(b"first", b"f\xfcrst"), 2)
    yield one(
        "eighth-key",
        "a key more than the seven",
        whole.replace(b'"kind":"note","n":2', b'"kind":"note","m":1,"n":2'),
        2,
    )
    yield one("not-an-object", "a list instead of a line", [*lines[:2], b"[]\n", *lines[2:]], 2)
    yield one("begins-without-header", "the header is gone, all hashes made anew", _relinked(lines[1:], 0), 0)
    yield one(
        "earlier-time",
        "a line that is earlier than the one before it",
        _relinked([*lines[:3], lines[3].replace(b'"t_us":1001', b'"t_us":999'), *lines[4:]], 3),
        3,
    )
    yield one(
        "mixed",
        "one line that says it is simulated",
        _relinked([*lines[:3], lines[3].replace(b'"simulated":false', b'"simulated":true'), *lines[4:]], 3),
        3,
    )
    yield one("stranger", "sealed with a key that nobody trusts", record(signer=STRANGER), last)
    yield one(
        "unsigned-checkpoint",
        "a checkpoint without a signature",
        _relinked([lines[0], _bare(lines[1]), *lines[2:]], 1),
        1,
    )
    yield one(
        "signature-of-another",
        "a checkpoint's signature over something else",
        _relinked([lines[0], _swapped_signature(lines[1]), *lines[2:]], 1),
        1,
    )
    other = _resigned(lines[-1], STATION, lambda entry: entry["fields"]["segments"][0].update(sha256="0" * 64))
    yield one("seal-of-other-files", "the seal signs another digest of the file", [*lines[:-1], other], last)
    none = _resigned(lines[-1], STATION, lambda entry: entry["fields"].pop("segments"))
    yield one("seal-without-digests", "format 3, and the seal says nothing of the files", [*lines[:-1], none], last)
    take = Chain(simulated=False, first_n=4, prev=json.loads(lines[3])["hash"])
    second = take.line("note", {"text": "no take-over"}, 9_000)
    yield Vector("bad-second-segment", "a further segment that is no take-over", [b"".join(lines[:4]), second],
                 ok=False, first_bad=4, ending="incomplete")  # fmt: skip


def _raw_note(lines: list[bytes], fields: bytes) -> bytes:
    """A note whose fields are these bytes, hashed as they stand, and all links after it made anew."""
    entry = json.loads(lines[2])
    rest = canonical({key: entry[key] for key in ("kind", "n", "prev", "simulated", "t_us")})[1:]
    digest = hashlib.sha256(b'{"fields":' + fields + b"," + rest).hexdigest().encode()
    return b"".join([*lines[:2], b'{"fields":' + fields + b',"hash":"' + digest + b'",' + rest + b"\n", *lines[3:]])


def _bare(line: bytes) -> bytes:
    entry = json.loads(line)
    del entry["fields"]["signature"]
    return _hashed(entry)


def _swapped_signature(line: bytes) -> bytes:
    entry = json.loads(line)
    entry["fields"]["signature"] = STATION.sign(b"something else").hex()
    return _hashed(entry)


def write(root: Path = ROOT) -> int:
    """All vectors; gives their number."""
    from tests.records import vectors_more

    shutil.rmtree(root, ignore_errors=True)
    count = 0
    for vector in (*good(), *bad(), *vectors_more.good(), *vectors_more.bad()):
        folder = root / vector.name
        folder.mkdir(parents=True)
        for index, data in enumerate(vector.parts):
            (folder / segment_name(index)).write_bytes(data)
        keys = "".join(f"{signer.key_id} {signer.public_hex}\n" for signer in vector.keys)
        (folder / "keys.txt").write_text(keys, encoding="ascii", newline="\n")
        expected = {"why": vector.why, "ok": vector.ok, "first_bad": vector.first_bad, "ending": vector.ending}
        (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8", newline="\n")
        count += 1
    return count


if __name__ == "__main__":
    write()

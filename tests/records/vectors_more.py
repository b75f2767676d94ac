"""More test vectors: what a verifier written from the page alone was tried with, each with what it must say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from estim.records.canonical import canonical
from estim.records.chain import GENESIS, Chain
from estim.records.segment import digest_of
from tests.records import vectors as v

Change = Callable[[dict[str, Any]], object]


def resealed(lines: list[bytes], at: int, change: Change) -> list[bytes]:
    """One line changed by the station itself: everything after it is linked, signed and sealed anew."""
    made: list[bytes] = []
    for number, line in enumerate(lines):
        entry = json.loads(line)
        entry["prev"] = json.loads(made[-1])["hash"] if made else GENESIS
        if number == at:
            change(entry)
        fields = entry["fields"]
        if "signature" not in fields or "key_id" not in fields:
            made.append(v._hashed(entry))
            continue
        if entry["kind"] == "seal":
            before = b"".join(made)
            fields["segments"] = [{"bytes": len(before), "sha256": hashlib.sha256(before).hexdigest()}]
        made.append(v._resigned(canonical(entry) + b"\n", v.STATION, lambda _entry: None))
    return made


def fields(**said: object) -> Change:
    return lambda entry: entry["fields"].update(said)


def of_segments(**said: object) -> Change:
    return lambda entry: entry["fields"]["segments"][0].update(said)


def good() -> Iterator[v.Vector]:
    lines = v.record()
    deep = json.loads("[" * 252 + "]" * 252)  # in `fields`, which is in the line

    def one(name: str, why: str, made: list[bytes]) -> v.Vector:
        return v.Vector(f"good-{name}", why, [b"".join(made)], ok=True, first_bad=None, ending="complete")

    yield one(
        "rare-letters", "letters that some writers escape", v.record(notes=({"text": "\x7f\u2028\ufeff\ud7ff\uffff"},))
    )
    yield one("keys-like-numbers", "keys that look like numbers, and an empty one",
              v.record(notes=({"10": 1, "9": 2, "a": 3, "": 4, "__proto__": 5},)))  # fmt: skip
    yield one("nested-254-deep", "lists within one another, as many as can be", v.record(notes=({"x": deep},)))
    yield one("time-before-zero", "a header that is earlier than the clock's zero",
              resealed(lines, 0, lambda entry: entry.update(t_us=-5)))  # fmt: skip
    yield one("other-line-signed", "a note that is signed as a checkpoint is",
              resealed(lines, 2, fields(key_id=v.STATION.key_id, signature="")))  # fmt: skip
    yield one("public-key-not-told", "the trusted key is used, told or not",
              resealed(lines, 1, lambda entry: entry["fields"].pop("public_key")))  # fmt: skip
    untold = resealed(lines, 1, lambda entry: entry["fields"].pop("public_key"))
    yield v.Vector("good-public-key-in-another-line", "no key is trusted, and the checkpoint has its in the seal",
                   [b"".join(untold)], ok=True, first_bad=None, ending="complete", keys=[])  # fmt: skip
    old = v.record(form=2)
    named = json.loads(old[0])
    named["fields"]["format"] = "3"
    made = [v._hashed(named)]
    for line in old[1:]:
        entry = {**json.loads(line), "prev": json.loads(made[-1])["hash"]}
        signs = "signature" in entry["fields"] and "key_id" in entry["fields"]
        made.append(v._resigned(canonical(entry), v.STATION, lambda _entry: None) if signs else v._hashed(entry))
    yield one("format-in-text", "a format that is no number, and a seal that names no files", made)
    yield one("another-public-key-told", "the trusted key is used, whatever the line says",
              resealed(lines, 1, fields(public_key=v.STRANGER.public_hex)))  # fmt: skip
    yield one("empty-kind", "a kind without a name is a newer version's",
              resealed(lines, 2, lambda entry: entry.update(kind="")))  # fmt: skip


def bad() -> Iterator[v.Vector]:
    yield from _spellings()
    yield from _signatures()
    yield from _segments()


def _one(name: str, why: str, made: list[bytes] | bytes, first_bad: int | None, ending: str = "incomplete") -> v.Vector:
    whole = made if isinstance(made, bytes) else b"".join(made)
    return v.Vector(f"bad-{name}", why, [whole], ok=False, first_bad=first_bad, ending=ending)


def _spellings() -> Iterator[v.Vector]:
    lines = v.record()
    whole = b"".join(lines)
    for name, why, text in (
        ("minus-zero", "a zero below zero", b'{"x":-0}'),
        ("twice-the-same-key", "a key that stands twice", b'{"x":1,"x":1}'),
        ("half-a-letter", "half a surrogate pair", b'{"x":"\\ud800"}'),
        ("key-of-other-letters", "a key that is not ASCII", '{"ü":1}'.encode()),
        ("no-number", "NaN", b'{"x":NaN}'),
        ("ten-thousand-digits", "a number of 10 000 digits", b'{"x":' + b"9" * 10_000 + b"}"),
        ("fields-a-list", "fields that are a list", b"[]"),
        ("nested-255-deep", "one list more than can be", b'{"x":' + b"[" * 253 + b"]" * 253 + b"}"),
        ("nested-900-deep", "many lists more than can be", b'{"x":' + b"[" * 900 + b"]" * 900 + b"}"),
    ):
        yield _one(name, why, v._raw_note(lines, text), 2)
    yield _one("zero-byte", "a byte 0 within text", whole.replace(b"first", b"f\0rst"), 2)
    yield _one("byte-order-mark", "a byte order mark in front", b"\xef\xbb\xbf" + whole, 0)
    yield _one(
        "n-true", "true where a number stands", [lines[0], lines[1].replace(b'"n":1', b'"n":true'), *lines[2:]], 1
    )
    digest = str(json.loads(lines[-1])["hash"])
    upper = lines[-1].replace(digest.encode(), digest.upper().encode())
    yield _one("hash-in-capitals", "a hash in capital letters", [*lines[:-1], upper], len(lines) - 1)
    yield _one("only-a-newline", "one empty line", b"\n", 0)
    yield _one("only-a-beginning", "bytes without a newline", b"abc", 0, "torn")
    yield _one("only-a-header", "a header and nothing else", lines[:1], None)


def _signatures() -> Iterator[v.Vector]:
    lines = v.record()
    last = len(lines) - 1
    note = lines[2].replace(b'"text":"first"', b'"key_id":"x","signature":"y","text":"first"')
    yield _one("other-line-signed-by-nobody", "a note with a key id and a signature that are none",
               v._relinked([*lines[:2], note, *lines[3:]], 2), 2)  # fmt: skip
    checkpoint = json.loads(lines[1])
    checkpoint["fields"]["signature"] = 5
    yield _one("signature-a-number", "a signature that is no text",
               v._relinked([lines[0], v._hashed(checkpoint), *lines[2:]], 1), 1)  # fmt: skip
    seal = lines[-1]
    for name, why, key, change_text in (
        ("signature-in-capitals", "a signature in capital digits", "signature", str.upper),
        ("signature-with-a-blank", "a blank within a signature", "signature", lambda text: f"{text[:64]} {text[64:]}"),
        ("signature-with-more", "digits behind a signature", "signature", lambda text: text + "00"),
        ("key-id-in-capitals", "a key id in capital digits", "key_id", str.upper),
        ("key-id-in-a-list", "a list that holds the key id", "key_id", lambda text: [text]),
    ):
        entry = json.loads(seal)
        entry["fields"][key] = change_text(entry["fields"][key])
        yield _one(name, why, [*lines[:-1], v._hashed(entry)], last)
    nowhere = resealed(lines, 1, lambda entry: entry["fields"].pop("public_key"))
    seal_too = v._resigned(nowhere[-1], v.STATION, lambda entry: entry["fields"].pop("public_key"))
    yield v.Vector("bad-public-key-nowhere", "nobody trusts a key, and the record brings none",
                   [b"".join([*nowhere[:-1], seal_too])], ok=False, first_bad=1, ending="incomplete",
                   keys=[])  # fmt: skip
    listed = v._resigned(seal, v.STATION, fields(key_id=[v.STATION.key_id]))
    yield _one("key-id-in-a-list-signed", "a list that holds the key id, signed so", [*lines[:-1], listed], last)
    for name, why, change in (
        ("no-segment", "a seal that names no segment", fields(segments=[])),
        ("segments-null", "a seal whose segments are null", fields(segments=None)),
        ("segments-text", "a seal whose segments are text", fields(segments="x")),
        ("segment-with-another-key", "a seal whose segment has a third key", of_segments(x=1)),
        ("segment-of-true-bytes", "a seal whose segment has true bytes", of_segments(bytes=True)),
    ):
        yield _one(f"seal-of-{name}", why, [*lines[:-1], v._resigned(lines[-1], v.STATION, change)], last)


def _segments() -> Iterator[v.Vector]:
    lines = v.record()
    first = lines[:4]
    chain = Chain(simulated=False, first_n=4, prev=json.loads(first[-1])["hash"], before=[digest_of(b"".join(first))])
    second = [chain.line("take-over", {"cause": "eof"}, 5), v.checkpoint(chain, v.STATION, 9_001)]
    second.append(v.seal(chain, v.STATION, 9_003))
    yield _one("tail-behind-the-seal", "the beginning of a line behind the seal", [*lines, b'{"fields"'], 7, "torn")
    zeros = [*lines, b"\0" * 100]
    yield _one("zeros-behind-the-seal", "bytes 0 behind the seal, as a file system leaves them", zeros, 7, "torn")
    for name, why, parts, first_bad, ending in (
        ("empty-second-segment", "a second segment without a line", [first, []], None, "incomplete"),
        ("empty-segment-behind-the-seal", "an empty segment behind a sealed one", [lines, []], 6, "incomplete"),
        ("unfinished-second-segment", "a second segment that is the beginning of a line", [first, [b"abc"]], 4, "torn"),
        ("third-segment-empty", "an empty segment behind one that was taken over and sealed", [first, second, []], 6,
         "incomplete"),
    ):  # fmt: skip
        made = [b"".join(part) for part in parts]
        yield v.Vector(f"bad-{name}", why, made, ok=False, first_bad=first_bad, ending=ending)

"""What makes a session's folder: its segments, and the words that its head is known by."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from estim.record_lines.rows import SegmentRow

RECORD = "record.jsonl"
PACKED = ".zst"
# 256 short words, so that a head of 4 words is 32 bits: enough to notice, short enough to write down.
_ONSETS = ("b", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z")
_RIMES = (
    "aba", "ado", "aki", "alu", "ena", "epo", "eri", "esu",
    "ila", "imo", "ine", "ito", "oka", "olu", "oni", "uta",
)  # fmt: skip


def word_head(digest: str) -> str:
    """The first 32 bits of a hash as four words that a person can write down and compare."""
    return " ".join(_ONSETS[int(digest[at], 16)] + _RIMES[int(digest[at + 1], 16)] for at in range(0, 8, 2))


def segment_name(index: int) -> str:
    """File name of a session's segment: the controller writes the first, a take-over the next."""
    return RECORD if index == 0 else f"record.{index}.jsonl"


def segments(folder: Path) -> list[Path]:
    """The segments that a folder has, in order, without a gap; an archived one is compressed."""
    found: list[Path] = []
    while True:
        plain = folder / segment_name(len(found))
        packed = plain.with_name(plain.name + PACKED)
        if plain.exists():
            found.append(plain)
        elif packed.exists():
            found.append(packed)
        else:
            return found


def open_segment(path: Path) -> BinaryIO:
    """The plain bytes of a segment, as a stream.

    Raises:
        OSError: it can't be opened.
    """
    file = path.open("rb")
    if path.suffix != PACKED:
        return file
    return cast("BinaryIO", zstandard.ZstdDecompressor().stream_reader(file, closefd=True))


def read_segment(path: Path) -> bytes:
    """The plain bytes of a segment.

    Raises:
        OSError: it can't be read, or what is compressed is damaged.
    """
    if path.suffix != PACKED:
        return path.read_bytes()
    try:
        with open_segment(path) as file:
            return file.read()
    except zstandard.ZstdError as error:
        raise OSError(f"{path}: damaged: {error}") from None


def digest_of(data: bytes) -> SegmentRow:
    """A segment's file as a seal signs it."""
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

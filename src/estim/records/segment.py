"""What makes a session's folder: its segments, and the words that its head is known by."""

from __future__ import annotations

import errno
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import zstandard

from estim.platform.files import no_device
from estim.record_lines.rows import SegmentRow

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

RECORD = "record.jsonl"
PACKED = ".zst"
_PACKED_AT_ONCE = 4 * 1024  # some 25 kB of a record; made of nothing but equal bytes, it may be 130 MB
UNPACKED_MAX = 1 << 29  # bytes of one segment; a day of the densest session writes less, a stranger's file may say more
_UNPACKED = 1024 * 1024
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


class _Unpacked(io.RawIOBase):
    """The plain bytes of a compressed file. The library's own stream ends in silence where the file was cut."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most  # bytes that may still come out
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._whole = False  # behind a frame's end
        self._left = b""  # of the file, behind the last frame's end
        self._plain = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while not len(self._plain):
            packed = self._left or self._file.read(_PACKED_AT_ONCE)
            if not packed:
                if self._whole:
                    return 0
                raise zstandard.ZstdError("it was cut: the compressed data stop before their own end")
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._plain = memoryview(self._frame.decompress(packed))
            self._most -= len(self._plain)
            if self._most < 0:
                raise zstandard.ZstdError("more comes out of it than any session writes")
            self._left = self._frame.unused_data
            self._whole = self._frame.eof
            if self._whole:
                self._frame = None
        view = memoryview(buffer)
        taken = self._plain[: len(view)]
        view[: len(taken)] = taken
        self._plain = self._plain[len(taken) :]
        return len(taken)

    def close(self) -> None:
        self._file.close()
        super().close()


def open_segment(path: Path, *, most: int = UNPACKED_MAX) -> BinaryIO:
    """The plain bytes of a segment, as a stream.

    Args:
        most: so many bytes may come out of a compressed one.

    Raises:
        OSError: it can't be opened.
    """
    file = no_device(path).open("rb")
    if path.suffix != PACKED:
        return file
    return cast("BinaryIO", io.BufferedReader(_Unpacked(file, most), _UNPACKED))


def read_segment(path: Path, *, most: int = UNPACKED_MAX) -> bytes:
    """The plain bytes of a segment; `most` of them, of a compressed one.

    Raises:
        OSError: it can't be read, or what is compressed is damaged.
    """
    if path.suffix != PACKED:
        return no_device(path).read_bytes()
    try:
        with open_segment(path, most=most) as file:
            return file.read()
    except zstandard.ZstdError as error:
        raise OSError(errno.EIO, f"damaged: {error}", str(path)) from None


def digest_of(data: bytes) -> SegmentRow:
    """A segment's file as a seal signs it."""
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

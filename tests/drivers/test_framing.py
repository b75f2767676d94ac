"""Framing: the same good frames come out however bytes are split and whatever junk lies around them; bounded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estim.drivers import framing
from tests.counted import Work

FAMILIES = {
    "34": (framing.ScienceMode34Framer, framing.encode34, 63, 1_023),
    "2": (framing.ScienceMode2Framer, framing.encode2, 255, 255),
}
BODY = framing._BODY


def reference(family: str, stream: bytes) -> list[framing.WireFrame]:
    """A byte-by-byte state machine {hunt, in-frame, escaped}, as the wire document words it; slow and plain."""
    framer = FAMILIES[family][0]
    found: list[framing.WireFrame] = []
    frame: bytearray | None = None
    escaped = False
    for byte in stream:
        if frame is not None and len(frame) >= framing.FRAME_MAX:
            frame = None
        if frame is None:
            if byte == 0xF0:
                frame, escaped = bytearray((byte,)), False
            continue
        if escaped:
            frame.append(byte)
            escaped = False
        elif byte == 0xF0:
            frame = bytearray((byte,))
        else:
            frame.append(byte)
            escaped = byte == 0x81
            if byte == 0x0F:
                found += [f for f in framer().feed(bytes(frame)) if isinstance(f, framing.WireFrame)]
                frame = None
    return found


def feed_split(family: str, stream: bytes, cuts: list[int]) -> tuple[list[framing.WireFrame], int]:
    framer = FAMILIES[family][0]()
    found: list[framing.WireFrame] = []
    at = pending = 0
    for cut in [*sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]:
        found += [f for f in framer.feed(stream[at:cut]) if isinstance(f, framing.WireFrame)]
        pending = max(pending, framer.pending)
        at = cut
    return found, pending


junk = st.one_of(
    st.binary(max_size=40),
    st.lists(st.sampled_from([0xF0, 0x0F, 0x81, 0x55, 0x00]), max_size=40).map(bytes),
)


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_good_frames_come_out_however_the_bytes_are_split(family: str, data: st.DataObject) -> None:
    _, encode, packet_max, command_max = FAMILIES[family]
    parts = data.draw(
        st.lists(
            st.tuples(junk, st.integers(0, packet_max), st.integers(0, command_max), st.binary(max_size=60)),
            max_size=6,
        )
    )
    stream = b"".join(noise + b"\x0f" + encode(packet, command, body) for noise, packet, command, body in parts)
    stream += data.draw(junk)
    cuts = data.draw(st.lists(st.integers(0, 4_000), max_size=12))
    wanted = reference(family, stream)
    found, pending = feed_split(family, stream, cuts)
    assert found == wanted
    assert pending < framing.FRAME_MAX


@pytest.mark.parametrize("family", FAMILIES)
@given(packet=st.integers(0, 63), command=st.integers(0, 255), body=st.binary(max_size=100))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(family: str, packet: int, command: int, body: bytes) -> None:
    framer, encode, _, _ = FAMILIES[family]
    assert framer().feed(encode(packet, command, body)) == [framing.WireFrame(packet, command, body)]


@pytest.mark.parametrize("family", FAMILIES)
def test_random_and_mutated_bytes(family: str) -> None:
    """Seeded; the campaign of ten million is `python bench/wire.py --fuzz`."""
    assert fuzz(family, seed=1, size=200_000) > 500


def fuzz(family: str, *, seed: int, size: int) -> int:
    """Random bytes, special bytes, good and mutated frames, in pieces of any size; gives how many good frames came."""
    chance = random.Random(seed)
    _, encode, packet_max, command_max = FAMILIES[family]
    framer = FAMILIES[family][0]()
    done = good = 0
    while done < size:
        stream = bytearray()
        for _ in range(40):
            kind = chance.randrange(4)
            if kind == 0:
                stream += chance.randbytes(chance.randrange(60))
            elif kind == 1:
                stream += bytes(chance.choices(b"\xf0\x0f\x81\x55\xa5\x5a", k=chance.randrange(60)))
            else:
                frame = bytearray(
                    encode(
                        chance.randint(0, packet_max),
                        chance.randint(0, command_max),
                        chance.randbytes(chance.randrange(50)),
                    )
                )
                if kind == 2:
                    frame[chance.randrange(len(frame))] = chance.randrange(256)
                stream += frame
        stream += b"\x0f" * 2  # ends what is open, so that the reference can begin anew
        wanted = reference(family, bytes(stream))
        found: list[framing.WireFrame] = []
        at = 0
        while at < len(stream):
            piece = chance.choice((1, 2, 7, 64, 500, 5_000))
            found += [f for f in framer.feed(bytes(stream[at : at + piece])) if isinstance(f, framing.WireFrame)]
            assert framer.pending < framing.FRAME_MAX
            at += piece
        assert found == wanted
        framer = FAMILIES[family][0]()
        done += len(stream)
        good += len(found)
    return good


@pytest.mark.parametrize("family", FAMILIES)
def test_endless_frames_are_dropped_and_the_next_is_found(family: str) -> None:
    framer, encode, _, _ = FAMILIES[family]
    good = encode(5, 7, b"abc")
    for filler in (b"\x00" * 1_500, b"\x81" * 1_501, b"\x81\xf0" * 900, b"\xf0" * 5_000):
        for size in (1, 13, 100_000):
            stream, device = b"\xf0" + filler + b"\x0f" + good, framer()
            frames = [f for at in range(0, len(stream), size) for f in device.feed(stream[at : at + size])]
            assert frames[-1] == framing.WireFrame(5, 7, b"abc")
            assert device.dropped > 0


def test_checksums_of_the_wire_document() -> None:
    assert framing.crc16(b"123456789") == 0x31C3
    assert framing.crc8(b"123456789") == 0xF4


def test_what_cannot_be_written_is_refused() -> None:
    for packet, command, body in ((64, 1, b""), (-1, 1, b""), (0, 1_024, b""), (0, 1, bytes(1_200))):
        with pytest.raises(ValueError, match=r"must be|longer"):
            framing.encode34(packet, command, body)
    for packet, command, body in ((256, 1, b""), (0, 256, b""), (0, 1, bytes(254))):
        with pytest.raises(ValueError, match=r"must be|fit"):
            framing.encode2(packet, command, body)


@pytest.mark.hazard("H05")
def test_single_bit_errors_never_pass() -> None:
    for family, (framer, encode, _, _) in FAMILIES.items():
        raw = encode(9, 32, bytes.fromhex("0100500FA55000"))
        for bit in range(8 * len(raw)):
            mutated = bytearray(raw)
            mutated[bit // 8] ^= 1 << bit % 8
            frames = framer().feed(bytes(mutated))
            assert not [f for f in frames if isinstance(f, framing.WireFrame)], (family, bit)


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize(
    "noise",
    [b"\x81\xf0", b"\xf0", b"\x81", b"\xf0\x81", b"\xf0\x81\x81", b"\xf0\x11\x0f", b"\x11", b"\xf0\x81\xf0\x0f"],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_work_grows_with_the_bytes_and_no_faster(
    family: str, noise: bytes, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found on a wrongly set line: 64 kB of `81 F0` held the loop for 14 s. Counted, since a time is the machine's too;
    `bench/framers.py` has the times.
    """

    def looked_at(size: int) -> int:
        stream, framer, work = noise * (size // len(noise)), FAMILIES[family][0](), Work()
        monkeypatch.setattr(framing, "_BODY", work.pattern(BODY))
        monkeypatch.setattr(framer, "_decode", work.opening(framer._decode))
        for at in range(0, size, piece):
            work.looked_at += framer.pending + min(piece, size)
            framer.feed(stream[at : at + piece])
            assert framer.pending < framing.FRAME_MAX
        return work.looked_at

    least, more = looked_at(4_096), looked_at(16_384)
    assert more <= 6 * least
    assert more <= 16_384 * 2 * framing.FRAME_MAX


@pytest.mark.parametrize("family", FAMILIES)
def test_a_good_frame_is_found_behind_noise_that_ends_in_an_escape(family: str) -> None:
    framer, encode, _, _ = FAMILIES[family]
    good = encode(5, 7, b"abc")
    for noise in (b"\xf0\x81", b"\xf0\x11\x81", b"\x81", b"\xf0" + b"\x81\xf0" * 700 + b"\x81", b"\xf0" * 9 + b"\x81"):
        for size in (1, 7, 1 << 20):
            stream, device = noise + good, framer()
            frames = [f for at in range(0, len(stream), size) for f in device.feed(stream[at : at + size])]
            assert frames == [framing.WireFrame(5, 7, b"abc")], (noise[:6], size)
            assert device.dropped == len(noise)

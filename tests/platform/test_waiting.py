"""One contract for both ways of waiting, on every system: by readiness, and by threads."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from estim.controller.pipe import LineReader, LineWriter
from estim.platform.waiting import ByteSource, Waiting, waiting

SOON_S = 30.0


@pytest.fixture(params=["files", "threads"])
def ways(request: pytest.FixtureRequest) -> Iterator[Waiting]:
    if request.param == "files" and sys.platform == "win32":
        pytest.skip("Windows can't wait for pipes by readiness")
    one = waiting(request.param)
    yield one
    one.close()


@pytest.fixture(params=["pipe", "socket"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[int | socket.socket, int | socket.socket]]:
    """Where one reads, and where the other writes."""
    if request.param == "pipe":
        reads, writes = os.pipe()
        yield reads, writes
        with contextlib.suppress(OSError):
            shut(writes)  # the other end stays: a thread may still look at its number
    else:
        left, right = socket.socketpair()
        yield left, right
        for each in (left, right):
            each.close()


def shut(*ends: int) -> None:
    """Close pipes; not on Windows, where that waits for whichever thread still reads, for ever."""
    if sys.platform != "win32":
        for end in ends:
            os.close(end)


def put(end: int | socket.socket, data: bytes) -> None:
    if isinstance(end, int):
        os.write(end, data)
    else:
        end.sendall(data)


def hang_up(end: int | socket.socket) -> None:
    if isinstance(end, int):
        os.close(end)
    else:
        end.shutdown(socket.SHUT_RDWR)
        if sys.platform == "win32":  # there the other side hears of a close, not of this
            end.close()


def until(ways: Waiting, true: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < SOON_S
        ways.wait(0.05)


def fetch(ways: Waiting, source: ByteSource, length: int) -> bytes:
    data = b""

    def enough() -> bool:
        nonlocal data
        data += source.read()
        return len(data) >= length or source.ended

    until(ways, enough)
    return data


def test_what_comes_wakes_and_is_read(ways: Waiting, ends: tuple[int | socket.socket, int | socket.socket]) -> None:
    source = ways.source(ends[0])
    assert source.read() == b""
    assert not source.ended
    threading.Timer(0.05, put, (ends[1], b"stop\n")).start()
    began = time.monotonic()
    data = b""
    while not data:
        ways.wait(SOON_S)
        data = source.read()
    assert data == b"stop\n"
    assert time.monotonic() - began < SOON_S / 2


def test_the_end_is_seen_after_the_last_byte(
    ways: Waiting, ends: tuple[int | socket.socket, int | socket.socket]
) -> None:
    source = ways.source(ends[0])
    put(ends[1], b"last")
    hang_up(ends[1])
    assert fetch(ways, source, 4) == b"last"
    until(ways, lambda: not source.read() and source.ended)
    assert source.read() == b""


def test_a_reader_that_takes_nothing_makes_nobody_wait(
    ways: Waiting, ends: tuple[int | socket.socket, int | socket.socket]
) -> None:
    sink = ways.sink(ends[1])
    began = time.monotonic()
    taken = 0
    for _ in range(3_000):
        taken += sink.offer(b"x" * 10_000)
    assert time.monotonic() - began < SOON_S
    assert 0 < taken < 30_000_000
    assert not sink.broken


def test_all_that_was_taken_arrives_in_its_order(
    ways: Waiting, ends: tuple[int | socket.socket, int | socket.socket]
) -> None:
    sink, source = ways.sink(ends[1]), ways.source(ends[0])
    text = b"".join(b"%06d\n" % n for n in range(60_000))
    rest, got = text, b""

    def moved() -> bool:
        nonlocal rest, got
        rest = rest[sink.offer(rest) :]
        got += source.read()
        return len(got) == len(text)

    until(ways, moved)
    assert got == text


def test_a_reader_that_is_gone_is_told(ways: Waiting, ends: tuple[int | socket.socket, int | socket.socket]) -> None:
    sink = ways.sink(ends[1])
    hang_up(ends[0])
    until(ways, lambda: sink.offer(b"anybody?") >= 0 and sink.broken)
    assert sink.offer(b"nobody") == 0


def test_a_wake_ends_the_wait_and_is_not_lost(ways: Waiting) -> None:
    ways.wake()
    began = time.monotonic()
    ways.wait(SOON_S)
    threading.Timer(0.05, ways.wake).start()
    ways.wait(SOON_S)
    assert time.monotonic() - began < SOON_S / 2


def test_a_wait_is_no_longer_than_was_said(ways: Waiting) -> None:
    began = time.monotonic()
    ways.wait(0.05)
    ways.wait(0.0)
    ways.wait(-1.0)
    assert 0.03 < time.monotonic() - began < SOON_S / 2


def test_what_others_read_wakes_too(ways: Waiting) -> None:
    left, right = socket.socketpair()
    with left, right:
        threading.Timer(0.05, right.sendall, (b"x",)).start()
        left.setblocking(False)
        began = time.monotonic()
        while True:
            ways.wait(SOON_S, (left.fileno(),))
            try:
                assert left.recv(8) == b"x"
            except BlockingIOError:
                continue
            break
        assert time.monotonic() - began < SOON_S / 2


def test_something_closed_meanwhile_is_no_trouble(ways: Waiting) -> None:
    reads, writes = os.pipe()
    source = ways.source(reads)
    ways.forget(source)
    os.close(writes)
    os.close(reads)
    ways.wait(0.01, (reads,))


def test_an_over_long_line_comes_in_pieces_and_the_stop_behind_it_whole(ways: Waiting) -> None:
    reads, writes = os.pipe()
    reader = LineReader(ways.source(reads), line_max=1_000)
    sink = ways.sink(writes)
    rest = b"x" * 300_000 + b'{"type":"Stop","id":7}\nnext\n'
    lines: list[bytes] = []

    def moved() -> bool:
        nonlocal rest
        rest = rest[sink.offer(rest) :]
        lines.extend(reader.lines())
        return lines[-1:] == [b"next"]

    until(ways, moved)
    assert any(b'{"type":"Stop","id":7}' in line for line in lines)
    shut(reads, writes)


def test_answers_keep_their_order_and_a_picture_replaces_the_last(ways: Waiting) -> None:
    reads, writes = os.pipe()
    writer = LineWriter(ways.sink(writes))
    for n in range(300):
        writer.put(b"answer %d %s\n" % (n, b"." * 1_000))
        writer.put_latest(b"picture %d\n" % n)
    reader = LineReader(ways.source(reads), line_max=10_000)
    lines: list[bytes] = []

    def moved() -> bool:
        writer.flush()
        lines.extend(reader.lines())
        return lines[-1:] == [b"picture 299"]

    until(ways, moved)
    answers = [line for line in lines if line.startswith(b"answer")]
    assert [int(line.split()[1]) for line in answers] == list(range(300))
    assert len(lines) - len(answers) < 300
    shut(reads, writes)

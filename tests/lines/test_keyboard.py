"""Line mode's ear: every stop of the terminal table stops in each state of a line, no byte ends anything."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estim.console.corrected import STOP_REASONS as CONSOLE_REASONS
from estim.controller.terminal_reports import F12_REPORTS
from estim.lines.keyboard import LINE_MAX, Bystander, Keyboard, says_stop
from estim.lines.typed import STOP_REASONS, Person
from estim.session import events

SPACES = [char for char in map(chr, range(sys.maxunicode + 1)) if char.isspace()] + ["\u180e", "\0", ""]
STOPS = [report for report, _ in F12_REPORTS] + [
    b"\x1b",
    b"\x9b24~",
    b"\xc2\x9b24~",
    b"\xa0",
    b"\x1b[2",
    b"\x1b[200~ab",
]
# What may stand in the line already, or have come with the last one.
BEFORE = [b"", b"x", b"note two words", b"\xe3\x80", b"+ quadriceps", b"\xfc", b"y\n", b"\n\n", b"z" * (LINE_MAX + 9)]

Make = Callable[[], tuple[Keyboard, int]]


@pytest.fixture
def typed() -> Iterator[Make]:
    """A keyboard, and the other end of its line."""
    opened: list[tuple[Keyboard, int, int]] = []

    def make() -> tuple[Keyboard, int]:
        read, write = os.pipe()
        opened.append((Keyboard(read), read, write))
        return opened[-1][0], write

    yield make
    for keyboard, read, write in opened:
        keyboard.close()
        os.close(read)
        os.close(write)


@pytest.mark.parametrize("before", BEFORE)
def test_each_stop_of_the_table_stops_in_every_state_and_cut_at_each_byte(typed: Make, before: bytes) -> None:
    keyboard, line = typed()
    for stop in STOPS:
        if before and not before.endswith(b"\n") and stop[:1] not in {b"\x1b", b"\x9b", b"\xc2"}:
            continue  # a space behind letters belongs to them
        if stop == b"\x9b24~" and before.endswith(b"\xe3\x80"):
            continue  # its third byte
        for at in range(len(stop) + 1):
            os.write(line, before)
            keyboard.wait(0)
            keyboard.stops()
            os.write(line, stop[:at])
            keyboard.wait(0)
            os.write(line, stop[at:] + b"\n")
            keyboard.wait(0)
            assert keyboard.stops(), (before[:20], stop, at)
            keyboard.lines()


@pytest.mark.parametrize("space", SPACES, ids=ascii)
def test_a_line_of_nothing_but_spaces_stops(typed: Make, space: str) -> None:
    keyboard, line = typed()
    os.write(line, space.encode() + b"\n")
    keyboard.wait(0)
    assert keyboard.stops()
    assert keyboard.lines() == []


WORDS = [
    "stop",
    "STOP",
    "Stop!",
    " stop.",
    "stop\tnow",
    "stop,stop",
    "ｓｔｏｐ",
    "ＳＴＯＰ",
    "-- stop",
    "Stopp",
    "halt",
]


@pytest.mark.parametrize("word", WORDS)
def test_the_word_stops_however_it_is_written_and_at_every_stage(typed: Make, word: str) -> None:
    keyboard, line = typed()
    os.write(line, word.encode() + b"\n")
    keyboard.wait(0)
    assert keyboard.stops()
    assert keyboard.lines() == []


def test_a_note_may_speak_of_stopping_and_no_command_that_carries_the_word_is_one(typed: Make) -> None:
    keyboard, line = typed()
    os.write(line, b"note she asked to stop early\nplease STOP\nnonstop\n")
    keyboard.wait(0)
    assert not keyboard.stops()
    assert [says_stop(one) for one in keyboard.lines()] == [True, True, False]
    client = Heard()
    person = Person(client=client, source="", setup=None, operator="t", say=client.said.append, keyboard=keyboard)  # type: ignore[arg-type]
    assert person._line("please STOP", None, None) is None  # type: ignore[arg-type]
    assert (client.stops, client.said) == (1, [])
    assert person._line("nonstop", None, None) is None  # type: ignore[arg-type]
    assert (client.stops, len(client.said)) == (1, 1)
    assert isinstance(person._line("note she asked to stop", None, None), events.Note)  # type: ignore[arg-type]
    assert client.stops == 1


def test_why_it_was_stopped_is_said_in_the_words_of_the_console(typed: Make) -> None:
    """Whoever types had no way to say that it hurt: `start` played the level that had."""
    assert STOP_REASONS == CONSOLE_REASONS
    client = Heard()
    person = Person(client=client, source="", setup=None, operator="t", say=client.said.append, keyboard=typed()[0])  # type: ignore[arg-type]
    for reason in (*STOP_REASONS, "Pain"):
        person._line("start", None, None)  # type: ignore[arg-type]
        said = person._line(f"why {reason}", None, None)  # type: ignore[arg-type]
        assert isinstance(said, events.Note)
        assert (said.kind, said.fields) == ("reason", {"stopped": reason.casefold()})
    assert client.said == []
    assert person._line("why ouch", None, None) is None  # type: ignore[arg-type]
    assert "pain takes a fifth off" in client.said[0]
    assert client.stops == 0


def test_said_again_before_it_goes_on_it_corrects(typed: Make) -> None:
    """Each `why pain` took another fifth off."""
    client = Heard()
    person = Person(client=client, source="", setup=None, operator="t", say=client.said.append, keyboard=typed()[0])  # type: ignore[arg-type]
    said = [person._line(f"why {reason}", None, None) for reason in ("electrode", "pain", "mistake", "pain")]  # type: ignore[arg-type]
    assert [(one.kind, one.fields) for one in said if isinstance(one, events.Note)] == [
        ("reason", {"stopped": "electrode"}),
        ("reason", {"stopped": "pain", "instead_of": "electrode"}),
        ("reason", {"stopped": "mistake", "instead_of": "pain"}),
        ("note", {"stopped": "pain", "instead_of": "mistake"}),
    ]
    person._line("resume", None, None)  # type: ignore[arg-type]
    once = person._line("why pain", None, None)  # type: ignore[arg-type]
    assert isinstance(once, events.Note)
    assert (once.kind, once.fields) == ("reason", {"stopped": "pain"})


class Heard:
    """A client that counts the stops."""

    def __init__(self) -> None:
        self.stops = 0
        self.said: list[str] = []

    def next_id(self) -> int:
        return 1

    def stop(self, source: str) -> int:
        self.stops += len(source) > 0
        return self.stops


def test_words_are_words(typed: Make) -> None:
    keyboard, line = typed()
    os.write(line, b"note caf\xc3\xa9 and caf\xe9\r\nstart\r")
    keyboard.wait(0)
    os.write(line, b"\n")  # the end of a line as Windows has it, cut
    keyboard.wait(0)
    assert not keyboard.stops()
    assert keyboard.lines() == ["note café and caf\\xe9", "start"]


def test_no_bytes_end_it(typed: Make) -> None:
    keyboard, line = typed()
    chance = random.Random(4)
    for _ in range(500):
        os.write(line, chance.randbytes(chance.randrange(1, 400)))
        keyboard.wait(0)
        for text in keyboard.lines():
            text.encode("utf-8")
    keyboard.stops()
    os.write(line, b"\npause\nstop\n")
    keyboard.wait(0)
    assert keyboard.lines()[-1] == "pause"
    assert keyboard.stops()


def test_a_last_line_that_nobody_ended_stops() -> None:
    """Found: `printf stop` into a session, and the pipe was closed: it went on."""
    read, write = os.pipe()
    keyboard = Keyboard(read)
    os.write(write, b"stop")
    os.close(write)
    for _ in range(3):
        keyboard.wait(0)
    assert keyboard.stops()
    assert keyboard.ended
    keyboard.close()
    os.close(read)


@pytest.mark.parametrize(
    ("said", "stops"),
    [
        (b"stop", True),
        (b"\n", True),
        (b"\x1b[200~\xff\xfe\0", True),
        (b" ", True),
        (b"STOP!\n", True),
        (b"the next file\n", False),
        (b"", False),
    ],
)
def test_a_pipe_beside_a_played_session_stops_it_by_what_says_stop_and_its_end_alone_does_not(
    said: bytes, *, stops: bool
) -> None:
    read, write = os.pipe()
    bystander = Bystander(read)
    os.write(write, said)
    os.close(write)
    assert any(bystander.wait(0) for _ in range(4)) is stops
    assert os.get_blocking(read), "a shell's loop reads the same pipe"
    bystander.close()
    os.close(read)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
@pytest.mark.parametrize("typed", [b"x\n", b"\n", b"\x04", b"note\n"], ids=["a key", "Enter", "Ctrl+D", "a line"])
def test_any_line_at_a_terminal_stops_a_played_session_and_so_does_its_end(typed: bytes) -> None:
    """Found: nobody read the terminal beside `run --yes`, though the first page says that any key and Enter stops."""
    hands, terminal = os.openpty()
    bystander = Bystander(terminal)
    assert not bystander.wait(0)
    os.write(hands, typed)
    assert any(bystander.wait(0.05) for _ in range(20))
    bystander.close()
    os.close(hands)
    os.close(terminal)


def test_a_list_of_sessions_is_not_read(tmp_path: Path) -> None:
    """`while read file; do estim run "$file" --yes; done < list`: the list is the loop's."""
    (tmp_path / "list").write_text("stop\nother\n")
    with (tmp_path / "list").open() as file:
        bystander = Bystander(file.fileno())
        assert not bystander.wait(0)
        assert file.readline() == "stop\n"

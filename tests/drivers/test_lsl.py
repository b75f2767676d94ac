"""EMG from a Lab Streaming Layer stream, with a stand-in at pylsl's seam; and pylsl not being there."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.drivers.lsl import UV_MAX, LslStream
from estim.drivers.room import open_room
from estim.platform.extras import for_a_shell
from estim.safety.errors import LinkLost, UsageError
from estim.safety.reports import EmgSamples


@dataclass
class Element:
    """A node of a stream's description."""

    units: list[str]
    index: int = 0

    def child(self, _name: str) -> Element:
        return self

    def next_sibling(self) -> Element:
        return Element(self.units, self.index + 1)

    def child_value(self, _name: str) -> str:
        return self.units[self.index] if self.index < len(self.units) else ""


@dataclass
class Stream:
    name: str = "EMG"
    rate_hz: float = 1000.0
    units: list[str] = field(default_factory=lambda: ["uV", "mV"])
    chunks: list[Any] = field(default_factory=list)
    closed: bool = False

    def nominal_srate(self) -> float:
        return self.rate_hz

    def channel_count(self) -> int:
        return len(self.units)

    def desc(self) -> Element:
        return Element(self.units)

    # the inlet
    def info(self) -> Stream:
        return self

    def pull_chunk(self, timeout: float, max_samples: int) -> tuple[list[list[float]], list[float]]:
        assert timeout == 0.0
        assert max_samples > 0
        if not self.chunks:
            return [], []
        chunk = self.chunks.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk, [12.5 + index / self.rate_hz for index in range(len(chunk))]

    def close_stream(self) -> None:
        self.closed = True


@dataclass
class Library:
    """What of pylsl is used."""

    streams: list[Stream]

    def resolve_byprop(self, prop: str, value: str, timeout: float) -> list[Stream]:
        assert (prop, timeout > 0) == ("name", True)
        return [stream for stream in self.streams if stream.name == value]

    def StreamInlet(self, info: Stream, max_buflen: int) -> Stream:  # noqa: N802
        assert max_buflen > 0
        return info


def opened(url: str, stream: Stream) -> LslStream:
    return LslStream(url, library=Library([stream]))


def test_samples_come_in_whole_microvolts_of_the_channel_that_is_asked_for() -> None:
    stream = Stream(chunks=[[[1.4, 0.5], [-2.6, -0.25]], []])
    assert opened("lsl://EMG", stream).poll() == [
        EmgSamples(t0_us=12_500_000, rate_hz=1000, samples_uv=(1, -3))  # type: ignore[arg-type]
    ]
    stream.chunks = [[[1.4, 0.5], [-2.6, -0.25]]]
    second = opened("lsl://EMG?channel=2", stream)
    (report,) = second.poll()
    assert isinstance(report, EmgSamples)
    assert report.samples_uv == (500, -250)
    assert second.poll() == []


def test_what_is_no_number_is_a_rail_and_never_rest() -> None:
    (report,) = opened("lsl://EMG", Stream(chunks=[[[float("nan"), 0], [float("inf"), 0], [-1e12, 0]]])).poll()
    assert isinstance(report, EmgSamples)
    assert report.samples_uv == (UV_MAX, UV_MAX, -UV_MAX)


def test_a_stream_that_goes_away_says_nothing_more() -> None:
    room = opened("lsl://EMG", Stream(chunks=[RuntimeError("lost"), [[1.0, 1.0]]]))
    assert room.poll() == []
    assert not room.is_open
    assert room.poll() == []
    room.close()


def test_it_is_left_once() -> None:
    stream = Stream()
    room = opened("lsl://EMG", stream)
    room.send({"type": "effort"})
    room.close()
    room.close()
    assert stream.closed


@pytest.mark.parametrize(
    ("url", "stream", "words"),
    [
        ("lsl://", Stream(), "lsl://NAME"),
        ("lsl://EMG?channel=0", Stream(), "from 1"),
        ("lsl://EMG?channel=x", Stream(), "from 1"),
        ("lsl://EMG?channel=3", Stream(), "1 to 2"),
        ("lsl://EMG?rate=3", Stream(), "lsl://NAME"),
        ("lsl://EMG", Stream(rate_hz=0.0), "fixed rate"),
        ("lsl://EMG", Stream(units=[""]), "does not say its unit"),
        ("lsl://EMG?unit=furlong", Stream(), "not known"),
    ],
)
def test_what_can_not_be_used_is_refused_in_words(url: str, stream: Stream, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        opened(url, stream)


def test_a_unit_that_the_stream_does_not_say_can_be_given() -> None:
    (report,) = opened("lsl://EMG?unit=V", Stream(units=[""], chunks=[[[0.001]]])).poll()
    assert isinstance(report, EmgSamples)
    assert report.samples_uv == (1000,)


def test_a_name_that_no_stream_has_is_a_lost_link() -> None:
    with pytest.raises(LinkLost, match="called 'EEG'"):
        opened("lsl://EEG", Stream())


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(UsageError, match=re.escape(f"pip install {for_a_shell('pylsl>=1.16')}")):
        open_room("lsl://EMG")


def test_rooms_are_opened_by_their_kind() -> None:
    assert open_room("") is None
    with pytest.raises(UsageError, match="lsl://NAME"):
        open_room("ftp://EMG")
    with pytest.raises(LinkLost):
        open_room("socket://127.0.0.1:1")


def test_run_without_the_extra_ends_before_anything_is_put_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)
    arguments = ["run", "stroke-wrist-emg-triggered", "--patient", "P1", "--yes", "--level"]
    arguments += ["wrist-finger-extensors=8", "--emg", "lsl://EMG", "--home", str(tmp_path)]
    assert main(arguments) == 2
    assert f"pip install {for_a_shell('pylsl>=1.16')}" in capsys.readouterr().err

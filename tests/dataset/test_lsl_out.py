"""The timeline over Lab Streaming Layer: what went out, when its bytes went out, on LSL's clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from estim.data.lsl_out import COMMANDS, MARKERS, Growing, Streams

LSL_S, BOOT_US = 5_000.0, 900_000_000


class Node:
    """A stream's description."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.below: list[Node] = []

    def append_child_value(self, key: str, value: str) -> None:
        self.said[key] = value

    def append_child(self, _name: str) -> Node:
        self.below.append(Node())
        return self.below[-1]


class Info:
    def __init__(self, name: str, *_: object) -> None:
        self.name, self.node = name, Node()

    def desc(self) -> Node:
        return self.node


class Library:
    """Stands for pylsl: keeps what was pushed."""

    def __init__(self) -> None:
        self.pushed: dict[str, list[tuple[float, list[Any]]]] = {}
        self.infos: dict[str, Info] = {}

    StreamInfo = Info

    def StreamOutlet(self, info: Info) -> Any:  # noqa: N802 - the library's name
        self.infos[info.name] = info
        samples = self.pushed.setdefault(info.name, [])
        return type("Outlet", (), {"push_sample": lambda _self, values, at: samples.append((at, values))})()

    @staticmethod
    def local_clock() -> float:
        return LSL_S


def line(kind: str, t_us: int, **fields: object) -> bytes:
    return json.dumps({"kind": kind, "t_us": t_us, "simulated": True, "fields": fields}).encode() + b"\n"


def test_samples_have_the_time_of_their_bytes_on_the_clock_of_lsl(tmp_path: Path) -> None:
    record, library = tmp_path / "record.jsonl", Library()
    growing, streams = Growing(tmp_path), Streams("s1", library, boot=lambda: BOOT_US)
    row = {"channel": 1, "amplitude_ua": 8000, "pulse_width_us": 250, "interphase_us": 100, "period_us": 20_000}
    doublet = {**row, "burst_pulses": 2}
    first = line("phase", 1_000_000, after="ARMED")
    record.write_bytes(line("header", 0, patient="p1") + first[:20])  # the second is not whole yet
    for each in growing.lines():
        streams.take(each)
    assert streams.sent == 0
    record.write_bytes(
        line("header", 0, patient="p1") + first + line("checkpoint", 2_000_000, boot_us=BOOT_US - 3_000_000)
        + line("command", 2_600_000, command=1, sent_us=2_500_000, ack_us=900, channels=[row])
        + line("command", 2_650_000, command=2, sent_us=2_600_000, ack_us=900, channels=[doublet])
        + line("unanswered", 2_900_000, command=3, sent_us=2_700_000, channels=[])
    )  # fmt: skip
    for each in growing.lines():
        streams.take(each)
    assert streams.offset_s == LSL_S - 3.0 - 2.0
    assert library.pushed[MARKERS] == [(LSL_S - 4.0, ["phase ARMED"])]
    assert library.pushed[COMMANDS] == [
        (LSL_S - 2.5, [1, 8000, 250, 20_000, 1, 1]),
        (LSL_S - 2.4, [1, 8000, 250, 20_000, 1, 2]),
        (LSL_S - 2.3, [0, 0, 0, 0, 0, 0]),
    ]
    assert library.infos[COMMANDS].node.said["simulated"] == "true"
    (tmp_path / "record.1.jsonl").write_bytes(line("take-over", 4_000_000) + line("seal", 4_000_000))
    for each in growing.lines():
        streams.take(each)
    assert streams.done
    assert library.pushed[MARKERS][-1] == (LSL_S - 1.0, ["take-over"])

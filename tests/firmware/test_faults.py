"""The fault plan on a device: each kind shows, leaves a trace, ends in time, and is the same every time."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

import firmware_sim.wire.sciencemode34 as wire
from firmware_sim.__main__ import main, parse
from firmware_sim.devices import make_device
from firmware_sim.devices.faulty import FaultyDevice
from firmware_sim.devices.interface import Pulse
from firmware_sim.faults import BODY, DEVICE, WIRE, Fault, FaultPlan, read_plan

termios = pytest.importorskip("termios")  # a simulator on a pty, which POSIX alone has

ROOT = Path(__file__).parents[2]
UPDATE = bytes.fromhex("012000500C8550000644B0000C841000")  # channel 1, 20 mA, 200 µs, 20 ms
STOP = 34
S = 1_000_000


class Bench:
    """A faulty P24 that is stimulated and polled every 100 ms; what came out and what was answered."""

    def __init__(self, *faults: Fault, seed: int = 3) -> None:
        self.device = FaultyDevice(make_device("p24"), FaultPlan(faults), seed=seed)
        self.pulses: list[Pulse] = []
        self.device.on_pulse = self.pulses.append
        self.answers: list[tuple[int, bytes]] = []
        self.now_us = 0

    def send(self, command: int, data: bytes = b"") -> None:
        self.device.receive(wire.build(1, command, data), self.now_us)
        self._read()

    def _read(self) -> None:
        self.answers += [(self.now_us, frame) for frame in self.device.data_to_send()]

    def run(self, until_us: int) -> None:
        while self.now_us < until_us:
            due = self.device.next_deadline_us()
            turn = self.now_us - self.now_us % 100_000 + 100_000
            self.now_us = min(turn, until_us, max(self.now_us, due) if due is not None else turn)
            self.device.advance(self.now_us)
            self._read()
            if self.now_us == turn:
                self.send(36, b"\4")

    def started(self) -> Bench:
        self.send(30, b"\1")
        self.send(32, UPDATE)
        return self

    def between(self, begin_us: int, end_us: int) -> list[Pulse]:
        return [pulse for pulse in self.pulses if begin_us <= pulse.t_us < end_us]

    def answered(self, begin_us: int, end_us: int) -> list[bytes]:
        return [frame for at_us, frame in self.answers if begin_us <= at_us < end_us]


def fault(kind: str, *, size: int = 1, for_s: int = 1) -> Fault:
    return Fault(at_us=1 * S, kind=kind, for_us=for_s * S, size=size)


@pytest.mark.parametrize("kind", [*WIRE, *DEVICE, *BODY])
def test_every_kind_leaves_a_trace_at_its_time(kind: str) -> None:
    bench = Bench(fault(kind)).started()
    bench.run(3 * S)
    times = [at_us for at_us, name in bench.device.applied if name == kind]
    assert times
    assert all(1 * S <= at_us < 2 * S for at_us in times)


@pytest.mark.parametrize("kind", ["silence", "vanish", "hang"])
def test_no_answers_while_it_lasts_and_answers_afterwards(kind: str) -> None:
    bench = Bench(fault(kind)).started()
    bench.run(3 * S)
    assert bench.answered(1 * S, 2 * S) == []
    assert len(bench.answered(2 * S, 3 * S)) >= 10
    assert bench.between(1 * S, 2 * S), "the device itself goes on: only its own timer or a stop ends it"


def test_a_silence_longer_than_the_keep_alive_ends_output() -> None:
    bench = Bench(fault("silence", for_s=4)).started()
    bench.run(6 * S)
    assert 2_880_000 < bench.pulses[-1].t_us <= 3 * S


def test_late_answers_come_in_order() -> None:
    bench = Bench(fault("late", size=2)).started()
    bench.run(3 * S)
    first = min(at_us for at_us, _ in bench.answers if at_us >= 1 * S)
    assert first == 1_160_000  # 80 ms on the way there, 80 ms back
    assert [at_us for at_us, _ in bench.answers] == sorted(at_us for at_us, _ in bench.answers)


@pytest.mark.parametrize("kind", ["flip", "garbage", "drop", "duplicate"])
def test_one_broken_piece_each_way_and_the_rest_is_read(kind: str) -> None:
    plain, bench = Bench().started(), Bench(fault(kind, size=3)).started()
    plain.run(3 * S)
    bench.run(3 * S)
    assert bench.answers != plain.answers
    assert bench.answered(2 * S, 3 * S) == plain.answered(2 * S, 3 * S)
    assert bench.pulses == plain.pulses


def test_a_stop_that_is_ignored_is_acknowledged() -> None:
    bench = Bench(fault("ignore-stop")).started()
    bench.run(1_500_000)
    bench.send(STOP)
    (answer,) = wire.Reader().feed(bench.answers[-1][1])
    assert isinstance(answer, wire.Frame)
    assert (answer.command, answer.data) == (STOP + 1, b"\0")
    bench.run(1_900_000)
    assert bench.between(1_510_000, 1_900_000)
    bench.run(2_100_000)
    bench.send(STOP)
    bench.run(3 * S)
    assert not bench.between(2_110_000, 3 * S)


@pytest.mark.parametrize("kind", ["lead-off", "restart"])
def test_output_ends_and_does_not_come_back_by_itself(kind: str) -> None:
    bench = Bench(fault(kind)).started()
    bench.run(3 * S)
    assert bench.between(900_000, 1 * S)
    assert not bench.between(1_020_000, 3 * S)


def test_a_lead_that_is_back_carries_current_again_after_a_new_start() -> None:
    bench = Bench(fault("lead-off")).started()
    bench.run(2_500_000)
    bench.send(30, b"\1")
    bench.send(32, UPDATE)
    bench.run(3 * S)
    assert {pulse.peak_ua for pulse in bench.between(2_500_000, 3 * S)} == {20_000}


def test_a_load_that_is_too_great_is_low_current() -> None:
    bench = Bench(fault("low-current")).started()
    bench.run(3 * S)
    assert [pulse.peak_ua for pulse in bench.between(1 * S + 1, 3 * S)] == [150_000_000 // 9_000]
    (answer,) = wire.Reader().feed(bench.answers[-1][1])
    assert isinstance(answer, wire.Frame)
    assert (answer.data[0], answer.data[2], answer.data[3]) == (28, 0, 3)


def test_refused_commands_are_counted() -> None:
    bench = Bench(fault("refuse", size=3)).started()
    bench.run(3 * S)
    results = [
        frame.data[0] for _, raw in bench.answers for frame in wire.Reader().feed(raw) if isinstance(frame, wire.Frame)
    ]
    assert results.count(21) == 3


def test_the_same_seed_gives_the_same_world() -> None:
    plan = FaultPlan.from_seed(11, until_us=3 * S, kinds=WIRE)
    assert plan.faults

    def world(seed: int) -> tuple[list[tuple[int, bytes]], list[tuple[int, str]]]:
        bench = Bench(*plan.faults, fault("garbage"), seed=seed).started()
        bench.run(4 * S)
        return bench.answers, bench.device.applied

    assert world(1) == world(1)
    assert world(1) != world(2)


def test_a_host_fault_or_a_missing_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="console-gone happens in the host"):
        FaultyDevice(make_device("p24"), FaultPlan((fault("console-gone"),)))
    with pytest.raises(ValueError, match=r"channel 5; a rehamove3 has 1\.\.4"):
        FaultyDevice(make_device("rehamove3"), FaultPlan((Fault(at_us=0, kind="dry", channel=5),)))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--set", "watchdog_s"], "NAME=VALUE"),
        (["--set", "colour=red"], "has no option 'colour'"),
        (["--faults", "seed:x"], "seed:N"),
        (["--patient", "nobody"], "nobody"),
    ],
)
def test_a_wrong_command_line_is_explained(options: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["p24", *options]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--tcp", "--side"])
@pytest.mark.parametrize("port", ["65536", "-1", "x", "1e3", "١"])
def test_a_port_that_is_none_is_explained(option: str, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["p24", f"{option}={port}"])
    assert ended.value.code == 2
    assert "a port is 0 to 65535" in capsys.readouterr().err


def test_a_file_in_the_way_of_the_link_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes").write_text("mine")
    assert main(["p24", "--pty", str(tmp_path / "notes")]) == 2
    assert "there is a file of this name" in capsys.readouterr().err
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_link_that_can_not_be_made_is_called_by_the_name_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The system's own words name the terminal, which is there."""
    monkeypatch.chdir(tmp_path)
    assert main(["p24", "--pty", "nowhere/p"]) == 2
    said = capsys.readouterr().err
    assert "--pty 'nowhere/p': the link can't be made: No such file" in said
    assert "/dev/pts" not in said


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """A P24 on pty and TCP whose cable is out between 2.5 s and 5.5 s: a busy machine is there before and meanwhile."""
    (tmp_path / "plan.toml").write_text('[[fault]]\nat = "2.5 s"\nkind = "vanish"\nfor = "3 s"\n')
    command = [sys.executable, "-m", "firmware_sim", "p24", "--pty", str(tmp_path / "p24"), "--tcp", "0"]
    process = subprocess.Popen(
        [*command, "--faults", str(tmp_path / "plan.toml")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    if process.stdout is None or process.stderr is None:
        pytest.fail("no pipe")
    yield process, json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    assert process.returncode == 0, process.stderr.read()
    process.stdout.close()
    process.stderr.close()


def test_an_unplugged_port_hangs_up_and_comes_back(served: tuple[subprocess.Popen[bytes], dict[str, str]]) -> None:
    _, said = served
    port = int(said["device"].rsplit(":", 1)[1])
    pty = os.open(said["pty"], os.O_RDWR | os.O_NOCTTY)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        link.sendall(wire.build(9, 62, b""))
        (answer,) = wire.Reader().feed(link.recv(100))
        assert isinstance(answer, wire.Frame)
        assert (answer.packet, answer.data) == (9, b"\0\0\1")
        assert link.recv(100) == b"", "the far end hangs up when the cable goes out"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        assert link.recv(100) == b"", "nobody is let in while it is out"
    with contextlib.suppress(OSError):  # Linux says EIO for a terminal whose other side is gone
        assert os.read(pty, 10) == b""
    os.close(pty)
    while True:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
            try:
                link.sendall(wire.build(9, 62, b""))
                if link.recv(100):
                    break
            except OSError:
                continue
    assert os.path.exists(said["pty"])


def test_a_rehastim2_port_opens_with_parity_again_and_again(tmp_path: Path) -> None:
    link = str(tmp_path / "rehastim2")
    process = subprocess.Popen(
        [sys.executable, "-m", "firmware_sim", "rehastim2", "--pty", link], stdout=subprocess.PIPE, cwd=ROOT
    )
    if process.stdout is None:
        pytest.fail("no pipe")
    try:
        process.stdout.readline()
        for _ in range(3):
            with _opened(link) as port:
                assert port.read(1) == b"\xf0"  # Init; the client itself writes nothing
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        process.stdout.close()


def _opened(link: str) -> serial.Serial:
    """As a client that tries until the simulator has noticed that the one before has left."""
    for _ in range(200):
        try:
            return serial.Serial(link, 460_800, parity=serial.PARITY_EVEN, timeout=1, exclusive=True)
        except (termios.error, serial.SerialException):
            select.select([], [], [], 0.01)
    pytest.fail("the port did not open again within 2 s")


@pytest.mark.parametrize("number", ["²", "١", "1_0", "-1", "", "9" * 5_000])
def test_a_seed_that_is_no_number_is_said_in_words(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="seed:N with N a number of at most 18 digits"):
        read_plan(f"seed:{number}")
    if number != "-1":
        with pytest.raises(SystemExit, match="2"):
            parse([f"--seed={number}"])
        assert "a whole number of at most 18 digits" in capsys.readouterr().err

"""Stop: from the key byte at the terminal to the last pulse in the simulator's file, beside science_mode_4's own stop.

python bench/stop_latency.py               30 times each
python bench/stop_latency.py --times 500   as often as for the figures in docs/console-inside.md: 40 minutes

One simulated P24 behind a pty serves both by turns in the same run; 50 Hz, so pulses come every 20 ms: a stop that acts
at once leaves its last pulse up to 20 ms *before* the key (a negative figure). The console draws all the while and a
busy loop holds the second core. A stop falls at a random instant of ramp or hold; then the therapy is armed and started
again, in the same console. Figures are in ms.

Three stages of each stop are seen from outside: when the controller took it (its record), when the stop frame came out
of the simulator's pty, the last pulse. What the machine itself does is measured beside them, at the same instants: a
byte there and back over a bare pty to a process that does nothing else, and a timer that should ring every 2 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import io
import json
import logging
import math
import os
import pty
import random
import select
import statistics
import subprocess
import sys
import tempfile
import time
import tty as terminal_modes
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.support import sample  # noqa: E402
from tests.system import therapist  # noqa: E402
from tests.system.terminal import KEYS, Tty  # noqa: E402

BUSY = "while True: pass"
ECHO = "import os\nwhile data := os.read(0, 16): os.write(1, data)"
STALL_US = 5_000
TIMER = f"""import time
before = time.monotonic_ns()
while True:
    time.sleep(0.002)
    now = time.monotonic_ns()
    if now - before > {2_000 + STALL_US} * 1000:
        print(before // 1000, now // 1000, flush=True)
    before = now"""
PERIOD_MS = 20
A_SESSION = 25
STALLS_MAX, ARMS_MAX = 20, 3
STAGES = ("to_record_ms", "to_wire_ms", "to_last_pulse_ms", "echo_ms", "stall_ms")


@dataclass(kw_only=True)
class Stop:
    """One stop, in ms after its key byte was written (or the client's call began)."""

    key: str
    at_us: int
    to_record_ms: float = math.nan
    to_wire_ms: float = math.nan
    to_last_pulse_ms: float = math.nan
    echo_ms: float = math.nan
    stall_ms: float = 0.0  # the longest that the timer was late by, between the key and the end of the stop


class Watch:
    """The simulator's file and the frames at its pty, both on `time.monotonic`; the machine's own lateness."""

    def __init__(self, folder: Path, device: str, began_us: int, stalls: Path) -> None:
        self.device = device
        self._began_us = began_us
        self._files = {folder / "pulses.csv": 0, folder / "stops.txt": 0, stalls: 0}
        self._pulses, self._stops, self._stalls = self._files

    def _rows(self, path: Path) -> Iterator[list[str]]:
        """Whole lines since the last look."""
        with path.open("rb") as file:
            file.seek(self._files[path])
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._files[path] += len(whole)
        return iter([line.replace(",", " ").split() for line in whole.decode("ascii").splitlines()])

    def complete(self, stop: Stop) -> None:
        """Everything that was seen since the last look belongs to this stop."""
        pulses = [self._began_us + int(row[0]) for row in self._rows(self._pulses) if row[0].isdigit()]
        frames = [int(row[0]) for row in self._rows(self._stops)]
        stop.to_last_pulse_ms = (pulses[-1] - stop.at_us) / 1000
        stop.to_wire_ms = next(((at - stop.at_us) / 1000 for at in frames if at >= stop.at_us), math.nan)
        end_us = max(pulses[-1], stop.at_us) + 10_000
        late = [(int(a), int(b)) for a, b in self._rows(self._stalls)]
        stop.stall_ms = max(((b - a) / 1000 - 2 for a, b in late if b > stop.at_us and a < end_us), default=0.0)


class Echo:
    """A bare pty with a process that sends back what comes."""

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        terminal_modes.setraw(slave)
        self.process = subprocess.Popen([sys.executable, "-c", ECHO], stdin=slave, stdout=slave)
        os.close(slave)
        os.write(self.master, b"x")
        select.select([self.master], [], [], 5.0)
        os.read(self.master, 16)

    def take(self, stop: Stop) -> None:
        """What came back; when, if it was asked for."""
        os.read(self.master, 16)
        if not stop.echo_ms > 0:
            stop.echo_ms = (time.monotonic_ns() // 1000 - stop.at_us) / 1000

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def listen(seconds: float, tty: Tty, echo: Echo, stop: Stop | None = None) -> None:
    """Take in what comes, as a terminal does that draws on another core; note the echo's return."""
    until = time.monotonic() + seconds
    files, data = [echo.master, tty.master], []
    while (left := until - time.monotonic()) > 0:
        for ready in select.select(files, [], [], left)[0]:
            if ready == tty.master:
                data.append(os.read(ready, 65536))
            elif stop is not None:
                echo.take(stop)
    tty.picture.feed(b"".join(data))


def console_stop(tty: Tty, echo: Echo, watch: Watch, key: str, chance: random.Random) -> Stop:
    """Arm, start, stop it by its key at a random instant of ramp or hold, say why."""
    tty.wait(lambda: "Why was" not in tty.picture.text, what="the reason is taken")
    therapist.follow(tty, lambda text: "→ F2 " in text)
    for _ in range(ARMS_MAX):  # a machine that stood still for a second has the arming stopped, as it must
        tty.press("f2")
        with contextlib.suppress(AssertionError):
            tty.sees("F9 starts, SPACE", seconds=5)
            break
    tty.press("f9")
    tty.sees("STIM ON")
    listen(0.05 + chance.random() * 0.55, tty, echo)
    stop = Stop(key=key, at_us=time.monotonic_ns() // 1000)
    os.write(tty.master, KEYS[key])
    os.write(echo.master, b"x")
    listen(0.25, tty, echo, stop)
    tty.sees("Why was it stopped")
    watch.complete(stop)
    tty.press("7")
    tty.look(0.1)
    return stop


def console_session(home: Path, watch: Watch, echo: Echo, keys: list[str], found: list[Stop]) -> None:
    """A console, its way to the treatment, and one stop for each key."""
    tty = Tty("console", "--device", f"sim+p24:{watch.device}", home=home)
    mine: list[Stop] = []
    try:
        for step in (
            therapist.sign_in, therapist.choose, therapist.screen, therapist.place, therapist.try_device,
            therapist.find_levels,
        ):  # fmt: skip
            step(tty)
        therapist.follow(tty, lambda text: "→ F2 " in text)
        chance = random.Random(len(found))  # noqa: S311
        watch.complete(Stop(key="", at_us=0))  # what the levels took
        for key in keys:
            mine.append(console_stop(tty, echo, watch, key, chance))
        tty.leave()
    finally:
        tty.end()
        found += mine
        if mine:
            record = max((home / "records" / "simulated").glob("*/record.jsonl"))
            look_up(mine, [json.loads(line) for line in record.read_bytes().splitlines()])


def look_up(stops: Iterable[Stop], lines: list[dict[str, object]]) -> None:
    """When the controller took each stop. Its checkpoints say what its clock is."""
    clocks = [line["fields"] | {"t_us": line["t_us"]} for line in lines]  # type: ignore[operator]
    began_us = min(line["boot_us"] - line["t_us"] for line in clocks if "boot_us" in line)
    asked = [began_us + line["t_us"] for line in clocks if line.get("what") == "stop" and line.get("source") == "key"]
    for stop in stops:
        after = [(at - stop.at_us) / 1000 for at in asked if 0 <= at - stop.at_us < 1_000_000]
        stop.to_record_ms = min(after, default=math.nan)


async def client_stops(watch: Watch, echo: Echo, times: int, found: list[Stop]) -> None:
    """science_mode_4: mid level on, then its own stop call."""
    from science_mode_4 import ChannelPoint, DeviceP24, MidLevelChannelConfiguration, SerialPortConnection
    from science_mode_4.utils import logger

    logger().setLevel(logging.ERROR)  # its log lines are not what is compared
    shape = [ChannelPoint(250, 3), ChannelPoint(100, 0), ChannelPoint(250, -3)]
    connection = SerialPortConnection(watch.device)
    connection.open()
    client = DeviceP24(connection)
    await client.initialize()
    layer = client.get_layer_mid_level()
    chance = random.Random(f"client {len(found)}")  # noqa: S311
    for _ in range(times):
        await layer.init(True)  # noqa: FBT003  # its own
        await layer.update([MidLevelChannelConfiguration(True, 3, PERIOD_MS, shape)])  # noqa: FBT003
        await asyncio.sleep(0.1 + chance.random() * 0.2)
        stop = Stop(key="client", at_us=time.monotonic_ns() // 1000)
        asyncio.get_running_loop().add_reader(echo.master, echo.take, stop)
        os.write(echo.master, b"x")
        await layer.stop()
        await asyncio.sleep(0.1)
        watch.complete(stop)
        found.append(stop)
    connection.close()


def say(name: str, found: list[Stop], what: str = "to_last_pulse_ms") -> float:
    """Median, p99, worst."""
    ranked = sorted(value for value in (getattr(stop, what) for stop in found) if not math.isnan(value)) or [math.nan]
    p99 = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))]
    middle = float(statistics.median(ranked))
    print(f"{name:40} n {len(ranked):4}  median {middle:7.1f}  p99 {p99:7.1f}  worst {ranked[-1]:7.1f} ms")
    return middle


def report(found: list[Stop]) -> None:
    """The figures, the stages, and the slowest one by one."""
    of = {key: [stop for stop in found if stop.key == key] for key in ("space", "f12", "escape", "client")}
    middle = say("console, Space and F12", [*of["space"], *of["f12"]])
    for key in ("space", "f12", "escape"):
        say(f"console, {key}", of[key])
    peer = say("science_mode_4, stop()", of["client"])
    print(f"difference of the medians, console (Space, F12) less science_mode_4: {middle - peer:+.1f} ms\n")
    for key, stops in of.items():
        for what in STAGES:
            say(f"{key}: {what}", stops, what)
    print("\nthe slowest, but for Escape")
    print(f"{'key':8}" + "".join(f"{what:>18}" for what in STAGES))
    for stop in sorted((s for s in found if s.key != "escape"), key=lambda s: -s.to_last_pulse_ms)[:15]:
        print(f"{stop.key:8}" + "".join(f"{getattr(stop, what):18.1f}" for what in STAGES))


def measure(folder: Path, times: int, escapes: int, log: Path | None) -> list[Stop]:
    """Console and client by turns, until there is enough of each."""
    therapist.own_protocol(folder, sample("on_s = 2\noff_s = 2", "on_s = 15\noff_s = 15"))
    found: list[Stop] = []
    ended_early = 0
    with contextlib.ExitStack() as stack:
        began = json.loads(_start(stack, "-m", "tests.system.tapped_simulator", str(folder)).readline())
        echo, stalls = Echo(), folder / "stalls.txt"
        stack.callback(echo.end)
        _start(stack, "-c", TIMER, output=stack.enter_context(stalls.open("w")))
        watch = Watch(folder, began["device"], began["began_us"], stalls)
        while True:
            wanted = {"space": times, "f12": times, "escape": escapes, "client": times}
            left = {key: n - sum(stop.key == key for stop in found) for key, n in wanted.items()}
            keys = [key for key in ("space", "f12", "escape") for _ in range(min(A_SESSION, left[key]))]
            if not any(n > 0 for n in left.values()):
                break
            random.Random(len(found)).shuffle(keys)  # noqa: S311
            try:
                if keys:
                    console_session(folder, watch, echo, keys, found)
            except AssertionError as error:  # a machine that stands still for 250 ms ends a session, as it must
                ended_early += 1
                print(f"a session ended before its time: {error}", file=sys.stderr)
                if ended_early > STALLS_MAX:
                    raise SystemExit(f"{ended_early} sessions did not come to their end") from None
            if left["client"] > 0:
                asyncio.run(client_stops(watch, echo, min(A_SESSION, left["client"]), found))
            if log is not None:
                keep(found, log)
            print(f"{time.strftime('%X')} {len(found)} of {sum(wanted.values())}", file=sys.stderr, flush=True)
    print(f"key byte → last pulse, 50 Hz, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    if ended_early:
        print(f"{ended_early} sessions ended before their time")
    return found


def _start(stack: contextlib.ExitStack, *arguments: str, output: IO[Any] | int = subprocess.PIPE) -> IO[bytes]:
    """A process beside the measurement, ended with it; gives what it says."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=output, cwd=ROOT)
    stack.callback(process.wait, 10)
    stack.callback(process.kill)
    return process.stdout or io.BytesIO()


def keep(found: list[Stop], path: Path) -> None:
    """Every stop as a row."""
    with path.open("w", encoding="ascii", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Stop)])
        writer.writeheader()
        writer.writerows(asdict(stop) for stop in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=30, help="of Space, F12 and the client's stop, each")
    parser.add_argument("--escapes", type=int, help="of Escape; left out: a fifth of that")
    parser.add_argument("--no-load", action="store_true", help="no busy loop: the machine is busy already")
    parser.add_argument("--log", type=Path, help="every stop as a row of CSV")
    given = parser.parse_args()
    busy = subprocess.Popen([sys.executable, "-c", "pass" if given.no_load else BUSY])
    try:
        with tempfile.TemporaryDirectory() as name:
            found = measure(Path(name), given.times, given.escapes or max(1, given.times // 5), given.log)
    finally:
        busy.kill()
        busy.wait()
    report(found)


if __name__ == "__main__":
    main()

"""Stop: from the key byte at the terminal to the last pulse in the simulator's file, beside science_mode_4's own stop.

python bench/stop_latency.py               20 times each
python bench/stop_latency.py --times 500   as often as for the figures in docs/console.md

One simulated P24 behind a pty serves both, one after the other, in the same run; 50 Hz, so pulses come every 20 ms: a
stop that acts at once leaves its last pulse up to 20 ms *before* the key (a negative figure). The console draws all the
while and a busy loop holds the second core. Figures are in ms.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.support import sample  # noqa: E402
from tests.system import therapist  # noqa: E402
from tests.system.terminal import Tty  # noqa: E402

BUSY = "while True: pass"
KEYS = ("space", "f12", "escape")
PERIOD_MS = 20
A_SESSION = 25
STALLS_MAX = 20


class Pulses:
    """The simulator's file, and where its clock lies on this machine's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._offset_us: float | None = None
        self._last_us = -1

    def look(self) -> bool:
        """Take in new rows; True if there were any. The least delay ever seen is the clocks' difference."""
        now_us = time.monotonic() * 1e6
        with self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        rows = [row for row in csv.reader(whole.decode().splitlines()) if row and row[0].lstrip("-").isdigit()]
        if not rows:
            return False
        self._last_us = int(rows[-1][0])
        difference = now_us - self._last_us
        self._offset_us = difference if self._offset_us is None else min(self._offset_us, difference)
        return True

    def last_s(self) -> float:
        """When the last pulse fell, on `time.monotonic`."""
        return (self._last_us + (self._offset_us or 0.0)) / 1e6

    def settle(self, seconds: float, also: Callable[[], object]) -> None:
        """Look often for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()
            also()
            time.sleep(0.0005)


@contextlib.contextmanager
def simulator(folder: Path) -> Iterator[tuple[str, Pulses]]:
    """A P24 behind a pty."""
    path = folder / "pulses.csv"
    command = [sys.executable, "-m", "firmware_sim", "p24", "--pty", str(folder / "p24"), "--pulses", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    if process.stdout is None:
        raise SystemExit("the simulator has no output")
    device = str(json.loads(process.stdout.readline())["device"])
    try:
        yield device, Pulses(path)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def console_stops(tty: Tty, pulses: Pulses, key: str, times: int, found: list[float]) -> None:
    """Start therapy by its keys, stop it by one, `times` times."""
    chance = random.Random(f"{key} {len(found)}")  # noqa: S311
    for _ in range(times):
        therapist.start_therapy(tty)
        pulses.settle(0.3 + chance.random() * 0.2, tty.look)
        pressed = time.monotonic()
        tty.press(key)
        pulses.settle(0.4, tty.look)
        found.append((pulses.last_s() - pressed) * 1000)
        tty.sees("Why was it stopped")
        tty.press("7")
        tty.look(0.1)


async def client_stops(device: str, pulses: Pulses, times: int) -> list[float]:
    """science_mode_4: mid level on, then its own stop call."""
    from science_mode_4 import ChannelPoint, DeviceP24, MidLevelChannelConfiguration, SerialPortConnection
    from science_mode_4.utils import logger

    logger().setLevel(logging.ERROR)  # its log lines are not what is compared
    shape = [ChannelPoint(250, 3), ChannelPoint(100, 0), ChannelPoint(250, -3)]
    connection = SerialPortConnection(device)
    connection.open()
    client = DeviceP24(connection)
    await client.initialize()
    layer = client.get_layer_mid_level()
    chance = random.Random("client")  # noqa: S311
    found = []
    for _ in range(times):
        await layer.init(True)  # noqa: FBT003  # its own
        await layer.update([MidLevelChannelConfiguration(True, 3, PERIOD_MS, shape)])  # noqa: FBT003
        until = time.monotonic() + 0.3 + chance.random() * 0.2
        while time.monotonic() < until:
            pulses.look()
            await asyncio.sleep(0.0005)
        pressed = time.monotonic()
        await layer.stop()
        pulses.settle(0.1, lambda: None)
        found.append((pulses.last_s() - pressed) * 1000)
    connection.close()
    return found


def say(name: str, found: list[float]) -> float:
    """Median, p99, worst."""
    ranked = sorted(found)
    p99 = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))]
    middle = statistics.median(ranked)
    print(f"{name:32} n {len(found):4}  median {middle:7.1f}  p99 {p99:7.1f}  worst {ranked[-1]:7.1f} ms")
    return middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--idle", action="store_true", help="without the busy loop")
    given = parser.parse_args()
    busy = None if given.idle else subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        with tempfile.TemporaryDirectory() as name:
            measure(Path(name), given.times)
    finally:
        if busy is not None:
            busy.kill()
            busy.wait()


def measure(folder: Path, times: int) -> None:
    therapist.own_protocol(folder, sample("on_s = 2\noff_s = 2", "on_s = 15\noff_s = 15"))
    found: dict[str, list[float]] = {key: [] for key in KEYS}
    stalls = 0
    with simulator(folder) as (device, pulses):
        while min(len(each) for each in found.values()) < times:
            tty = Tty("console", "--device", f"sim+p24:{device}", home=folder)
            try:
                begin(tty)
                for key in KEYS:  # some stops a session: its time is bounded
                    share = min(A_SESSION, times - len(found[key]))
                    console_stops(tty, pulses, key, share, found[key])
                leave(tty)
            except AssertionError as error:  # a machine that stands still for 250 ms ends a session, as it must
                stalls += 1
                if stalls > STALLS_MAX:
                    raise SystemExit(f"{stalls} sessions did not come to their end; the last: {error}") from None
            finally:
                tty.end()
        peers = asyncio.run(client_stops(device, pulses, times))
    print(f"key byte → last pulse, 50 Hz, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    both = [*found["space"], *found["f12"]]
    middle = say("console, Space and F12", both)
    say("console, Space", found["space"])
    say("console, F12", found["f12"])
    say("console, Escape", found["escape"])
    peer = say("science_mode_4, stop()", peers)
    if stalls:
        print(f"{stalls} sessions ended before their time: this machine stood still for too long")
    print(f"difference of the medians, console (Space, F12) less science_mode_4: {middle - peer:+.1f} ms")


def begin(tty: Tty) -> None:
    """To the levels, and through them."""
    for step in (
        therapist.sign_in, therapist.choose, therapist.screen, therapist.place, therapist.try_device,
        therapist.find_levels,
    ):  # fmt: skip
        step(tty)


def leave(tty: Tty) -> None:
    """Off, and away."""
    tty.press("ctrl+q")
    tty.sees("Q leaves now")
    tty.press("q")
    tty.wait(lambda: tty.process.poll() is not None, what="it leaves")


if __name__ == "__main__":
    main()

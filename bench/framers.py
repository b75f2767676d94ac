"""Framers and simulated receivers under noise: how many times longer four times the bytes take, by processor time.

python bench/framers.py     Markdown table: the worst of all noises and pieces, for 4, 16 and 64 kB

`tests/drivers/test_framing.py` and `tests/firmware/test_wire_cases.py` hold the same by counted work.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

import firmware_sim.wire.sciencemode2 as two  # noqa: E402
import firmware_sim.wire.sciencemode34 as four  # noqa: E402
from estim.drivers import framing  # noqa: E402

NOISES = [bytes.fromhex(run) for run in ("81F0", "F0", "81", "11", "F081", "F08181", "F0110F", "F081F00F", "810F")]
SIZES = (4_096, 16_384, 65_536)
PIECES = (1 << 20, 64, 1)
TIMES = 5


def readers() -> Iterator[tuple[str, Callable[[], Any]]]:
    """What cuts a stream into frames, here and in the simulated devices."""
    yield "estim, P24 and RehaMove3", framing.ScienceMode34Framer
    yield "estim, RehaStim2", framing.ScienceMode2Framer
    simulated: tuple[tuple[str, Any], ...] = (("P24 and RehaMove3", four), ("RehaStim2", two))
    for name, wire in simulated:
        for restarts, kind in ((True, "begins anew"), (False, "the maker's kind")):
            yield f"simulated {name}, {kind}", partial(wire.Reader, restarts=restarts)


def cpu_s(make: Callable[[], Any], data: bytes, piece: int) -> float:
    """For one reader; as many are fed as take the largest size together, so that each run is held up as often."""
    readers = [make() for _ in range(SIZES[-1] // len(data))]
    began = time.process_time()
    for reader in readers:
        for at in range(0, len(data), piece):
            reader.feed(data[at : at + piece])
    return (time.process_time() - began) / len(readers)


def least_s(make: Callable[[], Any], stream: bytes, piece: int) -> list[float]:
    """The least of several runs of each size, taken in turn."""
    runs = [[cpu_s(make, stream[:size], piece) for size in SIZES] for _ in range(TIMES)]
    return [min(run[at] for run in runs) for at in range(len(SIZES))]


def main() -> None:
    """Print the table."""
    print("| Reader | 16 kB over 4 kB | 64 kB over 16 kB | 64 kB, ms |\n|---|---|---|---|")
    for name, make in readers():
        rows = []
        for noise in NOISES:
            stream = noise * (SIZES[-1] // len(noise) + 1)
            for piece in PIECES:
                small, middle, large = least_s(make, stream, piece)
                rows.append((middle / max(small, 1e-5), large / max(middle, 1e-5), large * 1e3))
        worst = [max(row[column] for row in rows) for column in range(3)]
        print(f"| {name} | {worst[0]:.1f} | {worst[1]:.1f} | {worst[2]:.0f} |", flush=True)


if __name__ == "__main__":
    main()

"""Any bytes at all into the console's ear, at every stage: it lives, and whenever output may be on a stop still stops.

python -m tests.console.fuzz_keys --bytes 100000 [--seed 4] [--stage treat]

The whole application, headless, over the real engine and the simulated stimulator in simulated time; the bytes go the
way of the terminal's: through `Ear`, then through the driver. Prints its seed, which repeats the run.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from estim.console.draft import Stage  # noqa: E402
from estim.controller.terminal_reports import F12_REPORTS  # noqa: E402
from tests.console.conftest import Bench, Make, make_bench  # noqa: E402

# What terminals and hands send: keys, halves of letters, mouse reports, releases, answers, pastes and pieces of all.
WHOLE = [
    *(report for report, _ in F12_REPORTS),
    b" ", b"\r", b"\t", b"\x1b", b"\x1b\x1b", b"\x7f", b"n", b"y", b"+", b"-", b"?", b"E", b"1", b"2", b"7", b"P-042",
    b"\x1bOP", b"\x1bOQ", b"\x1b[17~", b"\x1b[18~", b"\x1b[19~", b"\x1b[20~", b"\x1b[21~", b"\x1b[A", b"\x1b[B",
    b"\x1b[Z", b"\x1b[5~", b"\x1b[6~", b"\x1b[M \xf0%", b"\x1b[M", b"\x1b[<0;10;5M", b"\x1b[<0;10;5m", b"\x1b[<64;9;9M",
    b"\x1b[<99999;99999;0M", b"\x1b[97;1:3u", b"\x1b[24;1:3~", b"\x1b[0n", b"\x1b[?62;22c", b"\x1bP>|x\x1b\\",
    b"\x1b]11;rgb:1/1/1\x07", b"\x1b[200~", b"\x1b[201~", b"\x1b[200~quadriceps+2mA\r\x1b[201~", b"\xe3\x80",
    b"\xc2\xa0", b"\xf0\x9f", b"\xfc", b"\x9b", b"\x1b[2", b"\x1b[99999999999999999999u", b"\x1b[;;;u", b"\x1b[1;1;1~",
    b"\x1b[?2026;2$y", b"\x1b[I", b"\x1b[O", b"\x00", b"\x11", b"\x03", b"\x1a", b"\x1b[57399u", b"\x1b[127;5u",
]  # fmt: skip
A_LIFE = 20_000  # bytes; then a new console
FLOOD = (200, 4_000)  # bytes that come at once, as from a terminal that answers or a cable that is loose


def pieces(chance: random.Random, size: int) -> Iterator[bytes]:
    """So many bytes, as a terminal would read them."""
    left = size
    while left > 0:
        kind = chance.random()
        if kind < 0.30:
            data = chance.randbytes(chance.randint(1, 30))
        elif kind < 0.80:
            data = b"".join(chance.choices(WHOLE, k=chance.randint(1, 3)))
        elif kind < 0.88:
            data = chance.choice(WHOLE)
            data = data[: chance.randint(0, len(data))] + chance.randbytes(1)
        else:
            data = chance.randbytes(chance.randint(*FLOOD))
        left -= len(data)
        yield data


async def one_life(bench: Make, stage: Stage, seed: int, size: int = A_LIFE) -> int:
    """A console at a stage, until the bytes are used up or it was left in order; gives how many went in.

    Raises:
        AssertionError: a stop was swallowed; and whatever the console died of.
    """
    chance = random.Random(seed)
    taken = 0
    async with bench() as b:
        b.app.ear._clock = lambda: b.clock.now_s
        await to_stage(b, stage)
        for data in pieces(chance, size):
            await _hand_over(b, data)
            taken += len(data)
            if chance.random() < 0.2:
                await b.look(chance.choice((0.05, 0.5, 1.2)))
            if not b.app.is_running or b.app.return_value is not None:
                return taken
        if b.app.gate.closed:
            before = len(b.session.stops)
            await _hand_over(b, b" ")
            assert len(b.session.stops) > before, "a space after it stops nothing"
    return taken


async def to_stage(b: Bench, stage: Stage) -> None:
    """The console at this stage."""
    if stage is Stage.HOME:
        return
    if stage is Stage.OUTCOME:
        await b.running()
        await b.press("space")
        b.app.go(stage)
        await b.look(0.2)
    elif stage is Stage.TREAT:
        await b.running()
    else:
        await b.jump(stage)


async def _hand_over(b: Bench, data: bytes) -> None:
    driver = b.app._driver
    assert driver is not None
    b.clock.now_s += 0.03
    messages = b.app.ear.feed(data)
    b.clock.now_s += 0.15
    for message in [*messages, *b.app.ear.tick(), *b.app.ear.rest()]:
        driver.process_message(message)
    await b.pilot.pause()


async def run(stage: Stage, seed: int, size: int) -> int:
    """As many lives as the bytes need."""
    done = lives = 0
    while done < size:
        done += max(1, await one_life(make_bench, stage, seed * 1_000_003 + lives, min(A_LIFE, size - done)))
        lives += 1
    return done


def main() -> int:
    """1 if it died or a stop was swallowed; the seed says where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=100_000, help="at each stage")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--stage", action="append", choices=[stage.value for stage in Stage])
    given = parser.parse_args()
    wrong = 0
    for stage in Stage:
        if given.stage and stage.value not in given.stage:
            continue
        began = time.monotonic()
        try:
            done = asyncio.run(run(stage, given.seed, given.bytes))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            wrong += 1
            sys.stdout.write(f"{stage.value}: seed {given.seed}: DIED: {type(error).__name__}: {error}\n")
            continue
        sys.stdout.write(f"{stage.value}: {done} bytes, alive, {time.monotonic() - began:.0f} s (seed {given.seed})\n")
        sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""The kill campaign: real processes that write records are killed at random instants; nothing acknowledged may be lost.

python tests/system/record_kills.py --kills 1000

Each process opens sessions, writes, seals and begins the next one, and says on a pipe what the writer said is durable.
SIGKILL falls anywhere: while a folder is made, a line is written, the master chain is appended to.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from estim.records.chain import Chain  # noqa: E402
from estim.records.home import Home  # noqa: E402
from estim.records.keys import known_keys, station_signer  # noqa: E402
from estim.records.segment import segments  # noqa: E402
from estim.records.verify import read_record, verify_session  # noqa: E402
from estim.records.verify_home import verify_home  # noqa: E402
from estim.records.writer import RecordWriter  # noqa: E402

LINES = 40  # of a session: sealing and the master chain come round every few milliseconds
HOME_KILLS = 50  # kills in one home


@dataclass(slots=True)
class Tally:
    """What came of it. `wrong` must stay empty."""

    kills: int = 0
    sessions: int = 0
    acknowledged: int = 0
    endings: collections.Counter[str] = field(default_factory=collections.Counter)
    wrong: list[str] = field(default_factory=list)


def write_for_ever(home: Home, said: int, who: int) -> None:
    """The child: session after session; `session n` on the pipe when line n is durable, `session sealed` at its end."""
    signer = station_signer(home.root)
    for number in range(10_000):
        name = f"{who:05}-{number}"
        writer = RecordWriter(home.records(simulated=False) / name, Chain(simulated=False), signer)
        writer.append("header", {"patient": name}, 0)
        told = -1
        for line in range(LINES):
            writer.append("command", {"command": line, "channels": [], "padding": "x" * 200}, line * 10_000)
            durable = writer.poll(line * 10_000).durable_n
            if durable > told:
                told = durable
                os.write(said, f"{name} {durable}\n".encode())
            time.sleep(0.0002)
        if writer.close(LINES * 10_000):
            os.write(said, f"{name} sealed\n".encode())


def kill_one(home: Home, who: int, chance: random.Random) -> list[str]:
    """Start a child, kill it at a random instant after its first word; what it said."""
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        try:
            write_for_ever(home, said, who)
        finally:
            os._exit(1)
    os.close(said)
    with os.fdopen(heard, "rb", buffering=0) as pipe:
        first = pipe.read(1)
        time.sleep(chance.uniform(0, 0.12))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        rest = b""
        while data := pipe.read(65_536):
            rest += data
    return (first + rest).decode("ascii").split("\n")[:-1]


def check(home: Home, who: int, words: list[str], tally: Tally) -> None:
    """Every acknowledged line is there; every record verifies, or is named as torn or incomplete at the right line."""
    keys = known_keys(home.root)
    durable: dict[str, int] = {}
    sealed: set[str] = set()
    for word in words:
        name, _, what = word.partition(" ")
        if what == "sealed":
            sealed.add(name)
        else:
            durable[name] = int(what)
    for folder in sorted(home.records(simulated=False).glob(f"{who:05}-*")):
        verdict = verify_session(folder, keys=keys)
        tally.sessions += 1
        tally.endings[verdict.ending if verdict.records else "empty"] += 1
        data = b"".join(path.read_bytes() for path in segments(folder))  # none: killed before its file was made
        whole = data.count(b"\n")
        tally.acknowledged += durable.get(folder.name, -1) + 1
        if verdict.records <= durable.get(folder.name, -1):
            tally.wrong.append(
                f"{folder.name}: line {durable[folder.name]} was acknowledged, {verdict.records} are there"
            )
        if [entry.n for entry in read_record(folder).entries] != list(range(whole)):
            tally.wrong.append(f"{folder.name}: {whole} whole lines, {verdict.records} good ones")
        if folder.name in sealed and not verdict.ok:
            tally.wrong.append(f"{folder.name}: was sealed, now {verdict.ending}: {verdict.reason}")
        if not verdict.ok and verdict.first_bad not in {None, whole}:
            tally.wrong.append(f"{folder.name}: torn after line {whole - 1}, named at {verdict.first_bad}")
        if not data.endswith(b"\n") and data and verdict.ending != "torn":
            tally.wrong.append(f"{folder.name}: torn, called {verdict.ending}")


def check_home(home: Home, tally: Tally) -> None:
    """The master chain of many kills: whole; it names every session, and misses none."""
    for verdict in verify_home(home.root):
        if verdict.path.endswith("master.jsonl"):
            tally.endings["sealed just before the kill"] += 1
            if "which the master chain does not know" not in verdict.reason:
                tally.wrong.append(f"master chain: {verdict.reason}")
        elif "gone" in verdict.reason or "does not name" in verdict.reason:
            tally.wrong.append(f"{Path(verdict.path).name}: {verdict.reason}")


def campaign(kills: int, seed: int) -> Tally:
    """So many kills."""
    tally, chance = Tally(), random.Random(seed)
    while tally.kills < kills:
        with tempfile.TemporaryDirectory() as folder:
            home = Home(Path(folder))
            station_signer(home.root)
            for _ in range(min(HOME_KILLS, kills - tally.kills)):
                tally.kills += 1
                check(home, tally.kills, kill_one(home, tally.kills, chance), tally)
                if sys.stderr.isatty():
                    sys.stderr.write(f"\r{tally.kills} of {kills} kills")
            check_home(home, tally)
    return tally


def main() -> int:
    """0 if nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tally = campaign(given.kills, given.seed)
    endings = ", ".join(f"{ending} {count}" for ending, count in sorted(tally.endings.items()))
    sys.stdout.write(
        f"{tally.kills} kills, {tally.sessions} sessions, {tally.acknowledged} lines acknowledged, "
        f"{len(tally.wrong)} wrong\n{endings}\n" + "".join(f"WRONG {text}\n" for text in tally.wrong[:20])
    )
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

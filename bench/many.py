"""A home of very many sessions: how long the index takes, a list, the question of today's dose, and verifying.

python bench/many.py [--sessions 100000] [--sign-in]
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from estim.records.canonical import canonical  # noqa: E402
from estim.records.chain import GENESIS, Chain  # noqa: E402
from estim.records.folders import folder_name  # noqa: E402
from estim.records.home import Home  # noqa: E402
from estim.records.index import Filter, Index  # noqa: E402
from estim.records.keys import Signer  # noqa: E402
from estim.records.master_seen import MARKS  # noqa: E402
from estim.records.retention import due, set_rule  # noqa: E402
from estim.records.station import begin_station  # noqa: E402
from estim.records.today import minutes_today  # noqa: E402
from estim.records.verify_home import verify_home  # noqa: E402
from tests.records.build import NOON, body  # noqa: E402

SIGN_IN = """
import datetime, resource, sys, time
from pathlib import Path
sys.path[:0] = ["src", "."]
from estim.records.clocks import Clock
from estim.records.home import Home
from estim.records.recent_chain import clock_notes
from estim.records.today import minutes_today, recent_sessions
from tests.records.build import NOON
clock = Clock.system(NOON + datetime.timedelta(hours=2))
home = Home(Path(sys.argv[1]))
bare = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
began, work = time.perf_counter(), time.process_time()
found = dict(minutes_today(home, "P-1", simulated=False, clock=clock))
recent_sessions(home, "P-1", simulated=False, clock=clock)
clock_notes(home, clock)
took, work = time.perf_counter() - began, time.process_time() - work
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{took:9.3f} s   {work:7.3f} s of processor time   {most - bare:5.0f} MB more memory than before   {found}")
"""


def fill(home: Home, number: int) -> int:
    """Short sessions (20 lines) over the years before NOON; gives their bytes."""
    home.root.mkdir(parents=True)
    signer = begin_station(home.root)
    root = home.records(simulated=False)
    root.mkdir(parents=True)
    size, prev, n = 0, GENESIS, 0
    with (root / "master.jsonl").open("wb") as master:
        for back in range(number, 0, -1):
            at = NOON - datetime.timedelta(minutes=29 * back)
            folder = root / folder_name(at, f"P-{back % 500}")
            data, head, lines = session(at, folder.name, signer)
            folder.mkdir()
            (folder / "record.jsonl").write_bytes(data)
            size += len(data)
            for event, of, count in (("opened", GENESIS, 0), ("sealed", head, lines)):
                said = {"event": event, "session": folder.name, "head": of, "lines": count}
                line = {**said, "utc": at.isoformat(timespec="milliseconds"), "n": n, "prev": prev}
                line |= {"key_id": signer.key_id}
                prev = hashlib.sha256(canonical(line)).hexdigest()
                signature = signer.sign(bytes.fromhex(prev)).hex()
                master.write(canonical({**line, "hash": prev, "signature": signature}) + b"\n")
                n += 1
    return size


def session(at: datetime.datetime, name: str, signer: Signer) -> tuple[bytes, str, int]:
    chain = Chain(simulated=False)
    said = {"session": name, "public_key": signer.public_hex}
    patient = name.split("Z-", maxsplit=1)[1]
    made = [chain.line(*line) for line in body(patient, at.isoformat(timespec="milliseconds"))]
    made.append(chain.checkpoint(signer.sign, signer.key_id, 93_000_000, said, kind="seal"))
    return b"".join(made), chain.head, chain.n


def timed(what: str, do: Callable[[], object]) -> None:
    began = time.perf_counter()
    found = do()
    took = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {what:52} {took:9.3f} s   {memory:5.0f} MB of memory so far   {found}", flush=True)


def listed(home: Home, patient: str = "", text: str = "") -> int:
    with Index(home) as index:
        index.catch_up()
        return len(index.sessions(Filter(simulated=False, patient=patient, text=text)))


def refreshed(home: Home) -> int:
    with Index(home) as index:
        return index.refresh()


def given_today(home: Home, now: datetime.datetime) -> dict[str, int]:
    return dict(minutes_today(home, "P-1", simulated=False, now=now))


def again(home: Home) -> None:
    """The next sign-ins, of other processes; the last one without the mark of how far the chain was verified."""
    told = [sys.executable, "-c", SIGN_IN, str(home.root)]
    for what in ("the next sign-in", "the one after", "without the mark"):
        if what == "without the mark":
            (home.root / MARKS).unlink()
        done = subprocess.run(told, capture_output=True, text=True, check=True, cwd=ROOT)
        print(f"  {what:52} {done.stdout.strip()}", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--sessions", type=int, default=100_000)
    asked.add_argument("--sign-in", action="store_true", help="today's minutes alone")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        size = fill(home, given.sessions)
        print(f"{given.sessions} sessions, {size / 1e6:.0f} MB")
        now = NOON + datetime.timedelta(hours=2)
        timed("today's minutes of one patient, the first time", lambda: given_today(home, now))
        again(home)
        if given.sign_in:
            return
        timed("index, from nothing", lambda: refreshed(home))
        timed("index, again", lambda: refreshed(home))
        timed("list, the newest 100", lambda: listed(home))
        timed("list, one patient", lambda: listed(home, patient="P-7"))
        timed("list, words in the texts", lambda: listed(home, text="tolerated"))
        set_rule(home.root, "real", 10, operator="A1", reason="bench")
        timed("what is past its time", lambda: len(due(home, now.date())))
        timed("verify, default", lambda: {one.ok for one in verify_home(home.root)})


if __name__ == "__main__":
    main()

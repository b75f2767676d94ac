"""A home of many real-sized sessions: verify beside plain SHA-256 of the same bytes, `--deep`, sizes, memory.

python bench/home.py [--megabytes 200]
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from estim.records.chain import Chain  # noqa: E402
from estim.records.folders import folder_name  # noqa: E402
from estim.records.home import Home  # noqa: E402
from estim.records.keys import Signer  # noqa: E402
from estim.records.lifecycle import archive  # noqa: E402
from estim.records.master import enter_master  # noqa: E402
from estim.records.station import begin_station  # noqa: E402
from estim.rehearsal import rehearse  # noqa: E402
from tests.records.build import NOON  # noqa: E402
from tests.support import plan  # noqa: E402

# In a process of its own, so that the memory is that of verifying alone.
VERIFY = """
import resource, sys, time
from pathlib import Path
from estim.records.verify_home import verify_home
def worked():
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)
began, work = time.perf_counter(), worked()
verdicts = verify_home(Path(sys.argv[1]), deep=sys.argv[2] == "deep", jobs=int(sys.argv[3]))
assert verdicts and all(one.ok for one in verdicts), [one.reason for one in verdicts if not one.ok][:3]
print(time.perf_counter() - began, worked() - work, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def fill(home: Home, megabytes: int) -> int:
    """The same session again and again, each under its own name, sealed with the station's key; gives how many."""
    home.root.mkdir(parents=True)
    signer = begin_station(home.root)
    rows = [
        json.loads(line) for line in rehearse(plan("knee-replacement-quadriceps-early", level_ma=40)).data.splitlines()
    ]
    written = number = 0
    while written < megabytes * 1_000_000:
        at = NOON - datetime.timedelta(minutes=41 * number)
        folder = home.records(simulated=False) / folder_name(at, f"P-{number % 50}")
        data, head, lines = session(rows, folder.name, signer)
        folder.mkdir(parents=True)
        (folder / "record.jsonl").write_bytes(data)
        enter_master(folder.parent, folder.name, "0" * 64, signer, event="opened", lines=0)
        enter_master(folder.parent, folder.name, head, signer, event="sealed", lines=lines)
        written += len(data)
        number += 1
    return number


def session(rows: list[dict[str, object]], name: str, signer: Signer) -> tuple[bytes, str, int]:
    chain, made = Chain(simulated=False), []
    for row in rows:
        fields = row["fields"]
        assert isinstance(fields, dict)
        t_us = int(str(row["t_us"]))
        if "signature" in fields:
            said = {"session": name, "public_key": signer.public_hex}
            made.append(chain.checkpoint(signer.sign, signer.key_id, t_us, said, kind=str(row["kind"])))
        else:
            made.append(chain.line(str(row["kind"]), fields, t_us))
    return b"".join(made), chain.head, chain.n


def measure(home: Home, how: str, jobs: int) -> tuple[float, float, float]:
    """Seconds, seconds of processor time, and megabytes of memory."""
    told = [sys.executable, "-c", VERIFY, str(home.root), how, str(jobs)]
    done = subprocess.run(told, capture_output=True, text=True, check=True, cwd=ROOT)
    took, work, memory = done.stdout.split()
    return float(took), float(work), float(memory)


def hashed(files: list[Path]) -> tuple[float, float]:
    """Seconds, and seconds of processor time."""
    began, work = time.perf_counter(), time.process_time()
    for path in files:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
    return time.perf_counter() - began, time.process_time() - work


def said(how: str, jobs: int, size: float, best: tuple[float, ...], sha: tuple[float, float]) -> None:
    """Wall time, and processor time: beside other work on the machine only the second one says anything."""
    took, work, memory = best
    print(
        f"  verify, {how:9} {jobs} side by side: {size / took:6.0f} MB/s, {sha[0] / took:5.2f} of SHA-256; "
        f"by processor time {size / work:6.0f} MB/s, {sha[1] / work:5.2f} of SHA-256; {memory:4.0f} MB of memory",
        flush=True,
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--megabytes", type=int, default=200, help="plain bytes of records")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        number = fill(home, given.megabytes)
        files = sorted(home.records(simulated=False).glob("*/record.jsonl"))
        size = sum(path.stat().st_size for path in files) / 1e6
        sha = min(hashed(files) for _ in range(3))
        rate = f"{size / sha[0]:.0f} MB/s, by processor time {size / sha[1]:.0f} MB/s"
        print(f"{number} sessions of {size / number:.2f} MB: {size:.0f} MB; SHA-256 alone {rate}", flush=True)
        cores = os.cpu_count() or 1
        for how in ("default", "deep"):
            for jobs in sorted({1, cores}):
                said(how, jobs, size, min(measure(home, how, jobs) for _ in range(2)), sha)
        now = NOON + datetime.timedelta(days=400)
        done = archive(home, older_than_days=1, now=now, operator="bench", reason="bench")
        ratio = done.before / done.after
        print(f"  archived: {done.before / 1e6:.0f} MB are {done.after / 1e6:.0f} MB, {ratio:.1f} times smaller")
        said("archived", cores, size, measure(home, "default", cores), sha)


if __name__ == "__main__":
    main()

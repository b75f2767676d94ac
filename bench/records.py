"""Records: verification beside plain SHA-256, durable lines beside bare write and fsync, the index as it grows.

python bench/records.py                     ratios; the index at 1 000 and 10 000 sessions
python bench/records.py --sessions 100000   the index up to so many (some minutes, 1 GB)
python bench/records.py --tamper            Markdown table: every change of a rehearsed record and of its master chain
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench.timing import best  # noqa: E402
from estim.records.chain import Chain, read  # noqa: E402
from estim.records.folders import folder_name  # noqa: E402
from estim.records.home import Home  # noqa: E402
from estim.records.index import Filter, Index  # noqa: E402
from estim.records.keys import seeded_signer, station_signer  # noqa: E402
from estim.records.master import enter_master  # noqa: E402
from estim.records.summary import read_session  # noqa: E402
from estim.records.today import minutes_today  # noqa: E402
from estim.records.verify import verify_session  # noqa: E402
from estim.records.verify_home import verify_home  # noqa: E402
from estim.records.writer import RecordWriter  # noqa: E402
from estim.rehearsal import rehearse  # noqa: E402
from tests.records.build import NOON, body  # noqa: E402
from tests.records.tamper import campaign, master_campaign, show  # noqa: E402
from tests.support import plan  # noqa: E402

APPENDS = 300


def rate_of_verify() -> None:
    """A whole rehearsed session: chain, then chain and signatures and ending, beside SHA-256 over the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        made = plan("knee-replacement-quadriceps-early", level_ma=40)
        made.folder = Path(folder) / "s"
        data = rehearse(made).data
        size = len(data) / 1e6
        sha, chain = best(lambda: hashlib.sha256(data).digest(), 20), best(lambda: read(data))
        whole = best(lambda: verify_session(made.folder or Path()))
        brief = best(lambda: read_session(made.folder or Path()))
        lines = data.count(b"\n")
    print(f"verify, {lines} lines, {size:.2f} MB   SHA-256 alone {size / sha:7.0f} MB/s")
    for name, took in (("chain", chain), ("verify_session", whole), ("with summary and audit", brief)):
        print(f"  {name:24} {size / took:7.1f} MB/s, {lines / took:9.0f} lines/s, {took / sha:5.0f} × SHA-256")


def durable_append() -> None:
    """A line until the writer says that it is durable, beside write and fsync of the same bytes in the same place."""
    line = b"x" * 330 + b"\n"
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        bare: list[float] = []
        with (Path(folder) / "bare").open("xb", buffering=0) as file:
            for _ in range(APPENDS):
                began = time.perf_counter()
                file.write(line)
                os.fsync(file.fileno())
                bare.append(time.perf_counter() - began)
        writer = RecordWriter(Path(folder) / "records" / "s", Chain(simulated=True), seeded_signer(1))
        ours: list[float] = []
        for number in range(APPENDS):
            began = time.perf_counter()
            line_number = writer.append("command", {"padding": "x" * 110, "command": number}, number, durable=True)
            while writer.poll(number).durable_n < line_number:
                time.sleep(0)
            ours.append(time.perf_counter() - began)
        writer.close(APPENDS)
    print(f"durable line, {APPENDS} times")
    for name, took in (("write and fsync", bare), ("RecordWriter", ours)):
        p99 = statistics.quantiles(took, n=100)[98]
        print(f"  {name:24} p50 {statistics.median(took) * 1e3:6.2f} ms, p99 {p99 * 1e3:6.2f} ms")
    print(f"  ratio of the medians     {statistics.median(ours) / statistics.median(bare):6.2f}")


def generate(home: Home, first: int, last: int) -> None:
    """Simulated sessions of 300 patients, some a day; chained and sealed, written without fsync."""
    signer = seeded_signer(1)
    root = home.records(simulated=True)
    root.mkdir(parents=True, exist_ok=True)
    for number in range(first, last):
        at = NOON - datetime.timedelta(minutes=37 * number)
        patient = f"P-{number % 300}"
        folder = root / folder_name(at, patient)
        chain = Chain(simulated=True)
        lines = [chain.line(kind, fields, t_us) for kind, fields, t_us in body(patient, at.isoformat())]
        said = {"public_key": signer.public_hex}
        lines.append(chain.checkpoint(signer.sign, signer.key_id, 93_000_000, said, kind="seal"))
        folder.mkdir()
        (folder / "record.jsonl").write_bytes(b"".join(lines))
    newest = folder_name(NOON - datetime.timedelta(minutes=37 * first), f"P-{first % 300}")
    enter_master(root, newest, "0" * 64, signer, event="opened", lines=0)


def asked(opened: Index, home: Home) -> dict[str, float]:
    """What the index is asked for, in seconds."""
    everything, mine = Filter(simulated=True), Filter(simulated=True, patient="P-7")
    latest = Path(opened.sessions(everything, limit=1)[0]["path"])
    timed: dict[str, Callable[[], object]] = {
        "list 100": lambda: opened.sessions(everything),
        "page 10": lambda: opened.sessions(everything, offset=900),
        "filter by patient": lambda: opened.sessions(mine),
        "count all": lambda: opened.count(everything),
        "search words": lambda: opened.sessions(Filter(simulated=True, text="well done p-7")),
        "search, none found": lambda: opened.sessions(Filter(simulated=True, text="nowhere")),
        "catch up, nothing new": opened.catch_up,
        "minutes today (L27)": lambda: minutes_today(home, "P-7", simulated=True, now=NOON),
        "open and verify one": lambda: read_session(latest),
    }
    return {name: best(run) for name, run in timed.items()}


def index(sizes: list[int]) -> None:
    """Built again, brought up to date, listed, filtered, searched; one session opened; a patient's minutes of today."""
    print(f"index, sessions{'':11}" + "".join(f"{size:>12}" for size in sizes))
    rows: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        station_signer(home.root)
        for before, size in zip([0, *sizes], sizes, strict=False):
            generate(home, before, size)
            with Index(home) as opened:
                began = time.perf_counter()
                opened.rebuild()
                took = time.perf_counter() - began
                began = time.perf_counter()
                verify_home(home.root)
                verified = time.perf_counter() - began
                whole = {"rebuild": took, "a session": took / size, "verify all": verified, **asked(opened, home)}
                for name, value in whole.items():
                    rows.setdefault(name, []).append(value)
    for name, values in rows.items():
        print(f"  {name:24}" + "".join(f"{value * 1e3:9.1f} ms" for value in values))


def as_real(home: Home, level_ma: float) -> Path:
    """A rehearsed session, line by line, as the real writer writes it, signed with a station's key."""
    lines = read(rehearse(plan(level_ma=level_ma)).data).entries
    folder = home.records(simulated=False) / f"{level_ma}mA"
    writer = RecordWriter(folder, Chain(simulated=False), station_signer(home.root))
    for line in lines:
        if line.kind not in {"checkpoint", "seal"}:
            writer.append(line.kind, line.fields, line.t_us)
            writer.poll(line.t_us)
    writer.close(lines[-1].t_us)
    return folder


def tamper(step: int) -> None:
    """The campaign over one record; then over the master chain of two."""
    with tempfile.TemporaryDirectory() as folder:
        alone, two = Home(Path(folder) / "1"), Home(Path(folder) / "2")
        as_real(two, 8)
        one = as_real(alone, 10)
        size = (one / "record.jsonl").stat().st_size
        tables = {**campaign(one, step=step), **master_campaign(as_real(two, 10), step=step)}
    bytes_said = "every byte" if step == 1 else f"each {step}. byte"
    print(f"A session of {size} bytes, {bytes_said}; its master chain\n\n{show(tables)}")
    if any(row.missed for row in tables.values()):
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--tamper", action="store_true")
    parser.add_argument("--step", type=int, default=7, help="each so-manieth byte (1: all of them, half an hour)")
    given = parser.parse_args()
    if given.tamper:
        tamper(given.step)
        return
    rate_of_verify()
    durable_append()
    index([size for size in (1_000, 10_000, 100_000, 1_000_000) if size <= given.sessions] or [given.sessions])


if __name__ == "__main__":
    main()

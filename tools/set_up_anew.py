"""Both of the README's commands as on a new machine: fresh clone, empty home, old pip, an index of years from now.

    python -m tools.set_up_anew [--pip VERSION | newest | own] [--only-run | --tests PATH] [--index today]

The clone's `.venv` gets the oldest pip that its Python was released with (requirements/oldest-pip.txt), or the one
asked for. No cache is used. On the loopback a later index stands beside the configured one: of every locked package it
offers version 9999, which asks for something that exists nowhere. Whoever resolves anything would take it. Then `make
run` has to play its session, what tests need has to install, and what is installed has to be what the locks say.
"""

from __future__ import annotations

import argparse
import contextlib
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tools.lock import FOLDER, ROOT, normal, pins

LATER = "9999.0"


def later_wheel(name: str) -> bytes:
    """A wheel of the package's version 9999, which nobody can have whole."""
    stem = f"{name.replace('-', '_')}-{LATER}"
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as wheel:
        meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: {LATER}\nRequires-Dist: estim-no-such-package-{name}\n"
        wheel.writestr(f"{stem}.dist-info/METADATA", meta)
        wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: estim\nTag: py3-none-any\n")
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return held.getvalue()


@contextlib.contextmanager
def later_index() -> Iterator[tuple[str, list[str]]]:
    """The index of years from now: its address, and the files that were taken from it."""
    names = {normal(name) for file in FOLDER.glob("*.txt") for name in pins(file.read_text(encoding="utf-8"))}
    taken: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, _, rest = self.path.partition("/simple/")
            name, _, file = rest.partition("/")
            if name not in names:
                self.send_error(404)
                return
            if file:
                taken.append(name)
                body, kind = later_wheel(name), "application/octet-stream"
            else:
                link = f"{name.replace('-', '_')}-{LATER}-py3-none-any.whl"
                body, kind = f'<!DOCTYPE html><a href="{html.escape(link)}">{link}</a>'.encode(), "text/html"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/", taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def megabytes(folder: Path) -> float:
    """What a folder takes on the disk, in MB of 10^6 bytes."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if not path.is_dir()) / 1e6


def wrong(python: Path, lock: str) -> list[str]:
    """Packages of this lock that are installed in another version than it says."""
    told = subprocess.run([python, "-m", "pip", "list", "--format=json"], capture_output=True, text=True, check=True)
    there = {normal(entry["name"]): entry["version"] for entry in json.loads(told.stdout)}
    locked = pins((FOLDER / lock).read_text(encoding="utf-8"))
    return [
        f"{name} {there[normal(name)]} instead of {' or '.join(versions)}"
        for name, versions in locked.items()
        if normal(name) in there and there[normal(name)] not in versions
    ]


def step(title: str, command: list[str], folder: Path, env: dict[str, str], said: list[str] | None = None) -> float:
    """Run one command, without a terminal; its seconds. Its output is shown when it fails, and ends this program;
    whoever gives a list has its lines.
    """
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - began
    if done.returncode:
        # Whole: of many tests that failed, the first would be lost, and the clone is gone.
        print(done.stdout, done.stderr[-4_000:], sep="\n")
        sys.exit(f"{title}: exit {done.returncode} after {seconds:.0f} s: {' '.join(command)}")
    if said is not None:
        said += done.stdout.splitlines()
    return seconds


def set_up(
    python: str, pip: str, folder: Path, *, only_run: bool, tests: str, index: str | None, taken: list[str]
) -> None:
    """Clone, set up and run in this empty folder; prints what it took."""
    clone, home = folder / "estim", folder / "home"
    home.mkdir()
    # PIP_* stays: a machine may reach its index only through them.
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ESTIM_", "XDG_", "PYTHON", "MAKE", "MFLAGS"))
    }
    env |= {"HOME": str(home), "PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    own = clone / ".venv" / "bin" / "python"
    step("venv", [python, "-m", "venv", str(clone / ".venv")], folder, env)
    install = [str(own), "-m", "pip", "install", "--quiet", "--no-deps"]
    if pip == "oldest":
        step("pip", [*install, "--require-hashes", "-r", str(FOLDER / "oldest-pip.txt")], folder, env)
    elif pip != "own":
        step("pip", [*install, *(["--upgrade", "pip"] if pip == "newest" else [f"pip=={pip}"])], folder, env)
    if index is not None:
        env["PIP_EXTRA_INDEX_URL"] = f"{env.get('PIP_EXTRA_INDEX_URL', '')} {index}".strip()
        env["NO_PROXY"] = f"{env.get('NO_PROXY', '')},127.0.0.1".strip(",")
        # The index is no dummy: asked for a name alone, this pip takes the later version from it.
        step(
            "later index",
            [str(own), "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(folder / "x"), "segno"],
            folder,
            env,
        )
        if taken != ["segno"]:
            sys.exit(f"the later index was not asked: {taken}")
        taken.clear()
    told = subprocess.run([own, "-m", "pip", "--version"], capture_output=True, text=True, check=True, env=env)
    print(
        f"Python {python}, {' '.join(told.stdout.split()[:2])}, index {'of later' if index else 'of today'}", flush=True
    )
    make = ["make", f"PYTHON={python}"]
    for title, target, lock in [("make run", "run", "run.txt"), ("what tests need", ".venv/.ready-to-test", "dev.txt")]:
        if target != "run" and only_run:
            continue
        seconds = step(title, [*make, target], clone, env)
        bad = wrong(own, lock)
        if bad:
            sys.exit(f"{title}: {'; '.join(bad)}")
        print(f"  {title}: {seconds:.0f} s, {megabytes(clone / '.venv'):.0f} MB", flush=True)
    if tests:
        said: list[str] = []
        seconds = step("make test", [*make, "test", f"TESTS={tests}"], clone, env, said)
        (counted,) = [line for line in said if re.search(r"\d+ passed.* in ", line)]
        print(f"  make test TESTS={tests}: {seconds:.0f} s; {counted.strip(' =')}", flush=True)
    if taken:
        sys.exit(f"taken from the later index: {', '.join(taken)}")


def main() -> int:
    """Set up once, in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(description="Set up and run on a machine that never saw estim")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument(
        "--pip", default="oldest", help="a version, newest, own (the Python's), or oldest (pinned by hash)"
    )
    parser.add_argument("--only-run", action="store_true", help="leave out what only tests need")
    parser.add_argument("--index", choices=["later", "today"], default="later")
    parser.add_argument("--tests", default="", help="these are played there as well; tests: all of them")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="estim-anew-"))
    try:
        with contextlib.ExitStack() as stack:
            later = options.index == "later"
            index, taken = stack.enter_context(later_index()) if later else (None, [])
            set_up(
                options.python, options.pip, folder,
                only_run=options.only_run, tests=options.tests, index=index, taken=taken,
            )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`make lock`: requirements/*.txt from pyproject.toml, whole, hashed and the same for every system; says what changed.

    python -m tools.lock [--keep] [--uv UV]

Each file is complete: a package's extras stand there as pins of their own, and so does what builds the checkout.
A user's pip installs the lines as they are (`--no-deps --require-hashes --only-binary :all:`) and resolves nothing: an
old pip can't misread an extra, and what the index offers in three years changes nothing. `--keep` leaves every pin
that pyproject.toml still allows and only adds what it newly asks for; without it all pins move to the newest.
"""

from __future__ import annotations

import argparse
import itertools
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"

# Largest first: the smaller locks are held to its pins, so that `make test` adds to what `make run` installed and
# replaces none of it.
LOCKS = {
    "mutants.txt": ("dev", "mutants"),
    "dev.txt": ("dev",),
    "run.txt": ("build",),
}
ADDED = {"docs.txt": ("docs",)}  # the site's builder, into the same place as what tests need: held to its pins
ALONE = {"lock.txt": ("lock",), "release.txt": ("release",)}  # programs of their own: they share nothing with the rest

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = (
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
    "x86_64-pc-windows-msvc",
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
)
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)


def normal(name: str) -> str:
    """A package's name as an index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, tuple[str, ...]]:
    """Package → its versions, more than one where systems or Pythons differ."""
    found: dict[str, tuple[str, ...]] = {}
    for name, version in PIN.findall(text):
        found[name] = (*found.get(name, ()), version)
    return found


def changes(before: str, after: str) -> list[str]:
    """One line for each package that came, went or moved."""
    old, new = pins(before), pins(after)
    lines = [f"+ {name} {', '.join(new[name])}" for name in sorted(new.keys() - old.keys())]
    lines += [f"- {name} {', '.join(old[name])}" for name in sorted(old.keys() - new.keys())]
    lines += [
        f"  {name} {', '.join(old[name])} -> {', '.join(new[name])}"
        for name in sorted(new.keys() & old.keys())
        if old[name] != new[name]
    ]
    if not lines and before != after:
        lines = ["  the same versions; files, hashes or markers changed"]
    return lines


def compile_lock(uv: str, file: str, groups: tuple[str, ...], hold: Path | None, *, keep: bool) -> None:
    """Write one lock: of the package and these groups, or of the groups alone."""
    command = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", PYTHONS[0], "--generate-hashes"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"]
    command += [f"--group=pyproject.toml:{group}" for group in groups]
    if file != "release.txt":  # the maintainer's: one of its packages comes as source alone
        command += ["--only-binary", ":all:"]
    if file in LOCKS:
        command.append("pyproject.toml")
    if hold is not None:
        command += ["--constraint", str(hold)]
    if not keep and hold is None:
        command.append("--upgrade")
    subprocess.run([*command, "-o", str(FOLDER / file)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def lacking(uv: str, file: str) -> list[str]:
    """Systems on which a line of this lock has no wheel: there a user's machine would have to build, or could not."""
    bad = []
    for python, system in itertools.product(PYTHONS, SYSTEMS):
        with tempfile.TemporaryDirectory() as target:
            command = [uv, "pip", "install", "--no-config", "--dry-run", "--quiet", "--no-deps", "--require-hashes"]
            command += [
                "--only-binary",
                ":all:",
                "--python-version",
                python,
                "--python-platform",
                system,
                "--target",
                target,
            ]
            done = subprocess.run(
                [*command, "-r", str(FOLDER / file)], cwd=ROOT, capture_output=True, text=True, check=False
            )
        if done.returncode:
            bad.append(f"{file}, Python {python}, {system}: {' '.join(done.stderr.split())[:300]}")
    return bad


def main(argv: list[str] | None = None) -> int:
    """Renew all locks; 1 when one of them can't be installed somewhere."""
    parser = argparse.ArgumentParser(description="requirements/*.txt from pyproject.toml")
    parser.add_argument("--keep", action="store_true", help="keep every pin that is still allowed")
    parser.add_argument("--uv", default="uv")
    options = parser.parse_args(argv)
    before = {
        file: (FOLDER / file).read_text(encoding="utf-8") if (FOLDER / file).exists() else ""
        for file in (*LOCKS, *ADDED, *ALONE)
    }
    hold = None
    for file, groups in LOCKS.items():
        compile_lock(options.uv, file, groups, hold, keep=options.keep)
        hold = FOLDER / file
    for file, groups in ADDED.items():
        compile_lock(options.uv, file, groups, FOLDER / "dev.txt", keep=options.keep)
    for file, groups in ALONE.items():
        compile_lock(options.uv, file, groups, None, keep=options.keep)
    bad = []
    for file in (*LOCKS, *ADDED, *ALONE):
        changed = changes(before[file], (FOLDER / file).read_text(encoding="utf-8"))
        print(f"requirements/{file}: {'nothing changed' if not changed else ''}")
        for line in changed:
            print(f"  {line}")
    for file in ("dev.txt", "run.txt"):  # mutants.txt runs on Linux alone: mutmut forks
        bad += lacking(options.uv, file)
    state = "NOT all there" if bad else "all there"
    print(f"wheels for Python {', '.join(PYTHONS)} on {len(SYSTEMS)} systems: {state}")
    for line in bad:
        print(f"  {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

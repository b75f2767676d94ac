"""`make docs`: gathers `docs/`, the pages at the top of the tree and those made from the code, and builds `site/`.

Usage: python -m tools.handbook [--gather FOLDER]

With `--gather` only the Markdown is written, for the test that looks for dead links and missing words.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from estim.cli import parser
from estim.handbook.pages import pages

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "build" / "handbook"
PICTURE = re.compile(r"^!\[([^\]]*)\]\((\S+\.svg)\)$", re.MULTILINE)  # opens alone: a phone enlarges it there


def gather(folder: Path) -> None:
    """Write every page of the handbook below `folder`, which is emptied first; pictures go with them."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder)
    for path, text in pages(parser()).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(PICTURE.sub(r"[![\1](\2)](\2)", text), "utf-8")


def main() -> int:
    """Gather and build; the exit code is the builder's."""
    words = argparse.ArgumentParser(prog="python -m tools.handbook", description=__doc__)
    words.add_argument("--gather", type=Path, metavar="FOLDER", help="only write the Markdown below FOLDER")
    given = words.parse_args()
    if given.gather:
        gather(given.gather)
        return 0
    gather(SOURCE)
    build = [
        sys.executable,
        "-m",
        "zensical",
        "build",
        "--strict",
        "--clean",
        "--config-file",
        str(ROOT / "zensical.toml"),
    ]
    return subprocess.run(build, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

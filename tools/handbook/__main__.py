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
from estim.protocols.schema_json import json_schema
from tools.handbook import command_line, limits, protocol_keys

ROOT = Path(__file__).resolve().parents[2]
TOP_PAGES = ("SAFETY.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
SOURCE = ROOT / "build" / "handbook"


def gather(folder: Path) -> None:
    """Write every page of the handbook below `folder`, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder)
    for name in TOP_PAGES:
        if (ROOT / name).exists():
            (folder / name).write_text(_from_top((ROOT / name).read_text("utf-8")), "utf-8")
    for page in folder.rglob("*.md"):
        if page.name in TOP_PAGES and page.parent == folder:
            continue
        depth = len(page.relative_to(folder).parts) - 1
        page.write_text(_from_docs(page.read_text("utf-8"), depth), "utf-8")
    reference = folder / "reference"
    reference.mkdir(exist_ok=True)
    made = {
        "command-line.md": command_line.page(parser()),
        "limits.md": limits.page(),
        "protocol-keys.md": protocol_keys.page(json_schema()),
    }
    for name, text in made.items():
        (reference / name).write_text(text + "\n", "utf-8")


def _from_docs(text: str, depth: int) -> str:
    """Links of a page in `docs/` to the pages at the top of the tree, which the site keeps beside them."""
    up = "../" * depth
    for name in TOP_PAGES:
        text = text.replace(f"]({up}../{name}", f"]({up}{name}")
    return text


def _from_top(text: str) -> str:
    """Links of a page at the top into `docs/`; links into the code become plain words."""
    text = re.sub(r"\]\(docs/README\.md", "](README.md", text)
    return re.sub(r"\]\(docs/", "](", text)


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

"""Every page of the handbook by its path: those of `docs/`, SAFETY.md, and those made from the code.

The site's builder writes them out, `estim help` reads them; neither has a page that the other has not.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from estim.handbook import care, command_line, devices, limits, protocol_keys, python_interface, record_lines, screening
from estim.handbook.tables import table
from estim.protocols.schema_json import json_schema
from estim.version import ROOT

DIAGRAM = re.compile(r"^```mermaid\nstateDiagram-v2\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOP_PAGES = ("SAFETY.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")


def pages(parser: argparse.ArgumentParser) -> dict[PurePosixPath, str]:
    """Path below the site's root → Markdown, links already as the site has them. `parser` is the whole command line.

    Raises:
        ValueError: an option, a command or a key has no word of help.
    """
    beside = Path(__file__).parent / "pages"  # of a wheel; a checkout has docs/ at its top
    docs, top = (beside, beside / "top") if beside.is_dir() else (ROOT / "docs", ROOT)
    found: dict[PurePosixPath, str] = {}
    for page in sorted(docs.rglob("*.md")):
        place = PurePosixPath(page.relative_to(docs).as_posix())
        if place.parts[0] != "top":
            found[place] = _from_docs(page.read_text("utf-8"), len(place.parts) - 1)
    safety = Path(__file__).parents[1] / "SAFETY.md"  # in a wheel; `estim safety` reads it there too
    for name in TOP_PAGES:
        path = safety if name == safety.name and safety.is_file() else top / name
        if path.is_file():
            found[PurePosixPath(name)] = _from_top(path.read_text("utf-8"))
    return found | {PurePosixPath("reference", name): f"{text}\n" for name, text in made(parser).items()}


def made(parser: argparse.ArgumentParser) -> dict[str, str]:
    """The pages of the reference, each from the code that it tells of."""
    return {
        "command-line.md": command_line.page(parser),
        "limits.md": limits.page(),
        "protocol-keys.md": protocol_keys.page(json_schema()),
        "record-lines.md": record_lines.page(),
        "python-interface.md": python_interface.page(),
        "screening.md": screening.page(),
        "devices.md": devices.page(),
        "measures.md": care.measures_page(),
        "exercises.md": care.drills_page(),
        "muscles.md": care.muscles_page(),
    }


def _from_docs(text: str, depth: int) -> str:
    """Links of a page in `docs/` to the pages at the top of the tree, which the site keeps beside them.

    A diagram of states becomes a table: what draws one would have to be fetched from somewhere.
    """
    text = DIAGRAM.sub(lambda drawn: "\n".join(table(("from", "by", "to"), _arrows(drawn[1]))), text)
    up = "../" * depth
    for name in TOP_PAGES:
        text = text.replace(f"]({up}../{name}", f"]({up}{name}")
    return text


def _arrows(drawn: str) -> Iterator[tuple[str, str, str]]:
    for source, target, by in re.findall(r"^ *(\S+) --> (\w+)(?:: (.+))?$", drawn, re.MULTILINE):
        yield ("begin" if source == "[*]" else source), by, target
    for state, said in re.findall(r"^ *note right of (\w+): from every state by (.+)$", drawn, re.MULTILINE):
        yield "every state", said, state


def _from_top(text: str) -> str:
    """Links of a page at the top into `docs/`."""
    text = re.sub(r"\]\(docs/README\.md", "](README.md", text)
    return re.sub(r"\]\(docs/", "](", text)

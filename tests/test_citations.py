"""Comments and pages cite documents that are here: a reader of the repository can look each of them up."""

from __future__ import annotations

import re
from pathlib import Path

from estim.cli import parser
from estim.handbook.pages import made

ROOT = Path(__file__).parents[1]
FOLDERS = ("src", "firmware_sim", "tests", "bench", "tools", "examples", "docs")
PAGE = re.compile(r"(?<![\w*{}/.-])((?:docs/)?(?:[\w-]+/)*[\w-]+\.md)\b")
RULE = re.compile(r"docs/decisions/session\.md,? (?:rule )?(\d+)")
WIRE = re.compile(r"wire document (\d(?:\.\d)?)")
# Documents that this project was planned with and that no reader of it has.
ELSEWHERE = re.compile(
    r"decisions?_\w+|\bDESIGN \d|\bDESIGN\.md|(?:safety|physiology|clinical|care) notes\b|\(decisions,"
)
# Written by the program or the handbook's maker, or the README of whichever folder.
MADE = {"README.md", "tidier.md", "consort.md", "SECURITY.md", *made(parser())}


def texts() -> dict[Path, str]:
    """Every text of the project that a person reads."""
    found = [
        path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".md", ".tcss"}
    ]
    found += list(ROOT.glob("*.md"))
    return {
        path: path.read_text("utf-8") for path in found if "__pycache__" not in path.parts and path != Path(__file__)
    }


def test_no_text_cites_a_document_that_the_repository_does_not_have() -> None:
    there = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.md") if ".venv" not in path.parts}
    names = {Path(path).name for path in there} | MADE
    wrong = []
    for path, text in texts().items():
        for cited in PAGE.findall(text):
            known = cited in there if cited.startswith("docs/") else Path(cited).name in names
            if not known:
                wrong.append(f"{path.relative_to(ROOT)}: {cited}")
        wrong += [f"{path.relative_to(ROOT)}: {cited}" for cited in ELSEWHERE.findall(text)]
    assert wrong == []


def test_rules_and_sections_that_are_cited_by_number_are_there() -> None:
    rules = set(re.findall(r'id="rule-(\d+)"', (ROOT / "docs" / "decisions" / "session.md").read_text("utf-8")))
    sections = set(re.findall(r"^#+ (\d(?:\.\d)?) ", (ROOT / "docs" / "wire.md").read_text("utf-8"), re.MULTILINE))
    wrong = []
    for path, text in texts().items():
        wrong += [f"{path.relative_to(ROOT)}: rule {number}" for number in RULE.findall(text) if number not in rules]
        wrong += [f"{path.relative_to(ROOT)}: wire {number}" for number in WIRE.findall(text) if number not in sections]
    assert wrong == []

"""The handbook: its links lead somewhere, its commands are commands, and nothing that the program takes is left out."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from estim.cli import parser
from estim.console.keys import ACTIONS, key_names
from estim.drivers import side
from estim.protocols import library
from firmware_sim.__main__ import parse as parse_simulator
from tools.handbook.__main__ import gather

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
BLOCK = re.compile(r"^```(?:sh|console|bash)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_RUN = ("…", "...", "|", "<", "[")  # words that stand for something: a table of forms, not a command


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """Every page of the handbook, by its path below the site's root."""
    folder = tmp_path_factory.mktemp("handbook")
    gather(folder)
    return {page.relative_to(folder): page.read_text("utf-8") for page in sorted(folder.rglob("*.md"))}


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings make, as the site's builder makes them."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = set()
    for heading in HEADING.findall(text):
        named = re.search(r"\{#([\w-]+)\}$", heading)
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", lambda match: match[1] or "", heading)
        plain = re.sub(r"[^\w\s-]", "", plain).strip().lower()
        found.add(named[1] if named else re.sub(r"[\s-]+", "-", plain))
    return found


def test_every_link_leads_to_a_page_and_a_heading(pages: dict[Path, str]) -> None:
    dead = []
    for page, text in pages.items():
        for target in LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            there = Path(page.parent, path) if path else page
            parts: list[str] = []
            for part in there.parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            there = Path(*parts)
            if path.endswith(".md") and (there not in pages or (anchor and anchor not in anchors(pages[there]))):
                dead.append(f"{page}: {target}")
    assert not dead


def test_every_page_says_for_whom_how_long_and_what_one_has_at_the_end() -> None:
    docs = Path(__file__).parents[1] / "docs"
    told = re.compile(
        r"# [^\n]+\n\n\*(?:For [^·]+ · [^·]+ · at the end (?:you|your|the|a|it|who)"
        r"|Für [^·]+ · [^·]+ · am Ende) [^*]+\*"
    )
    silent = [
        str(page.relative_to(docs))
        for page in docs.rglob("*.md")
        if page != docs / "README.md" and page.parent.name != "decisions" and not told.match(page.read_text("utf-8"))
    ]
    assert not silent


def test_the_page_of_the_python_interface_has_each_public_name(pages: dict[Path, str]) -> None:
    text = pages[Path("reference/python-interface.md")]
    headings = set(re.findall(r"^##+ (?:api\.)?(.+)$", text, re.MULTILINE))
    kept = (Path(__file__).parent / "api" / "public.txt").read_text("utf-8").splitlines()[1:]
    for line in kept:
        name = re.split(r"[(:]", line.removeprefix("class "))[0]
        assert name in headings or f"`{name.partition('.')[2]}`: `" in text, name


def test_the_states_are_a_table_where_no_diagram_can_be_drawn(pages: dict[Path, str]) -> None:
    text = pages[Path("states.md")]
    assert "mermaid" not in text
    arrows = (Path(__file__).parents[1] / "docs" / "states.md").read_text("utf-8").count("-->")
    assert len(re.findall(r"^\| (?!from)\w.* \|$", text, re.MULTILINE)) == arrows + 1
    assert "| every state | fail | FAULT |" in text


def test_the_readme_counts_the_treatments_that_there_are() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    assert re.findall(r"over (\d+) treatments", text) == [str((len(library.names()) - 1) // 10 * 10)]


def test_every_block_of_code_is_shown_as_one(pages: dict[Path, str]) -> None:
    """The site's builder takes a fence with one word behind it, or none; any other runs together as a paragraph."""
    fences = [(page, line.strip()) for page, text in pages.items() for line in text.splitlines() if "```" in line]
    assert len(fences) > 100
    assert not [fence for fence in fences if not re.fullmatch(r"```\w*", fence[1])]


def commands(text: str) -> list[str]:
    """The lines of a page's command blocks that call a program of the project."""
    found = []
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.split(r"\s{2,}|\s+[#>]", line.strip().removeprefix("$ "))[0].rstrip(" &")
            if re.match(r"(estim|python -m firmware_sim) ", command) and not any(word in command for word in NOT_RUN):
                found.append(command)
    return found


def test_every_command_on_a_page_is_one(pages: dict[Path, str]) -> None:
    wrong, seen = [], 0
    estim = parser().parse_args
    for page, text in pages.items():
        for command in commands(text):
            words = shlex.split(command)
            take, words = (estim, words[1:]) if words[0] == "estim" else (parse_simulator, words[3:])
            said = io.StringIO()
            seen += 1
            try:
                with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
                    take(words)
            except SystemExit as end:
                if end.code:
                    wrong.append(f"{page}: {command}: {said.getvalue().strip().splitlines()[-1]}")
    assert not wrong
    assert seen > 0


def test_the_reader_of_commands_finds_a_wrong_one() -> None:
    assert commands("```sh\nestim limits --no-such  # why\nls\n```\n") == ["estim limits --no-such"]


def options(of: argparse.ArgumentParser) -> Iterator[str]:
    """Every long option of every command."""
    for action in of._actions:
        if action.help is not argparse.SUPPRESS:
            yield from (word for word in action.option_strings if word.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from options(command)


def test_every_option_key_message_and_extra_is_named_on_a_page(pages: dict[Path, str]) -> None:
    root = Path(__file__).parents[1]
    text = "\n".join(pages.values())
    extras = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    console = pages[Path("console.md")] + pages[Path("practice.md")]
    unnamed = {
        "options": sorted({word for word in options(parser()) if word not in text}),
        "extras": sorted(name for name in extras if f"`{name}`" not in text and f"estim[{name}]" not in text),
        "messages of a room": sorted(name for name in side._MAKERS if f'"{name}"' not in pages[Path("drivers.md")]),
        "keys of the console": sorted({key for key in key_names({}).values() if key not in console}),
    }
    assert unnamed == {kind: [] for kind in unnamed}
    assert len(ACTIONS) > 20

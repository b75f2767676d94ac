"""`estim help TOPIC`: what the handbook says of a limit, a command, a key, an outcome, a word, in the terminal."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from typing import Any

from estim.cli.output import EXIT_REFUSED, print_json
from estim.cli.speaking import complain, draw
from estim.safety.errors import quoted

ADDRESS = re.compile(r" \{#[\w-]+\}$", re.MULTILINE)  # of a heading, for links of the site
WIDTH_MAX = 110  # longer lines are hard to read
EXAMPLES = "limits (L5), commands (records verify), protocol keys (frequency_hz), outcomes, words, pages (practice)"


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """The words of the command line."""
    ask = commands.add_parser("help", parents=[home])
    ask.add_argument("topic", nargs="*", help=EXAMPLES)


def show(given: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Show the topic, or list what there is."""
    from estim.handbook.pages import pages
    from estim.handbook.topics import Book

    topic = " ".join(given.topic).strip()
    written = pages(parser)
    book = Book(written)
    exact, near = book.find(topic, also=_muscle(topic)) if topic else ([], [])
    if given.json:
        print_json(
            {
                "topic": topic,
                "found": [_row(place) for place in exact],
                "near": [_row(place) for place in near],
                "pages": [str(page) for page in written],
            }
        )
        return 0 if exact or not topic else EXIT_REFUSED
    if not topic:
        front = next(text for page, text in written.items() if str(page) == "README.md")
        _show(f"{front}\n\nAsk for one thing: `estim help TOPIC`. Topics: {EXAMPLES}.")
        return 0
    addresses = "".join(f"\n  estim help {address}" for address in dict.fromkeys(place.address for place in near))
    if not exact:  # as `protocols show` of a protocol that there is not; what speaks of it is told all the same
        like = ", ".join(book.nearest(topic)) or "none is near"
        spoken = f"; it is spoken of in:{addresses}" if near else "; `estim help` lists the pages"
        complain(f"estim: the handbook has no topic {quoted(topic)}; near: {like}{spoken}")
        return EXIT_REFUSED
    for place in exact:
        _show(place.text)
        print(f"[{place.address}]\n")
    if near:
        print(f"see also:{addresses}")
    return 0


def _muscle(topic: str) -> str:
    """The id of the muscle that people call so; "" for none."""
    from estim.protocols.muscles import find

    try:
        return find(topic).muscle.id
    except ValueError:
        return ""


def _row(place: Any) -> dict[str, str]:
    return {"page": str(place.page), "anchor": place.anchor, "title": place.title, "text": place.text}


def _show(text: str) -> None:
    """Set for a terminal; into a pipe as the Markdown that it is, without the addresses of the site's headings."""
    text = ADDRESS.sub("", text)
    if not sys.stdout.isatty():
        print(text)
        return
    from rich.console import Console  # comes with textual
    from rich.markdown import Markdown

    width = min(shutil.get_terminal_size().columns, WIDTH_MAX)
    console = Console(width=width, highlight=False)
    with console.capture() as drawn:
        console.print(Markdown(text, hyperlinks=False))
    draw(drawn.get())

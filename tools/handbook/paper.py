"""`make paper`: the whole handbook as one page, site/handbook.html, and printed by Chromium as site/handbook.pdf.

Usage: python -m tools.handbook.paper

Without Chromium the page is still made: any browser prints it.
"""

from __future__ import annotations

import html
import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from markdown_it import MarkdownIt  # comes with rich, which comes with textual

from estim.cli import parser
from estim.handbook.pages import pages
from estim.handbook.topics import anchor_of
from estim.version import software

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "site"
STYLE = """
@page { size: A4; margin: 18mm 16mm 20mm; @bottom-center { content: counter(page); font: 9pt sans-serif; } }
body { font: 10.5pt/1.45 "DejaVu Sans", system-ui, sans-serif; max-width: 50rem; margin: auto; color: #111; }
section.page { break-before: page; } h1 { font-size: 20pt; } h2 { font-size: 14pt; } h3 { font-size: 11.5pt; }
h1, h2, h3, h2 + p, h3 + p { break-after: avoid; } p:has(+ h2), p:has(+ h3) { break-after: auto; } a { color: inherit; }
pre { background: #f3f3f3; padding: .6em; white-space: pre-wrap; font-size: 8.5pt; }
code { font-size: 90%; overflow-wrap: anywhere; } td code { overflow-wrap: break-word; }
table { border-collapse: collapse; width: 100%; font-size: 8.5pt; }
td, th { border: .5pt solid #999; padding: .2em .4em; text-align: left; vertical-align: top; }
tr { break-inside: avoid; } img { max-width: 100%; }
"""


def order() -> list[tuple[str, list[PurePosixPath]]]:
    """(part, its pages), as the site's navigation has them."""
    nav = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"]
    return [(name, list(_leaves(inner))) for part in nav for name, inner in part.items()]


def _leaves(inner: Any) -> Iterator[PurePosixPath]:
    if isinstance(inner, str):
        yield PurePosixPath(inner)
    elif isinstance(inner, dict):
        for each in inner.values():
            yield from _leaves(each)
    else:
        for each in inner:
            yield from _leaves(each)


def document() -> str:
    """All pages in one HTML document, links between them kept."""
    texts = pages(parser())
    parts = order()
    left_out = set(texts) - {page for _, members in parts for page in members}
    if left_out:
        raise SystemExit(f"zensical.toml's nav does not have {', '.join(sorted(map(str, left_out)))}")
    contents = ["<nav><h1>estim: handbook</h1>", f"<p>{html.escape(software())}</p>"]
    bodies = []
    for name, members in parts:
        contents.append(f"<p><b>{html.escape(name)}</b></p><ul>")
        for page in members:
            title = re.sub(r"[`*]", "", texts[page].split("\n", 1)[0].lstrip("# "))
            contents.append(f'<li><a href="#{_place(page)}">{html.escape(title)}</a></li>')
            bodies.append(f'<section class="page" id="{_place(page)}">{_body(page, texts[page])}</section>')
        contents.append("</ul>")
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>estim: handbook</title><style>{STYLE}</style>'
    return "\n".join([head, *contents, "</nav>", *bodies, "</html>"])


def _place(page: PurePosixPath, anchor: str = "") -> str:
    return f"{page.with_suffix('')}--{anchor}".rstrip("-").replace("/", "-")


def _body(page: PurePosixPath, text: str) -> str:
    """One page as HTML. Tabs become a bold line each; headings get their place; links lead inside the document."""
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render("\n".join(_without_tabs(text)))

    def heading(match: re.Match[str]) -> str:
        plain = html.unescape(re.sub(r"<[^>]+>", "", match[2]))
        named = re.search(r" *\{#([\w-]+)\}$", plain)
        anchor = named[1] if named else anchor_of(plain)
        inner = re.sub(r" *\{#[\w-]+\}$", "", match[2])
        return f'<h{match[1]} id="{_place(page, anchor)}">{inner}</h{match[1]}>'

    def link(match: re.Match[str]) -> str:
        target = match[1]
        if re.match(r"[a-z]+:", target):
            return match[0]
        path, _, anchor = target.partition("#")
        if path and not path.endswith(".md"):
            return match[0]
        there = PurePosixPath(posixpath.normpath(str(page.parent / path))) if path else page
        return f'href="#{_place(there, anchor)}"'

    shown = re.sub(r"<h([1-6])>(.*?)</h\1>", heading, shown, flags=re.DOTALL)
    shown = re.sub(r'href="([^"]+)"', link, shown)
    shown = re.sub(r"<td.*?</td>", _breakable, shown, flags=re.DOTALL)
    return re.sub(r'src="(?![a-z]+:)(?:\.\./)*([^"]+)"', r'src="\1"', shown)


def _breakable(of: re.Match[str]) -> str:
    """A cell whose long names break between their words, so that no column becomes narrower than one of these."""
    return re.sub(r"(?<=<code>).*?(?=</code>)", lambda code: re.sub(r"(::|[_/.=,])(?=\w)", r"\1<wbr>", code[0]), of[0])


def _without_tabs(text: str) -> Iterator[str]:
    inside = False
    for line in text.splitlines():
        if match := re.fullmatch(r'=== "(.+)"', line):
            inside = True
            yield f"**{match[1]}**"
        else:
            inside = inside and (not line or line.startswith("    "))
            yield line[4:] if inside else line


def main() -> int:
    """Write, then print where a browser is to be had."""
    SITE.mkdir(exist_ok=True)
    (SITE / "handbook.html").write_text(document(), "utf-8")
    print("site/handbook.html")
    browser = next((found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None)
    if browser is None:
        print("no Chromium here: print site/handbook.html from any browser")
        return 0
    words = [browser, "--headless", "--no-sandbox", "--no-pdf-header-footer", "--generate-pdf-document-outline"]
    done = subprocess.run(
        [*words, f"--print-to-pdf={SITE / 'handbook.pdf'}", (SITE / "handbook.html").as_uri()],
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    print("site/handbook.pdf" if done.returncode == 0 else done.stderr.strip()[-500:])
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())

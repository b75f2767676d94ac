"""A paper for people: one model, set as HTML or as PDF, in normal or large type. Text is never read as markup."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from estim.platform.extras import how_to_get
from estim.platform.files import put_whole, trouble
from estim.records.page import STYLE, Html, tag
from estim.records.pdf import FONT
from estim.safety.errors import UsageError

TEMPLATE = """
#let d = json("paper.json")
#set document(title: d.title)
#set page(paper: "a4", margin: 16mm, footer: context align(center, text(8pt,
  d.footer + "  ·  " + counter(page).display("1 / 1", both: true))))
#set text(font: "FONT", size: eval(d.size), lang: d.language)
#show heading: set block(above: 1.2em, below: 0.6em, sticky: true)
= #d.title
#let width(n, grows) = if grows < 0 or n == 0 { auto } else if n == grows { 3fr } else { 1fr }
#let set-rows(section) = table(columns: range(section.rows.at(0).len()).map(n => width(n, section.grows)),
    stroke: 0.4pt + gray, inset: (x: 4pt, y: if section.flipped { 6pt } else { 4pt }),
    table.header(..section.rows.at(0).map(strong)),
    ..section.rows.slice(1).flatten().map(cell => table.cell(breakable: false, cell)))
#let show-section(section) = {
  if section.head != "" { heading(level: 2, section.head) }
  if section.pictures.len() > 0 and section.wide { grid(columns: 2 * (1fr,), gutter: 5mm,
    ..section.pictures.map(name => image(name, width: 85mm))) }
  if section.pictures.len() > 0 and not section.wide { grid(columns: section.pictures.len() * (auto,), gutter: 6mm,
    ..section.pictures.map(name => image(name, width: 50mm, height: 40mm, fit: "contain"))) }
  for line in section.lines { par(line) }
  for item in section.items { list.item(item) }
  if section.rows.len() > 0 { set-rows(section) }
}
#for section in d.sections {
  if section.flipped { page(flipped: true, show-section(section)) } else { show-section(section) }
}
""".replace("FONT", FONT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a paper: a heading, pictures (SVG), lines, a list, a table whose first row is its head.

    `wide` pictures hold text: two beside one another, as wide as they can be. `flipped`: on a page of its own, laid
    across, for a table that is written into; `grows`: its column that
    is three times as wide as the others, which share the room.
    """

    head: str = ""
    pictures: tuple[str, ...] = ()
    wide: bool = False
    lines: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    flipped: bool = False
    grows: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The whole paper."""

    title: str
    language: str
    footer: str
    sections: tuple[Section, ...]

    def to_html(self, *, large: bool = False) -> str:
        """One page without scripts or links; 12 point, 18 in large type."""
        style = STYLE + f"body{{font-size:{'18pt' if large else '12pt'}}}"
        head = tag("head", tag("meta", charset="utf-8"), tag("title", self.title), tag("style", Html(style)))
        parts = [tag("h1", self.title)]
        for section in self.sections:
            parts += [tag("h2", section.head)] if section.head else []
            parts += [tag("figure", *(Html(picture) for picture in section.pictures))] if section.pictures else []
            parts += [tag("p", line) for line in section.lines]
            parts += [tag("ul", *(tag("li", item) for item in section.items))] if section.items else []
            if section.rows:
                first, *others = section.rows
                body = [tag("tr", *(tag("td", cell) for cell in row)) for row in others]
                parts.append(tag("table", tag("tr", *(tag("th", cell) for cell in first)), *body))
        parts.append(tag("p", self.footer))
        return f'<!DOCTYPE html>\n<html lang="{self.language}">{head}{tag("body", *parts)}</html>\n'

    def to_pdf(self, *, large: bool = False) -> bytes:
        """The same as PDF.

        Raises:
            UsageError: the extra that sets PDF is not installed.
        """
        try:
            import typst  # noqa: PLC0415 - an extra
        except ImportError:
            raise UsageError(f"PDF needs {how_to_get('pdf')}; or write a file that ends with .html") from None
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            document = {
                "title": self.title, "language": self.language, "footer": self.footer,
                "size": "18pt" if large else "12pt",
                "sections": [_laid(section, number, folder) for number, section in enumerate(self.sections)],
            }  # fmt: skip
            (folder / "paper.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8", newline="\n")
            (folder / "paper.typ").write_text(TEMPLATE, encoding="utf-8", newline="\n")
            made = typst.compile(str(folder / "paper.typ"), root=str(folder), ignore_system_fonts=True)
        return bytes(made)

    def write(self, path: Path, *, large: bool = False) -> None:
        """To a file; its ending decides.

        Raises:
            UsageError: another ending than .html or .pdf, or it can't be written.
        """
        try:
            if path.suffix == ".pdf":
                put_whole(path, self.to_pdf(large=large))
            elif path.suffix in {".html", ".htm"}:
                put_whole(path, self.to_html(large=large).encode("utf-8"))
            else:
                raise UsageError(f"{path}: a file that ends with .html or .pdf")
        except OSError as error:
            raise UsageError(f"{path}: {trouble(error)}") from None


def _laid(section: Section, number: int, folder: Path) -> dict[str, object]:
    names = []
    for each, picture in enumerate(section.pictures):
        name = f"picture-{number}-{each}.svg"
        (folder / name).write_text(
            picture.replace('font-family="sans-serif"', f'font-family="{FONT}"'), encoding="utf-8", newline="\n"
        )
        names.append(name)
    return {
        "head": section.head, "pictures": names, "wide": section.wide, "lines": list(section.lines),
        "items": list(section.items), "rows": [list(row) for row in section.rows],
        "flipped": section.flipped, "grows": section.grows,
    }  # fmt: skip

"""The session report as PDF (extra `pdf`). The same facts as the HTML page; typst sets them.

What comes from a record reaches typst as JSON and is shown as text: it is never read as markup.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import typst

from estim.records.anchor import Anchor
from estim.records.qr import anchor_qr, qr_svg
from estim.records.report import (
    ANCHOR_SAID,
    PHASE_HEADS,
    anchor_rows,
    channel_rows,
    marks,
    phase_rows,
    plots,
    proof_rows,
    rows,
    signed_line,
    when,
)
from estim.records.summary import Read
from estim.records.words import WEIGHT

# A font that typst brings along, so that the page is the same on every computer.
FONT = "Libertinus Serif"
TEMPLATE = """
#let d = json("report.json")
#let facts(rows) = table(columns: (38mm, 1fr), stroke: 0.4pt + gray, inset: 4pt,
  ..rows.map(((name, value)) => (strong(name), value)).flatten())
#set document(title: d.title)
#set page(paper: "a4", margin: 15mm, footer: context align(center, text(8pt,
  d.footer + "  ·  " + counter(page).display("1 / 1", both: true))))
#set text(font: "FONT", size: 10pt)
#show heading: set block(above: 1.2em, below: 0.7em, sticky: true)
= #d.title
#for mark in d.marks { block(width: 100%, inset: 5pt, stroke: 1.5pt, strong(mark)) }
#facts(d.facts)
#for plot in d.plots { image(plot, width: 100%) }
#for channel in d.channels { heading(level: 2, channel.title); facts(channel.rows) }
#if d.phases.len() > 0 {
  heading(level: 2, "Rhythm")
  set text(8pt)
  table(columns: d.phase_heads.len(), stroke: 0.4pt + gray, inset: 3pt,
    table.header(..d.phase_heads.map(strong)), ..d.phases.flatten())
}
#for note in d.notes { list.item(note) }
== What happened
#table(columns: (18mm, 1fr), stroke: 0.4pt + gray, inset: 4pt, table.header(strong("Time"), strong("What")),
  ..d.happened.map(((at, said, bad)) => (at, if bad { strong(said) } else { said })).flatten())
#if d.outcomes.len() > 0 { heading(level: 2, "Outcome"); facts(d.outcomes) }
#d.signed
== Proof
#facts(d.proof)
#if d.qr != "" { image(d.qr, width: 30mm) }
#if d.anchor.len() > 0 {
  heading(level: 2, "How far this home had come")
  facts(d.anchor)
  image(d.anchor_qr, width: 45mm)
  d.anchor_said
}
""".replace("FONT", FONT)


def pdf_report(read: Read, *, anchor: Anchor | None = None) -> bytes:
    """One session as PDF, with the home's anchor."""
    session = read.summary
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = [_svg(folder / f"plot{number}.svg", plot) for number, plot in enumerate(plots(read)) if "<svg" in plot]
        code = _svg(folder / "qr.svg", qr_svg(session.head)) if session.verified else ""
        title = "Session report" + (" (simulated)" if session.simulated else "")
        document = {
            "title": title,
            "footer": f"{session.patient}, {session.utc[:10]}, {session.session}",
            "marks": marks(session),
            "facts": [[key, value] for key, value in rows(session) if value],
            "plots": drawn,
            "channels": [
                {
                    "title": f"Channel {channel.channel}: {channel.name}",
                    "rows": [[key, value] for key, value in channel_rows(channel)[1:] if value],
                }
                for channel in session.channels
            ],
            "phase_heads": PHASE_HEADS,
            "phases": phase_rows(session),
            "notes": [*(f"Differs from the protocol: {bend}" for bend in session.bends), *session.warnings],
            "happened": [[when(at), said, WEIGHT.get(kind) == "bad"] for at, kind, said in session.happened],
            "outcomes": list(session.outcomes.items()),
            "signed": signed_line(session) if session.signature else "",
            "proof": [[key, value] for key, value in proof_rows(session) if value],
            "qr": code,
            "anchor": [[key, value] for key, value in anchor_rows(anchor)] if anchor is not None else [],
            "anchor_qr": _svg(folder / "anchor.svg", anchor_qr(str(anchor))) if anchor is not None else "",
            "anchor_said": ANCHOR_SAID,
        }
        (folder / "report.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8", newline="\n")
        (folder / "report.typ").write_text(TEMPLATE, encoding="utf-8", newline="\n")
        made = typst.compile(str(folder / "report.typ"), root=str(folder), ignore_system_fonts=True)
    return bytes(made)


def _svg(path: Path, text: str) -> str:
    """The drawing alone, in a font that is there."""
    found = re.search(r"<svg.*</svg>", text, re.DOTALL)
    if found is None:
        return ""
    path.write_text(
        found.group(0).replace('font-family="sans-serif"', f'font-family="{FONT}"'), encoding="utf-8", newline="\n"
    )
    return path.name

"""The report of a qualification as PDF (extra `pdf`): one table of figures, what was not judged, what it rests on."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

from estim.records.qualification import figure_words, refused_words, steps_words, unplanned

FONT = "Libertinus Serif"
TEMPLATE = """
#let d = json("report.json")
#let facts(rows) = table(columns: (38mm, 1fr), stroke: 0.4pt + gray, inset: 4pt,
  ..rows.map(((name, value)) => (strong(name), value)).flatten())
#set document(title: d.title)
#set page(paper: "a4", margin: 15mm, footer: context align(center, text(8pt,
  d.footer + "  ·  " + counter(page).display("1 / 1", both: true))))
#set text(font: "FONT", size: 10pt)
= #d.title
#block(width: 100%, inset: 6pt, stroke: 1.5pt, strong(d.verdict))
#facts(d.facts)
#for note in d.notes { list.item(note) }
== Figures
#{
  set text(8pt)
  table(columns: (34mm, 1fr, 20mm, 22mm, 16mm, 26mm, 18mm), stroke: 0.4pt + gray, inset: 3pt,
    table.header(..("Step", "Figure", "Asked", "Measured", "±", "Limit", "Verdict").map(strong)),
    ..d.figures.map(row => if row.last() == "pass" { row } else { row.map(strong) }).flatten())
}
== Files
#{
  set text(7pt)
  table(columns: (50mm, 1fr), stroke: 0.4pt + gray, inset: 3pt, ..d.files.flatten())
}
""".replace("FONT", FONT)


def qualification_pdf(document: Mapping[str, Any]) -> bytes:
    """One qualification as PDF."""
    stop = f"{document['stop_ms']:.0f} ms" if document["stop_ms"] is not None else "not measured"
    said = {
        "Device": f"{document['model']}, id {document['device_id'] or '-'}, firmware {document['firmware'] or '-'}",
        "Measured": f"{document['taken']}, by {document['operator'] or '-'}; valid until {document['until']}",
        "Instrument": f"{document['instrument'] or '-'}, serial {document['instrument_serial'] or '-'}, calibrated "
        f"{document['calibrated'] or '-'}",
        "Load": f"{document['load_ohm']:g} ohm, measured across {document['shunt_ohm']:g} ohm "
        f"±{document.get('shunt_percent', 1):g} %",
        "Worst over-delivery": f"+{document['over']:.1%}",
        "Worst stop": stop,
    }
    page = {
        "title": f"Qualification of {document['model']} {document['device_id']}".strip(),
        "footer": f"{document['model']} {document['device_id']}, {document['taken']}",
        "verdict": f"{str(document['verdict']).upper()}{steps_words(document)}. No statement of conformity with a "
        "norm. A limit is kept only with the uncertainty added.",
        "facts": list(said.items()),
        "notes": [
            *refused_words(document), *(f"Not judged: {problem}" for problem in document["problems"]),
            *unplanned(document),
        ],
        "figures": [
            [f["step"], f["name"], figure_words(f["asked"], f["unit"]), figure_words(f["measured"], f["unit"]),
             figure_words(f["uncertainty"], digits=2), f"{f['limit']} {f['unit']}".strip(), f["verdict"]]
            for f in document["figures"]
        ],
        "files": [[name, digest] for name, digest in document["files"].items()],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "report.json").write_text(json.dumps(page, ensure_ascii=False), encoding="utf-8", newline="\n")
        (folder / "report.typ").write_text(TEMPLATE, encoding="utf-8", newline="\n")
        return bytes(typst.compile(str(folder / "report.typ"), root=str(folder), ignore_system_fonts=True))

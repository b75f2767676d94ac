"""The record's head as a QR code: a picture of it, or a print in the patient's file, shows a rewritten record."""

from __future__ import annotations

import io

import segno

from estim.records.page import Html


def qr_svg(head: str) -> Html:
    """As SVG, for reports."""
    out = io.BytesIO()
    title = "QR code of the record's head"
    _code(head).save(out, kind="svg", scale=3, xmldecl=False, svgns=True, nl=False, title=title)
    return Html(out.getvalue().decode("ascii"))


def anchor_qr(anchor: str) -> Html:
    """A home's anchor as SVG: some 500 characters, so a large code."""
    out = io.BytesIO()
    code = segno.make(anchor, error="l", micro=False)
    code.save(out, kind="svg", scale=2, xmldecl=False, svgns=True, nl=False, title="QR code of the home's anchor")
    return Html(out.getvalue().decode("ascii"))


def qr_lines(head: str) -> tuple[str, ...]:
    """As text for a terminal, two rows of dots a line, with the quiet zone: `█` is light and ` ` dark, so white on
    black gives the code dark on light whatever the terminal's own colours are. 37 columns, 19 lines.
    """
    # Two dots of quiet zone in place of four: readers find it on a screen of one colour, and it fits 24 lines.
    rows = [[bool(dot) for dot in row] for row in _code(head).matrix_iter(border=2)]
    rows += [[False] * len(rows[0])] * (len(rows) % 2)
    glyph = {(False, False): "█", (True, True): " ", (False, True): "▀", (True, False): "▄"}
    return tuple(
        "".join(glyph[pair] for pair in zip(rows[at], rows[at + 1], strict=True)) for at in range(0, len(rows), 2)
    )


def _code(head: str) -> segno.QRCode:
    # Upper case stays in the alphanumeric mode: 64 hex digits are 37 × 37 dots, where bytes would need 41.
    return segno.make(head.upper(), error="m", micro=False)

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


def _code(head: str) -> segno.QRCode:
    # Upper case stays in the alphanumeric mode: 64 hex digits are 37 × 37 dots, where bytes would need 41.
    return segno.make(head.upper(), error="m", micro=False)

"""The handbook on paper: what a browser prints is whole."""

from __future__ import annotations

import re

from tools.handbook import paper


def test_names_in_tables_break_between_their_words_and_nothing_else_changes() -> None:
    text = paper.document()
    assert "rate_<wbr>mhz" in text
    assert re.findall(r"<(?!/?[a-z]|!doctype|!--)[^>]{0,20}", text) == [], "a sign that opens no element"
    assert len(re.findall("<code[ >]", text)) == text.count("</code>")
    assert "code&gt;" not in text

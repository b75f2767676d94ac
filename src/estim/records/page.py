"""HTML pages without scripts or links, for screen and paper. What comes from a record is escaped by construction."""

from __future__ import annotations

import html
from collections.abc import Iterable

from estim.protocols.unseen import shown_in_lines

STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#111;"
    "background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:1.6rem}"
    "table{border-collapse:collapse;width:100%;margin:.4rem 0}"
    "td,th{border:1px solid #999;padding:.25rem .5rem;text-align:left;vertical-align:top}th{background:#eee}"
    "td.n{text-align:right;white-space:nowrap}"
    ".mark{border:3px solid #111;padding:.4rem .6rem;font-weight:bold}"
    "tr.bad td{font-weight:bold;border-left:5px solid #111}svg{max-width:100%;height:auto}"
    "figure{margin:.6rem 0}figcaption{font-size:.85rem;color:#333}"
    "@page{margin:15mm}@media print{body{margin:0;max-width:none;font-size:11px}h2,figure,tr{break-inside:avoid}"
    "h2{break-after:avoid}}"
)
VOID = frozenset({"meta", "br", "line", "rect", "circle", "path", "polyline"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *parts: object, **attributes: object) -> Html:
    """An element. Parts that are not Html are escaped; attribute `klass` is `class`, `_` in a name is `-`."""
    said = "".join(
        f' {key.replace("klass", "class").replace("_", "-")}="{_escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID and not parts:
        return Html(f"<{name}{said}{'/' if name not in {'meta', 'br'} else ''}>")
    return Html(f"<{name}{said}>{join(parts)}</{name}>")


def join(parts: Iterable[object]) -> Html:
    """Parts one after the other; what is not Html is escaped."""
    return Html("".join(part if isinstance(part, Html) else _escaped(part) for part in parts))


def _escaped(value: object) -> str:
    """A note may come from anybody: what nobody can see in it turns no line around and steers no terminal."""
    return html.escape(shown_in_lines(str(value)))


def table(heads: Iterable[str], rows: Iterable[Iterable[object]], *, marked: frozenset[int] = frozenset()) -> Html:
    """A table; rows whose number is in `marked` stand out without colour. Numbers are set to the right."""
    top = join(tag("th", head) for head in heads)
    body = [
        tag("tr", *(tag("td", cell, klass="n" if isinstance(cell, int | float) else None) for cell in row),
            klass="bad" if number in marked else None)
        for number, row in enumerate(rows)
    ]  # fmt: skip
    return tag("table", tag("tr", top) if top else Html(""), *body)


def facts(rows: Iterable[tuple[str, object]]) -> Html:
    """A table of names and values; empty values are left out."""
    return tag("table", *(tag("tr", tag("th", name), tag("td", value)) for name, value in rows if value != ""))


def page(title: str, *parts: object) -> str:
    """The whole document."""
    head = tag("head", tag("meta", charset="utf-8"), tag("title", title), tag("style", Html(STYLE)))
    return f'<!DOCTYPE html>\n<html lang="en">{head}{tag("body", tag("h1", title), *parts)}</html>\n'

"""A study's page: what was run, how it ended, and pictures; one HTML file without scripts that prints."""

from __future__ import annotations

import html
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from estim.study.plan import Study

WIDTH, BAR = 420, 16
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}"
    "table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.2rem .6rem;text-align:left}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}text{fill:#eee}}"
)


def write_report(folder: Path, study: Study | None) -> None:
    """`report.html` from `results.jsonl`."""
    outcomes: Counter[str] = Counter()
    groups: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    reasons: Counter[str] = Counter()
    with (folder / "results.jsonl").open("rb") as lines:
        for line in lines:
            row = json.loads(line)
            outcomes[row["outcome"]] += 1
            charge = [channel["charge_uc"] for channel in row.get("channels", ())]
            if charge:
                levels = ", ".join(f"{name} {value:g} mA" for name, value in row["level_ma"].items())
                groups[row["protocol"], levels, row["device_model"]].append(sum(charge))
            reasons.update(_reasons(row))
    title = html.escape(study.file.title or study.file.id) if study is not None else "Study"
    digest = f"<p>{html.escape(study.program)}, digest <code>{study.digest}</code></p>" if study is not None else ""
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>',
        f"<h1>{title}</h1><p>{outcomes.total()} runs, simulated.</p>{digest}",
        "<h2>How they ended</h2>",
        _bars(sorted(outcomes.items()), "runs"),
        "<h2>Charge of a session by level and device</h2><p>Mean of first phases, all channels, in µC.</p>",
        _bars(
            [
                (f"{name}, {levels or 'no level'}, {model}", sum(all_) / len(all_))
                for (name, levels, model), all_ in sorted(groups.items())
            ],
            "µC",
        ),
        "<h2>What was refused or broken</h2><table><tr><th>why<th>runs</tr>",
        *(f"<tr><td>{html.escape(why)}<td>{count}</tr>" for why, count in reasons.most_common(40)),
        "</table></html>",
    ]
    (folder / "report.html").write_text("\n".join(parts), "utf-8", newline="\n")


def _reasons(row: Mapping[str, Any]) -> list[str]:
    refused = [
        f"{each.get('rule', '')} {each['message']}".strip()
        for each in row.get("problems", ())
        if each.get("severity") == "refuse"
    ]
    return sorted({*refused, *(f"broken: {name}" for name in row.get("broken", ()))})


def _bars(values: Iterable[tuple[str, float]], unit: str) -> str:
    rows = list(values)[:60]
    if not rows:
        return "<p>None.</p>"
    most = max(value for _, value in rows) or 1
    height = len(rows) * (BAR + 20) + 4
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="100%" viewBox="0 0 640 {height}" role="img">']
    for index, (name, value) in enumerate(rows):
        y = index * (BAR + 20)
        long = max(1, round(WIDTH * value / most))
        out.append(f'<text x="0" y="{y + 13}" font-size="12">{html.escape(name)}</text>')
        out.append(f'<rect x="0" y="{y + 17}" width="{long}" height="{BAR}" fill="#0072b2"/>')
        out.append(f'<text x="{long + 6}" y="{y + 30}" font-size="12">{value:,.6g} {unit}</text>')
    return "".join(out) + "</svg>"

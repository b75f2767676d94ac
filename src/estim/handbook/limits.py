"""The limits page, made from the kernel's own table."""

from __future__ import annotations

from estim.handbook.tables import table
from estim.safety.guardrail import Guardrail
from estim.safety.limits_table import TABLE


def page() -> str:
    """Every limit with both bounds, source and mark, an anchor for each rule."""
    lines = [
        "# Limits",
        "",
        "Made from the table that the kernel itself judges with. *Absolute* is a constant of the code that no file",
        "reaches; *shipped* is the default, which a signed site file may move, never past absolute. `estim limits`",
        "shows what is in force on your station. [SAFETY.md](../SAFETY.md) says why each is there and which test",
        "holds it.",
        "",
    ]
    for rule in dict.fromkeys(row.rule for row in TABLE):
        rows = [row for row in TABLE if row.rule == rule]
        lines += [f"## {rule} {{#{rule.lower()}}}", ""]
        lines += table(("quantity", "shipped", "absolute"), map(_row, rows))
        lines += [*(f"- `{row.key}`: {row.source} (*{row.mark}*)" for row in rows), ""]
    return "\n".join(lines)


def _row(row: Guardrail) -> tuple[str, ...]:
    """Three short cells, so that the table fits a phone; the source stands below it."""

    def number(value: int | None) -> str:
        return "" if value is None else f"{value / row.scale:g} {row.unit}"

    shipped = number(row.default) + (f", warns from {number(row.warn)}" if row.warn is not None else "")
    sense = "at most" if row.sense == "max" else "at least"
    return f"{row.words}, {sense} (`{row.key}`)", shipped, number(row.absolute)

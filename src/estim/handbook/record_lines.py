"""Every kind of line in a record, made from the types that write it."""

from __future__ import annotations

from inspect import cleandoc

from estim.handbook.tables import table
from estim.record_lines.schema import fields_of, unit_of
from estim.record_lines.table import FORMAT, KINDS


def page() -> str:
    """A heading for each kind, a table of its fields."""
    lines = [
        "# Record lines",
        "",
        f"Made from the types that write and read them; format {FORMAT}. `estim records schema` prints the same as",
        "JSON Schema. [record-format.md](../record-format.md) says how lines are chained, signed, sealed. A field in",
        "**bold** stands in each line of its kind. A kind that a reader does not know is kept, named and passed by.",
        "",
    ]
    for name, kind in sorted(KINDS.items()):
        lines += [f"## {name}", "", cleandoc(kind.__doc__ or ""), ""]
        lines.append(
            f"Since format {kind.SINCE}." + (" Its keys are chosen by whoever writes it." if kind.OPEN else "")
        )
        lines.append("")
        lines += table(
            ("field", "unit", "what it is"),
            (
                (f"**`{row.name}`**" if row.needed else f"`{row.name}`", unit_of(row.name), row.text)
                for row in fields_of(kind)
            ),
        )
    return "\n".join(lines)

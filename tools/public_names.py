"""The public names of `estim.api` with their signatures, one a line: what scripts rely on.

python -m tools.public_names            compares with tests/api/public.txt; exit 1 and the difference where they differ
python -m tools.public_names --write    writes it; raise `api.VERSION` where a line went or changed
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import sys
from pathlib import Path

from estim import api

FILE = Path(__file__).resolve().parent.parent / "tests" / "api" / "public.txt"


def public() -> list[str]:
    """Every public name, by its signature."""
    lines = [f"version {api.VERSION}"]
    for name in sorted(api.__all__):
        thing = getattr(api, name)
        if inspect.isclass(thing):
            lines.append(f"class {name}({', '.join(base.__name__ for base in thing.__bases__)})")
            if dataclasses.is_dataclass(thing):
                lines += [f"{name}.{field.name}: {field.type}" for field in dataclasses.fields(thing)]
            lines += [
                f"{name}.{member}{inspect.signature(value)}"
                for member, value in sorted(vars(thing).items())
                if inspect.isfunction(value) and not member.startswith("_")
            ]
        elif callable(thing):
            lines.append(f"{name}{inspect.signature(thing)}")
    return lines


def difference() -> list[str]:
    """What changed against the list that is kept."""
    kept = FILE.read_text("utf-8").splitlines() if FILE.exists() else []
    return list(difflib.unified_diff(kept, public(), "kept", "now", lineterm="", n=0))


def main() -> int:
    """Compare or write."""
    if "--write" in sys.argv:
        FILE.write_text("\n".join(public()) + "\n", "utf-8")
    changed = difference()
    print("\n".join(changed) or "the public names are as kept")
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(main())

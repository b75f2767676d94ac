"""What `make package` adds to the bill of materials: which of its components estim itself asks for.

    python -m tools.sbom FILE.cdx.json

The tool that makes the bill reads a lock, which lists components and not who asks for them; a bill whose root depends
on nothing is incomplete by CycloneDX's own rule. The names come from pyproject.toml.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def plain(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def with_root(bill: dict[str, Any], asked: list[str], version: str) -> dict[str, Any]:
    """The bill, its root with a version and with the components that it depends on.

    Args:
        asked: requirements as pyproject.toml has them.

    Raises:
        KeyError: one of them is in no component.
    """
    refs = {plain(one["name"]): one["bom-ref"] for one in bill["components"]}
    root = bill["metadata"]["component"]
    needed = sorted(refs[plain(re.split(r"[^\w.-]", text, maxsplit=1)[0])] for text in asked)
    others = [one for one in bill["dependencies"] if one["ref"] != root["bom-ref"]]
    own = {"ref": root["bom-ref"], "dependsOn": needed}
    return bill | {
        "metadata": bill["metadata"] | {"component": root | {"version": version}},
        "dependencies": sorted([*others, own], key=lambda one: str(one["ref"])),
    }


def built(folder: Path) -> str:
    """The version of the wheel that lies in this folder: the bill is of what was built, on a machine without estim too.

    Raises:
        ValueError: there is none, or more than one.
    """
    (wheel,) = folder.glob("estim-*.whl")
    return wheel.name.split("-")[1]


def main() -> int:
    """Writes the file anew."""
    path = Path(sys.argv[1])
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    bill = with_root(json.loads(path.read_text(encoding="utf-8")), asked, built(path.parent))
    path.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The library's index: what lists and searches need of each protocol, with the file's digest.

python -m tools.library_index           exit 1 where the index is not that of the files
python -m tools.library_index --write   makes it anew
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from estim.protocols import library
from estim.protocols.loader import load
from estim.protocols.shelf import INDEX

FILE = Path(library.__file__).parent / INDEX


def made() -> str:
    """The index as the files have it."""
    entries = {}
    for name in library.names():
        path = library.path(name)
        protocol = load(path)
        entries[name] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "id": protocol.id,
            "title": protocol.title,
            "goal": protocol.goal,
            "goal_note": protocol.goal_note,
            "indication": protocol.indication,
            "basis": protocol.basis,
            "conditions": list(protocol.conditions),
            "channel": [[channel.name, channel.muscle, str(channel.region)] for channel in protocol.channel],
            "runnable": protocol.runnable,
            "not_runnable_because": protocol.not_runnable_because,
        }
    return json.dumps(entries, ensure_ascii=False, indent=1) + "\n"


def main() -> int:
    """Compare or write."""
    now = made()
    if "--write" in sys.argv:
        FILE.write_text(now, "utf-8")
    same = FILE.exists() and FILE.read_text("utf-8") == now
    print(
        f"{FILE.name}: {'as the files are' if same else 'not that of the files: python -m tools.library_index --write'}"
    )
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())

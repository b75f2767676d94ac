"""One program of Windows' Python, in the checkout, as a new Windows account would run it.

Paths stand where they stand outside, on drive Z:. Nothing of the caller's surroundings goes along; the code page is
1252 and there is no UTF-8 mode. The process that is started is the Windows process: SIGKILL is its TerminateProcess.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tools.lock import ROOT

# A mount namespace of its own: nothing stays mounted, and its processes are ordinary ones.
MOUNTS = """
root=$1; project=$2; shift 2
for each in proc sys dev; do mount --rbind "/$each" "$root/$each"; done
mount --bind /tmp "$root/tmp"
case $project in
  /tmp/*) ;;
  *) mkdir -p "$root$project"; mount --bind "$project" "$root$project" ;;
esac
exec chroot "$root" /usr/bin/env -C "$project" "$@"
"""


def words_of(cache: Path, arguments: list[str], settings: Mapping[str, str], *, boot: bool = False) -> list[str]:
    """The command line on this side."""
    there = "Z:" + str(ROOT).replace("/", "\\")
    env = {
        "PATH": "/usr/lib/wine:/usr/bin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "TERM": os.environ.get("TERM", "dumb"),
        "XDG_RUNTIME_DIR": "/run",
        "WINEPREFIX": "/srv/prefix",
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "winedbg.exe,mscoree,mshtml=d",
        "PYTHONPATH": f"{there}\\src;{there}",
        "PYTHONPYCACHEPREFIX": "Z:\\srv\\pyc",
        **settings,
    }
    program = ["wine64", "wineboot", "-i"] if boot else ["wine64", "/srv/python/python.exe", *arguments]
    given = [f"{key}={value}" for key, value in env.items()]
    unshare = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-euc", MOUNTS, "run"]
    return [*unshare, str(cache / "root"), str(ROOT), "-i", *given, *program]

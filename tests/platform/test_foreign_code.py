"""Nothing that lies in the working directory runs in a process that we start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import multiprocessing
from estim.rehearsal import pool

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    print(sorted(pool.run(abs, [-1, 2], jobs=2, piece=1)))
"""
FOREIGN = "import pathlib, os; pathlib.Path(__file__).with_name('ran').touch(); os._exit(9)\n"


def test_a_pools_new_processes_do_not_look_into_the_working_directory(tmp_path: Path) -> None:
    ours, folder = tmp_path / "ours", tmp_path / "folder"
    ours.mkdir()
    folder.mkdir()
    (ours / "script.py").write_text(SCRIPT, encoding="utf-8")
    for name in ("pickle", "queue", "json", "socket", "selectors"):
        (folder / f"{name}.py").write_text(FOREIGN, encoding="utf-8")
    said = subprocess.run(
        [sys.executable, str(ours / "script.py")],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert said.stdout.strip() == "[(0, 1), (1, 2)]", said.stderr
    assert not (folder / "ran").exists()

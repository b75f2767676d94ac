"""`estim run | somebody`: each line is there when it is said, and whoever stops reading ends the session.

Python keeps a pipe's lines back until 8 kB have come together, unless PYTHONUNBUFFERED is set, as it is where programs
are developed. Then the reader sees nothing while output is on, and nobody notices that he has gone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HANGS_S = 120


def test_each_line_is_there_at_once_and_who_goes_away_ends_it(tmp_path: Path) -> None:
    words = ["run", "knee-replacement-quadriceps-early", "--patient", "p1", "--level", "quadriceps=3", "--yes"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    running = subprocess.Popen(
        [sys.executable, "-m", "estim", *words, "--home", str(tmp_path)],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        for line in running.stdout:  # the whole session lasts 15 min
            if b"output ON" in line:
                break
        assert running.poll() is None
        running.stdout.close()
        assert running.wait(HANGS_S) == 1
    finally:
        running.kill()
        running.wait(HANGS_S)
    (record,) = tmp_path.glob("records/simulated/*/record.jsonl")
    kinds = [json.loads(line)["kind"] for line in record.read_text("utf-8").splitlines()]
    assert kinds[-1] == "seal"
    assert kinds.count("contraction") < 15, "it ended before its time"

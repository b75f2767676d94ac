"""The handbook's own programs, as they are printed, against the simulators that its page starts."""

from __future__ import annotations

import csv
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "own-program.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("model", "rates_hz"), [("p24", (40, 20)), ("rehastim2", (40, 40))])
def test_a_reader_s_own_program_makes_pulses_and_ends_them(
    model: str, rates_hz: tuple[int, int], tmp_path: Path
) -> None:
    assert f"python -m firmware_sim {model} --tcp 5024 --pulses out.csv" in PAGE
    block = BLOCKS[("p24", "rehastim2").index(model)]
    pulses = tmp_path / "out.csv"
    words = [sys.executable, "-m", "firmware_sim", model, "--tcp", "0", "--pulses", str(pulses)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as simulator:
        assert simulator.stdout is not None
        try:
            port = json.loads(simulator.stdout.readline())["device"].rpartition(":")[2]
            own = tmp_path / "own.py"
            own.write_text(block.replace("5024", port), "utf-8")
            ran = subprocess.run([sys.executable, str(own)], capture_output=True, text=True, timeout=300, check=False)
        finally:
            simulator.terminate()
    assert (ran.returncode, ran.stderr) == (0, "")
    steps = ran.stdout.splitlines()
    assert [line.partition(" mA")[0] for line in steps] == ["2", "4", "6", "8", "off"]
    rows = list(csv.DictReader(pulses.read_text("utf-8").splitlines()))
    assert all(int(row["phase1_pc"]) + int(row["phase2_pc"]) == 0 for row in rows)
    for channel, rate_hz, width_us in ((1, rates_hz[0], 250), (2, rates_hz[1], 200)):
        mine = [row for row in rows if int(row["channel"]) == channel]
        assert {int(row["pulse_width_us"]) for row in mine} == {width_us}
        apart_us = [int(later["t_us"]) - int(row["t_us"]) for row, later in itertools.pairwise(mine)]
        assert apart_us.count(1_000_000 // rate_hz) >= len(apart_us) - 4, "an update may begin its period anew"
    peaks = [int(row["peak_ua"]) for row in rows if row["channel"] == "1"]
    assert peaks == sorted(peaks)
    assert peaks[-1] == 8_000

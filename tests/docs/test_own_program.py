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

from estim.drivers.models import MODELS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "own-program.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("model", MODELS)
def test_a_reader_s_own_program_makes_pulses_and_ends_them(model: str, tmp_path: Path) -> None:
    """The RehaMove3's is the P24's, with the changes that the page names."""
    assert model == "rehamove3" or f"python -m firmware_sim {model} --tcp 5024 --pulses out.csv" in PAGE
    block = dict(zip(("p24", "rehastim2", "rehastim1"), BLOCKS, strict=True)).get(model)
    if block is None:
        assert 'A RehaMove3 speaks the same: init takes `b"\\x00"`, `DATA` `b"\\x02"`' in PAGE
        block = (
            BLOCKS[0]
            .replace('ask(INIT, b"\\x01")', 'ask(INIT, b"\\x00")')
            .replace('ask(DATA, b"\\x04")', 'ask(DATA, b"\\x02")')
        )
        assert block.count('b"\\x00"') == block.count('b"\\x02"') == 1
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
    assert [re.split(" mA|,", line)[0] for line in steps] == ["2", "4", "6", "8", "off"]
    rows = list(csv.DictReader(pulses.read_text("utf-8").splitlines()))
    assert all(int(row["phase1_pc"]) + int(row["phase2_pc"]) == 0 for row in rows)
    slower = 2 if "ask(INIT" in block else 1  # that program's devices have a rate for each channel
    for channel, rate_hz, width_us in ((1, 40, 250), (2, 40 // slower, 200)):
        mine = [row for row in rows if int(row["channel"]) == channel]
        assert {int(row["pulse_width_us"]) for row in mine} == {width_us}
        period_us = 1_000_000 // rate_hz
        apart_us = [int(later["t_us"]) - int(row["t_us"]) for row, later in itertools.pairwise(mine)]
        if model == "rehastim1":
            assert len(mine) == 40, "a pulse for each update"
            assert sum(apart_us) >= period_us * 39 * 0.99, "the program's own clock makes the rate"
        else:
            assert apart_us.count(period_us) >= len(apart_us) - 4, "an update may begin its period anew"
    peaks = [int(row["peak_ua"]) for row in rows if row["channel"] == "1"]
    assert peaks == sorted(peaks)
    assert peaks[-1] == 8_000

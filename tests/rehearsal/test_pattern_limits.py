"""A limit is judged on what a pattern really plays: the plain train passes, the same level in its shape is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from estim.cli import main
from tests.support import DATA

SHORT = (DATA / "worlds.toml").read_text("utf-8")
PADS = {"wide": "[7.6, 12.7]", "small": "[3.2]"}  # 8 cm2, the least that is allowed
WITHOUT_WIDTH = ("pulse_width_us = 250\n", "interphase_us = 100\n")


def protocol(folder: Path, pads: str, hz: int, more: str, *, points: str = "") -> Path:
    text = SHORT.replace("contractions = 22", "contractions = 1").replace(PADS["wide"], PADS[pads])
    text = text.replace("plausible_ma = [5, 60]", "plausible_ma = [5, 100]")
    text = text.replace("frequency_hz = 40", f"frequency_hz = {hz}", 1)
    if points:
        text = text.replace('waveform = "symmetric-biphasic"', 'waveform = "points"')
        for line in WITHOUT_WIDTH:
            text = text.replace(line, "")
        rows = "".join(f"[[phase.point]]\nus = 500\nshare = {share}\n" for share in points.split())
        more = f'interpulse_balance = "within"\n{rows}'
    file = folder / "pattern.toml"
    file.write_text(text.replace("\n[dose]", f"\n{more}\n[dose]", 1), "utf-8")
    return file


CATCH = '[phase.train]\nkind = "catch"\nfirst = { pulses = 2, interval_us = 5000, times = 1 }\nrepeat_every_s = 0.05\n'
TWO_RATE = '[phase.train]\nkind = "two-rate"\nthen_hz = 120\nafter_s = 1.0\n'


@pytest.mark.parametrize(
    ("rule", "pads", "hz", "level_ma", "more", "points"),
    [
        pytest.param("L7", "small", 40, 80, "burst = { pulses = 2, interval_us = 8000 }", "", id="doublets-density"),
        pytest.param("L7", "small", 40, 80, CATCH, "", id="catch-density"),
        pytest.param("L5", "wide", 100, 100, "", "1.0 -1.0 1.0 -1.0", id="points-rms"),
        pytest.param("L11", "small", 20, 95, "", "1.0 -1.0", id="points-charge-density"),
        pytest.param("L4", "wide", 40, 20, "burst = { pulses = 3, interval_us = 5000 }", "", id="triplets-rate"),
        pytest.param("L4", "wide", 40, 20, TWO_RATE, "", id="two-rates"),
    ],
)
def test_a_limit_bites_on_the_patterns_own_shape(
    rule: str, pads: str, hz: int, level_ma: int, more: str, points: str,
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def refused(file: Path) -> set[str]:
        main(["rehearse", str(file), "--level", f"quadriceps={level_ma}", "--home", str(tmp_path), "--json"])
        problems = json.loads(capsys.readouterr().out)["problems"]
        return {problem["rule"] for problem in problems if problem["severity"] == "refuse"}

    assert refused(protocol(tmp_path, pads, hz, "")) == set()
    assert rule in refused(protocol(tmp_path, pads, hz, more, points=points))

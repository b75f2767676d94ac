"""What a device plays by modes of its own: doublets and triplets, channels that skip periods; pulse for pulse."""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from tests.support import SHORT

BURST = "interphase_us = 100\nburst = {{ pulses = {pulses}, interval_us = {interval_us} }}"


def protocol(tmp_path: Path, *, hz: float, burst: tuple[int, int] | None = None, slow_hz: float | None = None) -> Path:
    text = (
        SHORT.read_text(encoding="utf-8")
        .replace("frequency_hz = 50", f"frequency_hz = {hz:g}")
        .replace("off_s = 2", "off_s = 4")
    )
    if burst is not None:
        text = text.replace("interphase_us = 100", BURST.format(pulses=burst[0], interval_us=burst[1]))
    if slow_hz is not None:
        channel = text[text.index("[[channel]]") : text.index("[[phase]]")]
        second = channel.replace('"quadriceps"', '"hamstrings"', 1).replace("quadriceps femoris", "hamstrings")
        text = text.replace("[[phase]]", second + "[[phase]]", 1)
        text = text.replace("[dose]", f'[[phase.channel]]\nname = "hamstrings"\nfrequency_hz = {slow_hz:g}\n[dose]', 1)
    file = tmp_path / "modes.toml"
    file.write_text(text, encoding="utf-8")
    return file


def played(
    file: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, two: bool = False
) -> tuple[dict[str, Any], dict[int, Counter[int]]]:
    """The report, and of each channel how often which interval lay between its pulses of the therapy."""
    pulses = tmp_path / "pulses.csv"
    levels = ["--level", "quadriceps=10", *(["--level", "hamstrings=12"] if two else [])]
    pulses.write_text("", "ascii")
    words = ["--device-model", model, "--home", str(tmp_path), "--pulses", str(pulses), "--json"]
    main(["rehearse", str(file), *levels, *words])
    rows = [row for row in csv.DictReader(pulses.read_text("ascii").splitlines()) if row["purpose"] == "therapy"]
    times = {int(row["channel"]): [int(r["t_us"]) for r in rows if r["channel"] == row["channel"]] for row in rows}
    gaps = {channel: Counter(b - a for a, b in itertools.pairwise(at)) for channel, at in times.items()}
    return json.loads(capsys.readouterr().out), gaps


@pytest.mark.parametrize("model", ["rehastim2", "p24"])
@pytest.mark.parametrize(
    ("pulses", "interval_us", "hz"), [(2, 8_000, 20), (3, 8_000, 12.5), (2, 10_000, 25), (2, 20_000, 20)]
)
def test_bursts_come_in_the_devices_own_way_with_the_files_spacing(
    model: str, pulses: int, interval_us: int, hz: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, gaps = played(protocol(tmp_path, hz=hz, burst=(pulses, interval_us)), model, tmp_path, capsys)
    assert report["outcome"] == "completed", report["problems"]
    assert report["dose_agrees"]
    rest_us = round(1e6 / hz) - (pulses - 1) * interval_us
    (inner, _), (outer, _), *_ = [*gaps[1].most_common(2), (0, 0)]
    assert {inner, outer} == {interval_us, rest_us}
    assert report["channels"][0]["pulses"] % pulses == 0


@pytest.mark.parametrize(
    ("burst", "hz", "said"),
    [((2, 5_000), 20, "8000 to 129000"), ((2, 130_000), 3, "8000 to 129000"), ((3, 8_000), 45, "do not fit")],
)
def test_what_its_modes_can_not_do_is_refused(
    burst: tuple[int, int], hz: float, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, _ = played(protocol(tmp_path, hz=hz, burst=burst), "rehastim2", tmp_path, capsys)
    assert report["outcome"] == "refused"
    assert any(said in problem["message"] for problem in report["problems"]), report["problems"]


def test_a_spacing_between_two_steps_is_played_longer_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, gaps = played(protocol(tmp_path, hz=20, burst=(2, 8_200)), "rehastim2", tmp_path, capsys)
    assert gaps[1].most_common(1)[0][0] in {8_500, 41_500}
    assert any("8200 µs" in bend["message"] and "8500 µs" in bend["message"] for bend in report["bends"])


@pytest.mark.parametrize(("hz", "slow_hz", "skipped"), [(40, 20, 1), (50, 10, 4), (50, 25, 1), (20, 10, 1)])
def test_a_slower_channel_skips_whole_periods(
    hz: float, slow_hz: float, skipped: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, gaps = played(protocol(tmp_path, hz=hz, slow_hz=slow_hz), "rehastim2", tmp_path, capsys, two=True)
    assert report["outcome"] == "completed", report["problems"]
    assert report["dose_agrees"]
    fast_us = gaps[1].most_common(1)[0][0]
    assert gaps[2].most_common(1)[0][0] == fast_us * (skipped + 1)
    assert any(f"hamstrings plays one period and skips {skipped}" in bend["message"] for bend in report["bends"])


@pytest.mark.parametrize(
    ("hz", "slow_hz", "hint"),
    [(40, 13, ""), (50, 5, ""), (40, 30, ""), (40, 13.333, "one period in 3 of 40 Hz: 13.33 Hz")],
)
def test_rates_that_one_factor_does_not_serve_are_refused(
    hz: float, slow_hz: float, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, _ = played(protocol(tmp_path, hz=hz, slow_hz=slow_hz), "rehastim2", tmp_path, capsys, two=True)
    assert report["outcome"] == "refused"
    (said,) = {problem["message"] for problem in report["problems"] if problem["rule"] == "one-rate"}
    assert "one rate for all channels" in said
    assert (f"; skip = 2 on the slow channel plays {hint}" in said) if hint else ("skip = " not in said)


@pytest.mark.parametrize(("hz", "slow_hz"), [(40, 20), (40, 13)])
def test_a_rehastim1_refuses_a_slower_channel_and_says_what_can_be_done(
    hz: float, slow_hz: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, gaps = played(protocol(tmp_path, hz=hz, slow_hz=slow_hz), "rehastim1", tmp_path, capsys, two=True)
    assert report["outcome"] == "refused"
    assert not gaps
    (said,) = {problem["message"] for problem in report["problems"] if problem["rule"] == "one-rate"}
    assert "one rate for all channels" in said
    assert "a phase of its own" in said


def test_a_fallback_of_a_free_shape_claims_no_pause_that_the_file_does_not_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["quadriceps-stepped-recovery", "--device-model", "rehastim2", "--json", "--home", str(tmp_path)]
    main(["protocols", "check", *words])
    said = capsys.readouterr().out
    assert "symmetric-biphasic is played" in said
    assert "always leaves 100" in said
    assert "between the phases, not" not in said

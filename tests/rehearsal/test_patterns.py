"""Patterns, from the file to the simulated electrode: intervals to 1 µs, charge to 1 pC; a limit passed is refused."""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.drivers.models import MODELS
from tests.support import SHORT

TIMED = [name for name, model in MODELS.items() if model.profile.has_timer]
HOSTED = [name for name, model in MODELS.items() if not model.profile.has_timer]  # each pulse is asked for
FREE = [name for name, model in MODELS.items() if model.profile.free_points]  # each point of a pulse is given by itself
CATCH = (
    '[phase.train]\nkind = "catch"\nfirst = { pulses = 2, interval_us = 8000, times = 1 }\nrepeat_every_s = 1\n[dose]'
)
POINTS = "".join(
    f"[[phase.point]]\nus = {us}\nshare = {share}\n"
    for us, share in ((200, 1.0), (100, 0.0), (200, -0.5), (400, -0.25))
)


def protocol(tmp_path: Path, *changes: tuple[str, str], second: bool = False) -> Path:
    text = SHORT.read_text(encoding="utf-8").replace("off_s = 2", "off_s = 4")
    if second:
        channel = text[text.index("[[channel]]") : text.index("[[phase]]")]
        other = channel.replace('"quadriceps"', '"hamstrings"', 1).replace("quadriceps femoris", "hamstrings")
        text = text.replace("[[phase]]", other + "[[phase]]", 1)
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    file = tmp_path / "pattern.toml"
    file.write_text(text, encoding="utf-8")
    return file


def played(
    file: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *levels: str, pad: str = ""
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The report, and the pulses of the therapy."""
    pulses = tmp_path / "pulses.csv"
    pulses.write_text("", "ascii")
    words = [word for level in levels or ("quadriceps=12",) for word in ("--level", level)]
    main(["rehearse", str(file), *words, "--device-model", model, "--home", str(tmp_path), "--pulses", str(pulses),
          "--json", *(["--pad", f"quadriceps={pad}"] if pad else [])])  # fmt: skip
    rows = [row for row in csv.DictReader(pulses.read_text("ascii").splitlines()) if row["purpose"] == "therapy"]
    return json.loads(capsys.readouterr().out), rows


def times_of(rows: list[dict[str, str]], channel: int = 1) -> list[int]:
    return [int(row["t_us"]) for row in rows if int(row["channel"]) == channel]


def gaps(rows: list[dict[str, str]], channel: int = 1) -> Counter[int]:
    at = times_of(rows, channel)
    return Counter(b - a for a, b in itertools.pairwise(at) if b - a < 1_000_000)


@pytest.mark.parametrize("model", TIMED)
def test_the_first_pulses_of_a_contraction_and_again_are_doublets(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = protocol(tmp_path, ("frequency_hz = 50", "frequency_hz = 20"), ("[dose]", CATCH))
    report, rows = played(file, model, tmp_path, capsys)
    assert report["outcome"] == "completed", report["problems"]
    assert report["dose_agrees"]
    at = times_of(rows)
    found = gaps(rows)
    assert found.keys() == {8_000, 42_000, 50_000}, found
    begins = [0, *(number + 1 for number, (a, b) in enumerate(itertools.pairwise(at)) if b - a > 1_000_000)]
    assert all(at[begin + 1] - at[begin] == 8_000 for begin in begins), "each contraction begins with one"
    assert found[8_000] > len(begins), "and has more of them later"


@pytest.mark.parametrize("model", HOSTED)
@pytest.mark.parametrize(
    ("hz", "pulses", "interval_us", "times", "repeat_s"),
    [(20, 2, 8_000, 1, 0), (20, 2, 8_000, 1, 1), (20, 2, 5_000, 2, 1), (10, 3, 5_000, 1, 0), (50, 2, 3_000, 1, 1)],
)
def test_a_device_that_plays_each_list_once_plays_as_many_doublets_as_the_file_says(
    model: str, hz: int, pulses: int, interval_us: int, times: int, repeat_s: int,
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The change to single pulses came a whole period after the first pulse: one doublet too many."""
    train = (
        f'[phase.train]\nkind = "catch"\nfirst = {{ pulses = {pulses}, interval_us = {interval_us}, times = {times} }}'
        f"\nrepeat_every_s = {repeat_s}\n[dose]"
    )
    file = protocol(tmp_path, ("frequency_hz = 50", f"frequency_hz = {hz}"), ("[dose]", train))
    report, rows = played(file, model, tmp_path, capsys)
    assert report["outcome"] == "completed", report["problems"]
    assert report["dose_agrees"]
    assert {int(row["phase1_pc"]) for row in rows} == {int(row["peak_ua"]) * 250 for row in rows}, "250 µs, as written"
    assert all(int(row["phase1_pc"]) + int(row["phase2_pc"]) == 0 for row in rows)
    at = times_of(rows)
    begins = [0, *(n + 1 for n, (a, b) in enumerate(itertools.pairwise(at)) if b - a > 1_000_000)]
    for begin, end in itertools.pairwise([*begins, len(at)]):
        one = at[begin:end]
        close = [n for n, (a, b) in enumerate(itertools.pairwise(one)) if b - a == interval_us]
        groups = 1 + (one[-1] - one[0] - 500_000 // hz) // 1_000_000 if repeat_s else 1
        assert close[: pulses - 1] == list(range(pulses - 1)), "it begins with one"
        assert len(close) == times * groups * (pulses - 1)
        whole = [b - a for a, b in itertools.pairwise(one) if b - a != interval_us]
        assert all(us > 1_000_000 // hz - (pulses - 1) * interval_us - 1_000 for us in whole)


def test_a_device_that_can_not_play_them_so_close_says_so_or_plays_its_shortest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change = ("frequency_hz = 50", "frequency_hz = 20")
    close = CATCH.replace("8000", "5000")
    report, rows = played(protocol(tmp_path, change, ("[dose]", close)), "rehastim2", tmp_path, capsys)
    assert report["outcome"] == "refused"
    assert not rows
    assert any("5000 µs apart" in each["message"] and "8000" in each["message"] for each in report["problems"])
    least = close.replace("times = 1 }", "times = 1, at_least_device = true }")
    report, rows = played(protocol(tmp_path, change, ("[dose]", least)), "rehastim2", tmp_path, capsys)
    assert report["outcome"] == "completed"
    assert 8_000 in gaps(rows)
    assert any("5000 µs" in bend["message"] and "8000 µs" in bend["message"] for bend in report["bends"])
    report, rows = played(protocol(tmp_path, change, ("[dose]", close)), "p24", tmp_path, capsys)
    assert 5_000 in gaps(rows)


@pytest.mark.parametrize("model", FREE)
@pytest.mark.parametrize(("first", "then"), [(20, 40), (40, 20)])
def test_a_second_rate_begins_within_the_contraction(
    model: str, first: int, then: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = f'[phase.train]\nkind = "two-rate"\nthen_hz = {then}\nafter_s = 1\n[dose]'
    file = protocol(tmp_path, ("frequency_hz = 50", f"frequency_hz = {first}"), ("[dose]", train))
    report, rows = played(file, model, tmp_path, capsys)
    assert report["outcome"] == "completed", report["problems"]
    assert report["dose_agrees"]
    at = times_of(rows)
    assert gaps(rows).keys() == {1_000_000 // first, 1_000_000 // then}
    switch = next(n for n, (a, b) in enumerate(itertools.pairwise(at)) if b - a == 1_000_000 // then)
    assert at[switch] - at[0] in {1_000_000, 1_000_000 - 1_000_000 // first}, "0 mA pulses of the ramp are none"


def test_a_device_with_one_rate_refuses_the_second(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = '[phase.train]\nkind = "two-rate"\nthen_hz = 20\nafter_s = 1\n[dose]'
    report, rows = played(protocol(tmp_path, ("[dose]", train)), "rehastim2", tmp_path, capsys)
    assert (report["outcome"], rows) == ("refused", [])
    assert any("another rate" in each["message"] for each in report["problems"])


@pytest.mark.parametrize("model", FREE)
def test_a_free_pulse_carries_exactly_what_the_file_says_and_takes_it_back(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = protocol(
        tmp_path, ('waveform = "symmetric-biphasic"', 'waveform = "points"'), ("pulse_width_us = 250\n", ""),
        ("interphase_us = 100\n", ""), ("[dose]", POINTS + "[dose]"),
    )  # fmt: skip
    report, rows = played(shape, model, tmp_path, capsys)
    assert report["outcome"] == "completed", report["problems"]
    assert report["dose_agrees"]
    for row in rows:
        assert int(row["phase1_pc"]) == int(row["peak_ua"]) * 200
        assert int(row["phase1_pc"]) + int(row["phase2_pc"]) == 0
        assert int(row["peak_ua"]) % 2_000 == 0, "every share is whole on the device's grid"
    assert max(int(row["peak_ua"]) for row in rows) == 12_000


def test_a_device_without_points_plays_the_fallback_or_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = [
        ('waveform = "symmetric-biphasic"', 'waveform = "points"'), ("pulse_width_us = 250\n", ""),
        ("interphase_us = 100\n", ""), ("[dose]", POINTS + "[dose]"),
    ]  # fmt: skip
    report, _ = played(protocol(tmp_path, *points), "rehastim2", tmp_path, capsys)
    assert report["outcome"] == "refused"
    may = ('waveform = "points"', 'waveform = "points"\nwaveform_fallback = "symmetric-biphasic"')
    report, rows = played(protocol(tmp_path, *points, may), "rehastim2", tmp_path, capsys)
    assert report["outcome"] == "completed"
    assert {row["pulse_width_us"] for row in rows} == {"200"}, "of the same charge"
    assert any("symmetric-biphasic is played" in bend["message"] for bend in report["bends"])


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (((200, 1.0), (200, -0.5)), "exactly 0"),
        (((200, 0.5), (200, -0.5)), "largest share"),
        (((200, 1.0), (600, -0.333), (200, -0.001)), "coarse"),
        (((300, 1.0), (300, 1.0), (600, -1.0)), "phase width"),
        (((200, 1.0),), "2 to 16"),
    ],
)
def test_a_shape_that_leaves_charge_or_is_too_long_is_refused(
    points: tuple[tuple[int, float], ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"[[phase.point]]\nus = {us}\nshare = {share}\n" for us, share in points)
    file = protocol(
        tmp_path, ('waveform = "symmetric-biphasic"', 'waveform = "points"'), ("pulse_width_us = 250\n", ""),
        ("interphase_us = 100\n", ""), ("[dose]", rows + "[dose]"),
    )  # fmt: skip
    report, pulses = played(file, "p24", tmp_path, capsys)
    assert (report["outcome"], pulses) == ("refused", [])
    assert any(said in each["message"] for each in report["problems"]), report["problems"]


FOLLOWS = (
    '[[phase.channel]]\nname = "hamstrings"\nfollows = {{ channel = "quadriceps", share = {share}{most} }}\n[dose]'
)


@pytest.mark.parametrize(
    ("model", "share", "most", "own_ma", "expected_ua"),
    [
        ("p24", 0.8, "", 30, 16_000),
        ("p24", 0.33, "", 30, 6_500),  # 6.6 mA, the nearest below
        ("p24", 0.8, "", 10, 10_000),  # never above its own level
        ("p24", 0.8, ", at_most_ma = 12", 30, 12_000),
        ("rehastim2", 0.33, "", 30, 6_000),
    ],
)
def test_a_follower_gets_its_share_and_never_more_than_its_own(
    model: str, share: float, most: str, own_ma: int, expected_ua: int, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = protocol(tmp_path, ("[dose]", FOLLOWS.format(share=share, most=most)), second=True)
    report, rows = played(file, model, tmp_path, capsys, "quadriceps=20", f"hamstrings={own_ma}")
    assert report["outcome"] == "completed", report["problems"]
    assert report["dose_agrees"]
    most_ua = {n: max(int(row["peak_ua"]) for row in rows if int(row["channel"]) == n) for n in (1, 2)}
    assert most_ua == {1: 20_000, 2: expected_ua}


@pytest.mark.parametrize("model", TIMED)
def test_a_channel_that_skips_periods_is_exact_on_every_device(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    skip = '[[phase.channel]]\nname = "hamstrings"\nskip = 2\n[dose]'
    report, rows = played(
        protocol(tmp_path, ("[dose]", skip), second=True), model, tmp_path, capsys, "quadriceps=12", "hamstrings=14"
    )
    assert report["outcome"] == "completed", report["problems"]
    assert report["dose_agrees"]
    for channel, period_us in ((1, 20_000), (2, 60_000)):  # one source serves both: a start may push one by a pulse
        (most_us, many), *rest = gaps(rows, channel).most_common()
        assert most_us == period_us
        assert all(abs(us - period_us) < 1_000 for us, _ in rest)
        assert many > 10 * len(rest)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ([("frequency_hz = 50", "frequency_hz = 65"), ("[dose]", CATCH)], "L4"),  # doubled pulses count twice
        ([("frequency_hz = 50", "frequency_hz = 50"), ("off_s = 4", "off_s = 40"),
          ("[dose]", '[phase.train]\nkind = "two-rate"\nthen_hz = 140\nafter_s = 1\n[dose]')], "L4"),
    ],
)  # fmt: skip
def test_a_limit_bites_on_what_a_train_really_plays(
    changes: list[tuple[str, str]], rule: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, rows = played(protocol(tmp_path, *changes), "p24", tmp_path, capsys)
    assert (report["outcome"], rows) == ("refused", [])
    assert any(each["rule"] == rule for each in report["problems"]), report["problems"]


def test_density_and_charge_of_a_free_pulse_are_judged_from_its_points(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"[[phase.point]]\nus = {us}\nshare = {share}\n" for us, share in ((500, 1.0), (500, -1.0)))
    changes = [
        ('waveform = "symmetric-biphasic"', 'waveform = "points"'), ("pulse_width_us = 250\n", ""),
        ("interphase_us = 100\n", ""), ("[dose]", rows + "[dose]"),
    ]  # fmt: skip
    report, pulses = played(protocol(tmp_path, *changes), "p24", tmp_path, capsys, "quadriceps=90", pad="3x3")
    assert (report["outcome"], pulses) == ("refused", [])
    assert {each["rule"] for each in report["problems"]} & {"L5", "L7", "L8", "L10", "L11"}, report["problems"]

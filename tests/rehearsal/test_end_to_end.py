"""A published protocol from file to simulated electrode: what stands in the report, at the electrode, in the record."""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

from estim import api
from estim.cli import main
from estim.rehearsal import World, rehearse
from tests.support import SHORT, plan, sample

KNEE = "knee-replacement-quadriceps-early"


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:  # type: ignore[type-arg]
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_knee_protocol_gives_fifteen_contractions_and_the_dose_that_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pulses = tmp_path / "pulses.csv"
    code, report = run_json(
        capsys, "rehearse", KNEE, "--level", "quadriceps=40", "--home", str(tmp_path), "--pulses", str(pulses)
    )
    assert code == 0
    assert report["outcome"] == "completed"
    assert report["contractions"] == 15
    assert report["record_verified"] is True
    (channel,) = report["channels"]
    rows = [row for row in csv.DictReader(pulses.read_text().splitlines()) if row["purpose"] == "therapy"]
    assert sum(int(row["phase1_pc"]) for row in rows) == channel["charge_pc"] == channel["acknowledged"]["charge_pc"]
    assert len(rows) == channel["pulses"] == channel["acknowledged"]["pulses"]
    assert max(int(row["peak_ua"]) for row in rows) == 40_000
    assert all(int(row["phase1_pc"]) + int(row["phase2_pc"]) == 0 for row in rows)


def test_contractions_come_every_sixty_seconds_and_ramp_as_the_file_says(tmp_path: Path) -> None:
    pulses = tmp_path / "pulses.csv"
    assert main(["rehearse", KNEE, "--level", "quadriceps=40", "--home", str(tmp_path), "--pulses", str(pulses)]) == 0
    rows = [row for row in csv.DictReader(pulses.read_text().splitlines()) if row["purpose"] == "therapy"]
    times = [int(row["t_us"]) for row in rows]
    onsets = [at for before, at in zip([-(10**9), *times], times, strict=False) if at - before > 1_000_000]
    assert len(onsets) == 15
    assert all(abs(b - a - 60_000_000) < 40_000 for a, b in itertools.pairwise(onsets))
    first = [int(row["peak_ua"]) for row in rows if int(row["t_us"]) < onsets[0] + 20_000_000]
    assert first.index(40_000) in range(147, 151)  # 3 s at 50 Hz
    assert max(b - a for a, b in itertools.pairwise(first)) <= 4_000


def test_whose_limits_are_tighter_is_rehearsed_with_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the register knows counts as at a session's door, in every spelling of the person."""
    home = ["--home", str(tmp_path)]
    assert main(["records", "patient", "P-017", "--flag", "fragile_bone", *home]) == 0
    capsys.readouterr()
    said = {}
    for patient in ("P-018", "p\u2011017"):
        code, report = run_json(capsys, "rehearse", KNEE, "--level", "quadriceps=40", "--patient", patient, *home)
        assert code == 0
        said[patient] = flags_in(Path(report["record"]))
    with api.rehearse(KNEE, patient="P-017", levels={"quadriceps": 40}, home=tmp_path) as session:
        session.start()
        assert session.wait()
    assert session.result is not None
    assert session.result.record is not None
    assert (*said.values(), flags_in(session.result.record)) == ([], ["fragile_bone"], ["fragile_bone"])


@pytest.mark.parametrize("name", ["Maria Muster", "Müller", "../x", "P 1", "A" * 41, "CON"])
def test_no_persons_name_is_rehearsed_from_python(name: str, tmp_path: Path) -> None:
    """A rehearsal's record is kept as a session's is; from Python it took any text for a pseudonym."""
    with pytest.raises(api.Refused, match=r"pseudonym"):
        api.rehearse(KNEE, patient=name, levels={"quadriceps": 20}, home=tmp_path)
    assert not list(tmp_path.rglob("record.jsonl"))


def test_a_rehearsals_folder_bears_the_pseudonym_as_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["rehearse", str(SHORT), "--level", "quadriceps=10", "--home", str(tmp_path)]
    _, report = run_json(capsys, *words, "--patient", "P\u2011017")
    assert report["record"].endswith("Z-P-017")
    with api.rehearse(SHORT, patient="\uff30-017", levels={"quadriceps": 10}, home=tmp_path) as session:
        session.start()
        assert session.wait()
    assert session.result is not None
    assert str(session.result.record).endswith("Z-P-017")


def flags_in(record: Path) -> list[str]:
    """What the header of a record says that was known of the patient."""
    header = json.loads((record / "record.jsonl").read_bytes().splitlines()[0])
    assert header["kind"] == "header"
    found: list[str] = header["fields"]["patient_flags"]
    return found


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_dose_equals_what_was_measured_whatever_the_delays_of_the_wire(seed: int) -> None:
    done = rehearse(plan(seed=seed))
    assert done.report["outcome"] == "completed", (
        f"estim rehearse tests/data/short.toml --level quadriceps=10 --seed {seed}"
    )
    assert done.report["dose_agrees"] is True
    assert (
        done.report["channels"][0]["charge_pc"] == 597_750_000
    )  # 297 pulses: ramps of 25 and 15 pulses, 99 a contraction


@pytest.mark.hazard("H27")
def test_the_same_seed_gives_the_same_record_to_the_last_byte() -> None:
    assert rehearse(plan(seed=7)).data == rehearse(plan(seed=7)).data


def test_another_seed_gives_another_record() -> None:
    assert rehearse(plan(seed=7)).data != rehearse(plan(seed=8)).data


def test_every_amplitude_that_was_sent_lies_within_a_durable_authorisation() -> None:
    ceiling: dict[int, int] = {}
    checked = 0
    for raw in rehearse(plan()).data.splitlines():
        line = json.loads(raw)
        if line["kind"] == "authorise":
            ceiling = {entry["channel"]: entry["peak_ua"] for entry in line["fields"]["channels"]}
        if line["kind"] == "command":
            for output in line["fields"]["channels"]:
                assert output["amplitude_ua"] <= ceiling[output["channel"]]
                checked += 1
    assert checked > 50


@pytest.mark.hazard("H39")
def test_a_level_is_found_from_zero_by_single_steps_while_the_muscle_is_held() -> None:
    world = World(plan())
    peaks: list[int] = []
    world.device.on_pulse = lambda pulse: peaks.append(pulse.peak_ua) if world.purpose == "titration" else None
    world.run()
    assert peaks[0] <= 1_000
    raised = [json.loads(raw)["fields"]["level_ua"] for raw in world.record.data.splitlines() if b'"raised"' in raw]  # type: ignore[union-attr]
    assert raised == list(range(1_000, 11_000, 1_000))


@pytest.mark.hazard("H10", "H31")
@pytest.mark.parametrize(
    ("change", "rule", "layer", "asked", "allowed"),
    [
        (("frequency_hz = 50", "frequency_hz = 180"), "L4", "absolute", 180, 150),
        (("pulse_width_us = 250", "pulse_width_us = 3000"), "L2", "absolute", 3000, 1000),
        (("frequency_hz = 50", "frequency_hz = 110"), "L4", "site", 110, 100),
        (("off_s = 2", "off_s = 1"), "L20", "site", 66.7, 50),
    ],
)
def test_a_file_that_a_limit_forbids_is_refused_with_numbers_layer_and_source(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    rule: str,
    layer: str,
    asked: float,
    allowed: float,
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(sample(*change), encoding="utf-8")
    code, document = run_json(capsys, "protocols", "check", str(file), "--home", str(tmp_path))
    assert code == 1
    (problem,) = [entry for entry in document["files"][0]["problems"] if entry["severity"] == "refuse"]
    assert (problem["rule"], problem["layer"], problem["asked"], problem["allowed"]) == (rule, layer, asked, allowed)
    assert problem["source"]
    assert problem["line"] is not None
    assert main(["rehearse", str(file), "--level", "quadriceps=10", "--home", str(tmp_path)]) == 1


@pytest.mark.hazard("H22")
def test_a_small_pad_is_refused_for_density(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "wide.toml"
    file.write_text(sample("pulse_width_us = 250", "pulse_width_us = 400"), encoding="utf-8")
    code, document = run_json(
        capsys, "rehearse", str(file), "--level", "quadriceps=100", "--pad", "quadriceps=3.2", "--home", str(tmp_path)
    )
    assert code == 1
    (problem,) = document["problems"]
    assert problem["rule"] == "L7"
    assert "current density" in problem["message"]
    assert problem["asked"] == pytest.approx(2.488, abs=0.001)
    assert problem["allowed"] == 2.0
    assert problem["layer"] == "absolute"
    assert "IEC 60601-2-10" in problem["source"]


@pytest.mark.hazard("H11")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (sample("off_s = 2", "off_s = 2\nfoo = 3"), "no key 'foo'"),
        (sample("off_s = 2", "off_s = 2\nfrequency_hertz = 3"), "did you mean 'frequency_hz'"),
        (sample('"symmetric-biphasic"', '"monophasic"'), "net charge is exactly 0"),
        (sample("frequency_hz = 50", "frequency_hz = ["), "not a TOML file"),
        (sample("frequency_hz = 50", "frequency_hz = -5"), "greater than 0"),
        (sample("frequency_hz = 50", "frequency_hz = nan"), "finite"),
        (sample("contractions = 3", ""), "either contractions or duration_s"),
    ],
)
def test_a_file_that_is_no_protocol_is_refused_with_line_and_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text, encoding="utf-8")
    code, document = run_json(capsys, "protocols", "check", str(file), "--home", str(tmp_path))
    assert code == 1
    (problem,) = document["files"][0]["problems"]
    assert words in problem["message"]
    assert problem["line"] is not None


def test_no_two_kinds_of_line_are_misspelt() -> None:
    kinds = Counter(json.loads(raw)["kind"] for raw in rehearse(plan()).data.splitlines())
    assert set(kinds) <= {
        "header", "screening", "device", "setup", "bend", "accepted", "refused", "request", "phase", "output",
        "authorise", "raised", "lowered", "levels", "command", "status", "contraction", "dose", "alarm", "note",
        "outcome", "signature", "end", "seal", "checkpoint",
    }  # fmt: skip
    assert kinds["header"] == kinds["end"] == kinds["seal"] == 1

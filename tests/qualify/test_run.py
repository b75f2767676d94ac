"""`estim qualify run`: a simulated stimulator plays and measures by itself, a person is guided; what gives too much is
refused for output until it was measured again.
"""

from __future__ import annotations

import datetime
import errno
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.desk.qualify import readings
from estim.desk.qualify.readings import QUESTIONS
from estim.desk.qualify.steps import KINDS, BenchPlan, BenchStep, steps_for, write_plan
from estim.platform import files
from estim.records.keys import station_signer
from estim.records.qualification import every, refusal_of
from tests.support import SHORT
from tests.turns import its_turn, of_this_turn

ALL = steps_for([1], step_ma=0.5, most_ma=130, fixed_gap_us=None, full=False, lead_off_ma=15)
ONE_OF_EACH = ("Q1-", "Q2-20mA", "Q3-250us-gap100", "Q4-50Hz", "Q5-20mA", "Q6-", "Q7-", "Q8-open-20mA", "Q9-100mA-2000",
               "Q10-", "Q11-")  # fmt: skip
DEVICE = "SIM0000000"


def plan(tmp_path: Path, names: Sequence[str] = ONE_OF_EACH) -> Path:
    steps = tuple(step for step in ALL if step.id.startswith(tuple(names)))
    file = tmp_path / "bench.toml"
    made = BenchPlan(model="p24", device_id="", firmware="", load_ohm=1_000, shunt_ohm=10, instrument="simulated",
                     instrument_serial="1", calibrated="2026-01-01", operator="t", steps=steps)  # fmt: skip
    file.write_text(write_plan(made), encoding="utf-8")
    return file


def run(file: Path, home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main(["qualify", "run", str(file), "--home", str(home), "--json", *words])
    return code, json.loads(capsys.readouterr().out or "{}")


@pytest.mark.skipif(not its_turn(0, 2), reason="a clean device is measured by every kind of step on the other days")
def test_a_clean_device_passes_every_kind_of_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run(plan(tmp_path), tmp_path, capsys, "--device", "sim://p24")
    assert (code, document["verdict"], document["problems"]) == (0, "pass", []), [
        figure for figure in document["figures"] if figure["verdict"] not in {"pass", "noted"}
    ]
    assert {step.kind for step in ALL} == set(KINDS)
    assert len({figure["step"] for figure in document["figures"]}) == len(ONE_OF_EACH)
    assert (document["device_id"], document["firmware"][:1]) == (DEVICE, "1")
    assert Path(document["report"]).read_bytes()[:5] == b"%PDF-"
    assert main(["doctor", "--home", str(tmp_path)]) in {0, 1}
    assert "qualified" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "name", "figure"),
    of_this_turn(
        [
            ("gain=1.3", "Q2-20mA", "over-delivery"),
            ("phase-lost", "Q5-20mA", "Q1 + Q2"),
            ("overlap", "Q6-", "pause between channels"),
            ("late-stop", "Q10-", "stop"),
            ("lead-silent", "Q8-open-20mA", "reported"),
            ("clips-silent", "Q9-100mA-2000", "kept, or said"),
            ("wakes-on", "Q11-", "silent"),
            ("gain=1.3", "Q7-", "above the line"),
        ],
        2,
    ),
)
def test_each_planted_fault_fails_its_step(
    fault: str, name: str, figure: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = run(plan(tmp_path, [name]), tmp_path, capsys, "--device", "sim://p24", "--fault", fault)
    assert (code, document["verdict"]) == (1, "fail")
    assert figure in {one["name"] for one in document["figures"] if one["verdict"] == "fail"}


def test_what_gives_too_much_gets_no_output_until_it_is_measured_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, key = plan(tmp_path, ["Q2-20mA"]), station_signer(tmp_path).public_hex
    assert run(file, tmp_path, capsys, "--device", "sim://p24", "--fault", "gain=1.3")[0] == 1
    session = [
        "run",
        str(SHORT),
        "--patient",
        "p1",
        "--device",
        "sim://p24",
        "--yes",
        "--level",
        "quadriceps=5",
        "--home",
        str(tmp_path),
    ]
    assert main([*session, "--json"]) != 0
    document = json.loads(capsys.readouterr().out)
    assert document["outcome"] == "refused"
    assert any("no output until it is repaired" in each["message"] for each in document["problems"])
    assert all(channel["pulses"] == 0 for channel in document["channels"])
    (record,) = (tmp_path / "records" / "simulated").glob("2*/record.jsonl")
    header = json.loads(record.read_text(encoding="utf-8").splitlines()[0])["fields"]
    assert "no output until it is repaired" in header["qualification"]
    assert main(["records", "report", str(record.parent), "--home", str(tmp_path)]) == 0
    assert "On the bench" in capsys.readouterr().out
    repair = ["qualify", "repaired", "--model", "p24", "--device-id", DEVICE, "--home", str(tmp_path)]
    assert main(repair) == 0
    assert refusal_of(tmp_path, "p24", DEVICE, public_hex=key), "a repair alone proves nothing"
    assert run(file, tmp_path, capsys, "--device", "sim://p24")[0] == 0
    assert refusal_of(tmp_path, "p24", DEVICE, public_hex=key) == ""
    (found,) = every(tmp_path, public_hex=key).values()
    day = datetime.date.fromisoformat(found.taken)
    assert found.due(day) == ""
    assert "due again in 30 days" in found.due(day + datetime.timedelta(days=335))
    assert "not qualified any more" in found.due(day + datetime.timedelta(days=400))
    assert main(repair) == 0
    (found,) = every(tmp_path, public_hex=key).values()
    assert "repaired" in found.words(day)


@pytest.mark.parametrize(("model", "kept", "step"), [("p24", DEVICE, "Q2-20mA"), ("rehastim2", "SIM", "Q1-")])
def test_what_was_simulated_says_nothing_of_a_stimulator_that_the_plan_names(
    model: str, kept: str, step: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clean simulation stood as the pass of a real serial number, and opened it again when it had been refused."""
    file, home = tmp_path / "bench.toml", ["--home", str(tmp_path)]
    assert main(["qualify", "plan", "--model", model, "--device-id", "P240012345", *home]) == 0
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    main(["qualify", "run", str(file), "--device", f"sim://{model}", "--only", step, "--json", *home])
    said = capsys.readouterr()
    assert json.loads(said.out)["device_id"] == kept
    assert f"kept as {kept}; nothing is said of P240012345" in said.err
    assert [path.name for path in (tmp_path / "qualifications").glob("*.json")] == [f"{model}-{kept}.json"]


def test_captures_of_a_simulation_stay_so_whoever_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`qualify read` signed them as the real number's pass, and a bench went on from them as if they were its own."""
    file, folder, home = tmp_path / "bench.toml", str(tmp_path / "captures"), ["--home", str(tmp_path)]
    assert main(["qualify", "plan", "--model", "p24", "--device-id", "P240012345", *home]) == 0
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    main(["qualify", "run", str(file), folder, "--device", "sim://p24", "--only", "Q2-20mA", "--json", *home])
    capsys.readouterr()
    main(["qualify", "read", str(file), folder, "--json", *home])
    said = capsys.readouterr()
    assert json.loads(said.out)["device_id"] == "SIM"
    assert "was simulated: kept as SIM; nothing is said of P240012345" in said.err
    assert not list((tmp_path / "qualifications").glob("*P240012345*"))
    monkeypatch.setattr("sys.stdin", io.StringIO("q\n"))
    assert main(["qualify", "run", str(file), folder, *home]) == 2
    assert "was simulated, and says nothing of a stimulator" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["rehamove3", "rehastim2", "rehastim1"])
@pytest.mark.parametrize("name", of_this_turn(["Q4-35Hz", "Q9-100mA-2000", "Q10-", "Q11-"], 2))
def test_a_plan_asks_of_each_model_what_it_can_play_and_say(
    model: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, home = tmp_path / "bench.toml", ["--home", str(tmp_path)]
    assert main(["qualify", "plan", "--model", model, *home]) == 0
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    main(["qualify", "run", str(file), "--device", f"sim://{model}", "--only", name, "--json", *home])
    document = json.loads(capsys.readouterr().out)
    figures = [figure for figure in document["figures"] if figure["step"].startswith(name)]
    assert figures
    assert {figure["verdict"] for figure in figures} <= {"pass", "noted"}, figures


@pytest.mark.parametrize("model", ["rehamove3", "rehastim2", "rehastim1"])
def test_a_cable_is_pulled_while_it_plays_on_every_model(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The step of 1 s was over before anybody pulled: nothing came afterwards, whatever the device did."""
    file, home = tmp_path / "bench.toml", ["--home", str(tmp_path)]
    assert main(["qualify", "plan", "--model", model, *home]) == 0
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    wakes = ["--device", f"sim://{model}", "--only", "Q11", "--fault", "wakes-on", "--json"]
    assert main(["qualify", "run", str(file), *wakes, *home]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [(f["name"], f["verdict"]) for f in document["figures"]] == [("silent", "fail")]


def test_a_device_that_never_keeps_its_time_is_told_from_a_host_that_is_late_now_and_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a RehaStim 1 the host times each pulse and may be 2 ms late; 0.6 ms at every pulse are within that.

    Not 0.4 ms: half of all periods were then wrong by 265 µs in the long run, of 270, and it went by chance.
    """
    file, home = tmp_path / "bench.toml", ["--home", str(tmp_path)]
    assert main(["qualify", "plan", "--model", "rehastim1", *home]) == 0
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    jitter = ["--only", "Q4-50Hz", "--fault", "period-jitter"]
    main(["qualify", "run", str(file), "--device", "sim://rehastim1", "--json", *jitter, *home])
    document = json.loads(capsys.readouterr().out)
    figures = {f["name"]: f["verdict"] for f in document["figures"] if f["step"].startswith("Q4-50Hz")}
    assert (figures["usual jitter"], figures["jitter"], figures["period"]) == ("fail", "pass", "pass")


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_a_person_is_guided_types_readings_and_can_go_on_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = plan(tmp_path, ["Q2-20mA", "Q8-open-20mA", "Q11-"])
    typed(monkeypatch, "yes", "no person", "", "t", "20,2", "20.1", "q")
    capsys.readouterr()
    code = main(["qualify", "run", str(file), "--home", str(tmp_path)])
    said = capsys.readouterr().err
    assert code == 1
    assert "type 'no person'" in said, "yes alone is no answer"
    assert "there is no" in said
    assert "clip: channel 1 alone, 1000 ohm" in said
    assert "--patient bench" in said
    assert (tmp_path / "bench" / "protocols" / "Q2-20mA-ch1.toml").exists()
    typed(monkeypatch, "no person", "what", "yes", "400", "no person", "y")
    code, document = run(file, tmp_path, capsys)
    assert (code, document["verdict"]) == (0, "pass"), document
    assert {figure["step"] for figure in document["figures"]} == {"Q2-20mA-ch1", "Q8-open-20mA-ch1", "Q11-restart-ch1"}


def test_readings_beyond_a_limit_fail_and_near_it_decide_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = plan(tmp_path, ["Q2-20mA"])
    for current, verdict in (("20", "pass"), ("22", "fail"), ("18.4", "undecided"), ("26", "fail")):
        typed(monkeypatch, "no person", "t", current, "20")
        assert run(file, tmp_path, capsys, "--again")[1]["verdict"] == verdict
    assert refusal_of(tmp_path, "p24", "", public_hex=station_signer(tmp_path).public_hex)


def test_every_kind_of_step_can_be_typed() -> None:
    assert QUESTIONS.keys() == set(KINDS)
    assert all(isinstance(replace(step, noted=True), BenchStep) for step in ALL)


def test_wrong_words_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = plan(tmp_path, ["Q1-"])
    for words, said in (
        (["--device", "sim://rehamove3"], "the plan is for a p24"),
        (["--device", "sim://p24", "--fault", "no"], "there are gain"),
        (["--fault", "gain=1.2"], "for simulated stimulators"),
        (["--only", "Q99"], "no step"),
    ):
        assert main(["qualify", "run", str(file), "--home", str(tmp_path), *words]) == 2
        assert said in capsys.readouterr().err
    (tmp_path / "bench" / "readings.toml").write_text("[x]\ny = 'z'\n", encoding="utf-8")
    assert main(["qualify", "read", str(file), str(tmp_path / "bench"), "--home", str(tmp_path)]) == 2
    assert "numbers and true or false" in capsys.readouterr().err


def test_readings_typed_before_stand_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readings.save(tmp_path, {"cable": {"off_ms": 84.0}})

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "make_durable", full)
        with pytest.raises(OSError, match="No space"):
            readings.save(tmp_path, {"cable": {"off_ms": 84.0}, "restart": {"silent": True}})
    assert readings.load(tmp_path) == {"cable": {"off_ms": 84.0}}
    assert [path.name for path in tmp_path.iterdir()] == [readings.FILE]

"""The audit finds what a chain can't: lines that are whole and wrong. And the forgeries that agree with themselves."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.records.audit import audit
from estim.records.chain import Chain, read
from estim.records.keys import seeded_signer, station_signer
from estim.records.simulated import SimulatedWriter
from estim.records.verify_home import verify_home
from estim.records.writer import RecordWriter
from tests.support import SHORT

Line = tuple[str, int, dict[str, Any]]


def peak(ua: int, width_us: int = 250) -> dict[str, int]:
    return {"channel": 1, "peak_ua": ua, "pulse_width_us": width_us, "period_us": 20_000}


def command(sent_us: int, ua: int, width_us: int = 250) -> Line:
    row = {"channel": 1, "amplitude_ua": ua, "pulse_width_us": width_us, "period_us": 20_000, "interphase_us": 100}
    return ("command", sent_us + 800, {"command": 1, "sent_us": sent_us, "ack_us": 800, "channels": [row]})


def unanswered(sent_us: int, ua: int) -> Line:
    _, t_us, fields = command(sent_us, ua)
    return ("unanswered", t_us, {key: value for key, value in fields.items() if key != "ack_us"})


def dose(**changed: int) -> Line:
    row = {"channel": 1, "peak_ua": 10_000, "pulses": 10, "charge_pc": 25_000_000, "unacknowledged_pulses": 0}
    return ("dose", 5_000_000, {"purpose": "therapy", "channels": [{**row, **changed}]})


GOOD: list[Line] = [
    ("header", 0, {}),
    ("setup", 0, {"caps_ua": {"1": 40_000}}),
    ("phase", 10, {"after": "RUNNING", "before": "ARMED"}),
    ("authorise", 20, {"authorise": 1, "channels": [peak(10_000)], "until_us": 4_000_000}),
    ("output", 900_000, {"state": "ON"}),
    command(1_000_000, 10_000),
    command(2_000_000, 0),
    ("phase", 3_000_000, {"after": "CONFIGURED", "before": "STOPPING"}),
    ("output", 3_000_000, {"state": "OFF"}),
    dose(),
    ("end", 6_000_000, {"outcome": "completed", "output": "OFF"}),
]


def findings(lines: list[Line]) -> list[str]:
    chain = Chain(simulated=True)
    data = b"".join(chain.line(kind, fields, at) for kind, at, fields in sorted(lines, key=lambda line: line[1]))
    reading = read(data)
    assert reading.first_bad is None
    return [finding.rule for finding in audit(reading.entries)]


def test_an_orderly_session_has_no_findings() -> None:
    assert findings(GOOD) == []


@pytest.mark.parametrize(
    ("lines", "rules"),
    [
        ([command(1_500_000, 10_001)], ["authorise", "dose"][:1]),
        ([command(1_500_000, 10_000, 251)], ["authorise"]),
        ([command(1_500_000, 41_000)], ["cap", "authorise"]),
        ([unanswered(1_500_000, 41_000)], ["cap", "authorise"]),
        ([command(5, 1_000)], ["authorise", "phase"]),
        ([command(3_500_000, 1_000)], ["authorise", "phase"]),
        ([("lowered", 1_200_000, {"channel": 1, "level_ua": 5_000}), command(1_300_000, 5_001)], ["authorise"]),
        ([("authorise", 30, {"authorise": 2, "channels": [peak(50_000)], "until_us": 9})], ["cap"]),
        (
            [
                ("authorise", 30, {"authorise": 2, "channels": [peak(20_000)], "until_us": 4_000_000}),
                ("raise-dropped", 40, {"authorise": 2}),
                command(1_300_000, 20_000),
            ],
            ["authorise"],
        ),
        ([dose(peak_ua=10_001)], ["dose"]),
        ([dose(charge_pc=25_000_001)], ["dose"]),
        ([("output", 5_500_000, {"state": "UNCERTAIN"})], ["end"]),
        ([("end", 6_500_000, {"output": "UNCERTAIN"})], ["end"]),
        ([("command", 1_500_000, {"channels": "none"})], ["shape"]),
        ([("noise", 1_500_000, {"count": 1, "text": "bytes"})], []),
        ([("noise", 1_500_000, {"count": 1, "text": "41", "pulses_most": 3, "charge_most_pc": 9})], ["stray"]),
    ],
)
def test_what_breaks_a_rule_is_named(lines: list[Line], rules: list[str]) -> None:
    assert findings([*GOOD, *lines]) == rules


def test_a_fall_needs_no_authorisation() -> None:
    assert findings([*GOOD, command(1_500_000, 9_000), command(1_600_000, 0)]) == []


def real_session(home: Path, name: str) -> Path:
    folder = home / "records" / "real" / name
    writer = RecordWriter(folder, Chain(simulated=False), station_signer(home))
    writer.append("header", {}, 0)
    writer.append("end", {"outcome": "stopped"}, 1)
    writer.close(2)
    return folder


def test_a_simulated_forgery_among_real_sessions_is_found(tmp_path: Path) -> None:
    folder = real_session(tmp_path, "a")
    forged = SimulatedWriter(None, signer=seeded_signer(7))
    forged.append("header", {}, 0)
    forged.append("end", {"outcome": "completed"}, 1)
    forged.close(2)
    (folder / "record.jsonl").write_bytes(forged.data)
    assert any("among the real" in verdict.reason for verdict in verify_home(tmp_path))
    assert any("saw sealed" in verdict.reason for verdict in verify_home(tmp_path))


def test_sessions_that_changed_places_are_found(tmp_path: Path) -> None:
    first, second = real_session(tmp_path, "a"), real_session(tmp_path, "b")
    one, two = (first / "record.jsonl").read_bytes(), (second / "record.jsonl").read_bytes()
    if one == two:  # the same lines, key and times make the same bytes
        second = tmp_path / "records" / "real" / "c"
        writer = RecordWriter(second, Chain(simulated=False), station_signer(tmp_path))
        writer.append("header", {"operator": "x"}, 0)
        writer.close(1)
        two = (second / "record.jsonl").read_bytes()
    assert all(verdict.ok for verdict in verify_home(tmp_path))
    (first / "record.jsonl").write_bytes(two)
    (second / "record.jsonl").write_bytes(one)
    assert sum(not verdict.ok for verdict in verify_home(tmp_path)) == 2


def test_a_master_chain_that_was_signed_by_another_is_found(tmp_path: Path) -> None:
    real_session(tmp_path, "a")
    path = tmp_path / "records" / "real" / "master.jsonl"
    opened, sealed = path.read_bytes().splitlines()
    entry = json.loads(sealed)
    entry["signature"] = seeded_signer(3).sign(bytes.fromhex(entry["hash"])).hex()
    forged = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
    path.write_bytes(opened + b"\n" + forged + b"\n")
    assert any("not signed by a trusted key" in verdict.reason for verdict in verify_home(tmp_path))


# -- a whole record made anew by somebody with an editor: what its own lines can't be --------------------------------


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[Line]:
    """The lines of a rehearsed session."""
    home = tmp_path_factory.mktemp("played")
    assert main(["rehearse", str(SHORT), "--level", "quadriceps=10", "--home", str(home)]) == 0
    (record,) = (home / "records/simulated").glob("*/record.jsonl")
    found = [json.loads(line) for line in record.read_bytes().splitlines()]
    return [
        (line["kind"], line["t_us"], line["fields"]) for line in found if line["kind"] not in {"checkpoint", "seal"}
    ]


def nth(lines: list[Line], kind: str, number: int) -> int:
    return [at for at, line in enumerate(lines) if line[0] == kind][number]


def less_in_the_dose(lines: list[Line]) -> None:
    row = lines[nth(lines, "dose", -1)][2]["channels"][0]
    row.update(pulses=row["pulses"] // 2, charge_pc=row["charge_pc"] // 2)


def more_in_the_dose(lines: list[Line]) -> None:
    row = lines[nth(lines, "dose", -1)][2]["channels"][0]
    row.update(pulses=row["pulses"] * 2, charge_pc=row["charge_pc"] * 2, pulses_most=10**6, charge_most_pc=10**15)


def bounds_upside_down(lines: list[Line]) -> None:
    lines[nth(lines, "dose", -1)][2]["channels"][0].update(pulses_least=10**6)


def commands_left_out(lines: list[Line]) -> None:
    first = nth(lines, "command", 45)
    following = [at for at in range(first, len(lines)) if lines[at][0] == "command"][:30]
    for at in reversed(following):
        del lines[at]


def a_command_twice(lines: list[Line]) -> None:
    lines.insert(nth(lines, "command", 20), lines[nth(lines, "command", 20)])


def an_authorisation_left_out(lines: list[Line]) -> None:
    lines[nth(lines, "authorise", 2)][2]["authorise"] += 1


def a_contraction_left_out(lines: list[Line]) -> None:
    del lines[nth(lines, "contraction", -1)]


def a_contraction_more_at_the_end(lines: list[Line]) -> None:
    lines[nth(lines, "end", 0)][2]["contractions"] += 1


def sent_before_the_last(lines: list[Line]) -> None:
    lines[nth(lines, "command", 20)][2]["sent_us"] -= 5_000_000


ANEW = [
    (less_in_the_dose, {"dose"}), (more_in_the_dose, {"dose"}), (bounds_upside_down, {"dose"}),
    (commands_left_out, {"sequence"}), (a_command_twice, {"sequence"}), (an_authorisation_left_out, {"sequence"}),
    (a_contraction_left_out, {"contractions"}), (a_contraction_more_at_the_end, {"contractions"}),
    (sent_before_the_last, {"time"}),
]  # fmt: skip


@pytest.mark.parametrize(("act", "rules"), ANEW)
def test_lines_that_were_made_anew_do_not_add_up(
    played: list[Line], act: Callable[[list[Line]], None], rules: set[str]
) -> None:
    lines = copy.deepcopy(played)
    assert judged(lines) == set()
    act(lines)
    assert judged(lines) >= rules


def judged(lines: list[Line]) -> set[str]:
    chain = Chain(simulated=True)
    return {found.rule for found in audit(read(b"".join(chain.line(k, f, t) for k, t, f in lines)).entries)}


def test_verify_sees_times_that_fall_in_practice_sealed_anew(
    played: list[Line], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain, signer = Chain(simulated=True), seeded_signer(4)
    data = b"".join(chain.line(kind, fields, 9 if kind == "end" else at) for kind, at, fields in played)
    data += chain.checkpoint(signer.sign, signer.key_id, 10**12, {"public_key": signer.public_hex}, kind="seal")
    (tmp_path / "record.jsonl").write_bytes(data)
    for words in (["verify"], ["verify", "--deep"]):
        assert main(["records", *words, str(tmp_path), "--home", str(tmp_path / "home")]) == 1
        assert "is earlier than the line before it" in capsys.readouterr().out

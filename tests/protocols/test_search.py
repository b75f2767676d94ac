"""`protocols list`: each condition, muscle and goal that people name finds what it should, own files among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from estim.cli import main
from estim.protocols import library
from estim.protocols.catalogue import entries
from estim.protocols.loader import load
from estim.protocols.search import Query, finds, parse_channels
from estim.safety.errors import UsageError
from tests.support import sample

# The conditions of the clinical reference's coverage table, as it names them, and as people say them.
CONDITIONS = [
    "Stroke", "Post-surgery", "knee replacement", "ligament repair", "Fracture", "disuse", "Chronic low back pain",
    "Neck pain", "Carpal tunnel", "repetitive strain", "Multiple sclerosis", "Parkinson's", "Cerebral palsy",
    "Spasticity", "Balance and falls", "older adults", "Posture", "Athletes", "Gait", "COPD", "heart failure",
    "Critical illness", "Parkinson", "parkinsons", "MS", "ACL", "TKA", "intensive care", "stroke", "sport", "elderly",
    "low-back-pain", "knee-replacement", "RSI", "CP", "Parkinson’s",
]  # fmt: skip


def listed(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> list[str]:
    assert main(["protocols", "list", *arguments, "--home", str(home), "--json"]) == 0
    return [row["id"] for row in json.loads(capsys.readouterr().out)["protocols"]]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_each_condition_of_the_reference_finds_a_protocol(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], condition: str
) -> None:
    assert listed(capsys, tmp_path, "--condition", condition)


def test_a_condition_finds_all_of_its_files_and_no_other() -> None:
    protocols = [load(library.path(name)) for name in library.names()]
    for condition in {condition for protocol in protocols for condition in protocol.conditions}:
        found = {protocol.id for protocol in protocols if finds(protocol, Query(condition=condition))}
        assert {protocol.id for protocol in protocols if condition in protocol.conditions} <= found
    stroke = {protocol.id for protocol in protocols if finds(protocol, Query(condition="stroke"))}
    assert stroke == {protocol.id for protocol in protocols if "stroke" in protocol.conditions}


def test_the_question_of_the_issue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--condition", "stroke", "--muscle", "tibialis anterior", "--runnable-on", "rehastim2")
    assert listed(capsys, tmp_path, *arguments) == [
        "stroke-foot-drop-peroneal",
        "stroke-gait-dorsi-plantarflexors",  # its peroneal channel drives the muscle, whatever the file calls it
        "stroke-leg-four-channel-gait-pattern",
        "stroke-tibialis-anterior-spasticity",
    ]


@pytest.mark.parametrize(
    ("arguments", "some", "none"),
    [
        (("--muscle", "quads"), "knee-replacement-quadriceps-early", "low-back-pain-multifidus"),
        (("--muscle", "TA"), "intensive-care-lower-limb", "knee-replacement-quadriceps-early"),
        (("--muscle", "calf"), "calf-pump-oedema", "knee-replacement-quadriceps-early"),
        (("--muscle", "glute"), "cerebral-palsy-gluteus-medius", "calf-pump-oedema"),
        (("--goal", "pain"), "tens-conventional-pain", "calf-pump-oedema"),
        (("--basis", "published"), "copd-quadriceps-stepped", "tens-conventional-pain"),
        (("--channels", "6"), "spinal-cord-injury-cycling", "tens-conventional-pain"),
        (("--channels", "3-4"), "hand-grasp-task", "spinal-cord-injury-cycling"),
        (("--runnable-on", "rehamove3"), "hand-grasp-task", "spinal-cord-injury-cycling"),
        (("--device", "rehastim2"), "hand-grasp-task", "tens-conventional-pain"),
        (("emg",), "stroke-wrist-emg-triggered", "stroke-wrist-finger-cyclic"),
        (("wrist", "stroke"), "stroke-wrist-finger-cyclic", "stroke-hand-opening"),
    ],
)
def test_what_is_asked_for_is_found_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], some: str, none: str
) -> None:
    found = listed(capsys, tmp_path, *arguments)
    assert some in found
    assert none not in found


def test_all_are_listed_by_default_and_nothing_is_an_answer_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(capsys, tmp_path) == list(library.names())
    assert listed(capsys, tmp_path, "--condition", "hiccups") == []
    assert main(["protocols", "list", "--condition", "hiccups", "--home", str(tmp_path)]) == 0
    assert "none is for 'hiccups'; there are some for: " in (said := capsys.readouterr().out)
    assert "knee-replacement, " in said
    words = ["protocols", "list", "--condition", "stroke", "--goal", "circulation", "--home", str(tmp_path)]
    assert main(words) == 0
    assert "some are for 'stroke', but not with the rest" in capsys.readouterr().out
    assert main(["protocols", "list", "--condition", "hiccups", "--home", str(tmp_path)]) == 0
    assert "no protocol is like that" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["0", "-1", "two", "4-1", "1-", "", "1.5"])
def test_a_number_of_channels_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="range"):
        parse_channels(text)


def test_bad_words_of_the_command_line_are_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "list", "--runnable-on", "p25", "--home", str(tmp_path)]) == 2
    assert "p24, rehamove3, rehastim2" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["protocols", "list", "--goal", "power"])
    assert ended.value.code == 2


def test_own_files_stand_among_the_others_and_bad_ones_say_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "protocols"
    own.mkdir()
    (own / "mine.toml").write_text(sample('id = "short"', 'id = "mine"'), encoding="utf-8")
    (own / "broken.toml").write_text(sample("frequency_hz = 50", "frequency_hz = -50"), encoding="utf-8")
    taken = sample('id = "short"', 'id = "calf-pump-oedema"')
    (own / "taken.toml").write_text(taken, encoding="utf-8")
    (own / "twin.toml").write_text(sample('id = "short"', 'id = "mine"'), encoding="utf-8")
    assert main(["protocols", "list", "--home", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in document["protocols"] if row["own"]] == ["mine"]
    reasons = {Path(entry["file"]).name: entry["problems"][0] for entry in document["broken"]}
    assert reasons["broken.toml"]["key"] == "phase[0].frequency_hz"
    assert reasons["taken.toml"]["rule"] == reasons["twin.toml"]["rule"] == "id-clash"
    assert len(entries(own)) == len(library.names()) + 4
    assert main(["protocols", "check", "--home", str(tmp_path), "--json"]) == 1
    files = json.loads(capsys.readouterr().out)["files"]
    assert {Path(entry["file"]).name for entry in files if not entry["ok"]} == {
        "broken.toml",
        "taken.toml",
        "twin.toml",
    }

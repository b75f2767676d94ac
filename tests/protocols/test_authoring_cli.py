"""`protocols new | show | plot | check | table`, as an author and a therapist use them."""

from __future__ import annotations

import errno
import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from estim.cli import main
from estim.drivers.models import MODELS
from estim.protocols import library
from estim.protocols.loader import load
from tests.support import protocols, runnable


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["protocols", *arguments]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.out + captured.err


def test_a_new_file_is_found_shown_drawn_checked_and_rehearsed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ("--home", str(tmp_path))
    path = Path(said(capsys, "new", "calf-after-cast", *home).splitlines()[0])
    assert path == tmp_path / "protocols" / "calf-after-cast.toml"
    assert "calf-after-cast" in said(capsys, "list", *home)
    assert "Calf after cast" in said(capsys, "show", "calf-after-cast", *home)
    assert "one pulse" in said(capsys, "plot", "calf-after-cast", *home)
    assert "1 runnable, 0 refused" in said(capsys, "check", "calf-after-cast", *home)
    assert "35 Hz is played as 34.78 Hz" in said(capsys, "table", "calf-after-cast", *home)
    assert main(["rehearse", "calf-after-cast", "--level", "quadriceps=10", "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out)["contractions"] == 10


def test_an_id_that_is_taken_is_refused_and_nothing_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ("--home", str(tmp_path))
    path = Path(said(capsys, "new", "mine", "--from", "calf-pump-oedema", *home).splitlines()[0])
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    before = path.read_bytes()
    assert "belongs to" in said(capsys, "new", "mine", *home, code=1)
    assert "library" in said(capsys, "new", "calf-pump-oedema", *home, code=1)
    assert path.read_bytes() == before
    assert load(path).channel == load(library.path("calf-pump-oedema")).channel


@pytest.mark.parametrize("name", ["Calf", "../calf", "a b", "", "x/y", "-"])
def test_an_id_that_is_no_id_is_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["protocols", "new", "--home", str(tmp_path), "--", name]) == 2
    assert "small letters" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.toml"))


def test_what_can_not_be_copied_from_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "new", "mine", "--from", "calf-pump-edema", "--home", str(tmp_path), code=1)
    assert "calf-pump-oedema" in text


def test_an_own_file_with_a_taken_id_is_never_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "protocols"
    own.mkdir()
    text = library.path("calf-pump-oedema").read_text(encoding="utf-8")
    (own / "mine.toml").write_text(text, encoding="utf-8")
    assert main(["rehearse", "mine", "--level", "x=10", "--home", str(tmp_path)]) == 1
    assert "belongs to a protocol of the library" in capsys.readouterr().err


@pytest.mark.parametrize("name", library.names())
def test_every_protocol_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    protocol = protocols()[name]
    text = said(capsys, "show", name, "--home", str(tmp_path))
    flat = " ".join(text.split())
    for words in (protocol.title, protocol.id, protocol.cue, protocol.position, *protocol.stop_criteria):
        assert " ".join(words.split()) in flat
    for channel in protocol.channel:
        assert f"Usually {channel.plausible_ma[0]:g} to {channel.plausible_ma[1]:g} mA" in text
    for phase in protocol.phase:
        assert f"{phase.frequency_hz:g} Hz, {phase.pulse_width_us:g} µs a phase" in text
    assert ("NOT RUNNABLE" in text) is (not protocol.runnable)
    assert all(len(line) <= 102 for line in text.splitlines())


def test_a_week_shows_what_is_played_then(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = ("--home", str(tmp_path))
    first = said(capsys, "show", "copd-quadriceps-stepped", "--week", "1", *home)
    third = said(capsys, "show", "copd-quadriceps-stepped", "--week", "3", *home)
    assert "2 s on, 18 s off" in first
    assert "10 s on, 30 s off" not in first
    assert "10 s on, 30 s off" in third
    assert "2 s on, 18 s off" not in third
    assert "(reached)" in said(capsys, "show", "knee-replacement-quadriceps-early", "--week", "3", *home)
    document = json.loads(said(capsys, "show", "copd-quadriceps-stepped", "--week", "2", "--json", *home))
    assert [phase["on_s"] for phase in document["phase"]] == [5]
    assert main(["protocols", "show", "copd-quadriceps-stepped", "--week", "0", *home]) == 2
    capsys.readouterr()


def test_the_file_itself_can_be_had(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "show", "calf-pump-oedema", "--toml", "--home", str(tmp_path))
    assert text == library.path("calf-pump-oedema").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", runnable())
def test_a_drawing_is_whole_svg_within_its_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    file = tmp_path / "drawn.svg"
    said(capsys, "plot", name, "--svg", str(file), "--home", str(tmp_path))
    root = ET.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314 - our own drawing
    space = "{http://www.w3.org/2000/svg}"
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    protocol = protocols()[name]
    texts = [element.text or "" for element in root.iter(f"{space}text")]
    assert protocol.title in texts
    assert sum(text.startswith("one pulse: ") for text in texts) >= 1
    points = [
        tuple(map(float, pair.split(",")))
        for line in root.iter(f"{space}polyline")
        for pair in line.attrib["points"].split()
    ]
    assert all(0 <= x <= width and 0 <= y <= height for x, y in points)
    assert sum(text == "one cycle" or text.startswith("one trigger") for text in texts) >= 1


def test_what_can_not_be_drawn_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = ("--home", str(tmp_path))
    assert "phase width 75000 µs, allowed at most 1000 µs" in said(
        capsys, "plot", "denervated-muscle-long-pulse", *home, code=1
    )
    assert "--width" in said(capsys, "plot", "calf-pump-oedema", "--width", "3", *home, code=2)
    assert "--svg" in said(capsys, "plot", "calf-pump-oedema", "--svg", str(tmp_path / "no" / "x.svg"), *home, code=2)


def test_the_table_says_how_each_device_plays_each_protocol(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(said(capsys, "table", "--json", "--home", str(tmp_path)))
    rows = {row["id"]: row["devices"] for row in document["protocols"]}
    assert set(rows) == set(library.names())
    assert all(set(row) == set(MODELS) for row in rows.values())
    verdicts = {name: {model: row[model]["verdict"] for model in MODELS} for name, row in rows.items()}
    framed = set(MODELS) - {"rehastim2", "rehastim1"}
    assert set(verdicts["knee-replacement-quadriceps-early"].values()) == {"exact"}
    for name, on_framed, others in (
        ("acl-quadriceps-modified-extension", "rounded", {"rehastim2": "refused", "rehastim1": "rounded"}),
        ("knee-replacement-vastus-medialis-home", "exact", {"rehastim2": "rounded", "rehastim1": "rounded"}),
        ("tens-conventional-pain", "exact", {"rehastim2": "refused", "rehastim1": "rounded"}),
    ):
        assert verdicts[name] == dict.fromkeys(framed, on_framed) | others
    assert set(verdicts["denervated-muscle-long-pulse"].values()) == {"not-runnable"}
    assert set(verdicts["spinal-cord-injury-cycling"].values()) == {"not-runnable"}
    assert set(verdicts["spinal-cord-injury-abdominal"].values()) == {"not-runnable"}
    assert sum(verdict["p24"] in {"exact", "rounded"} for verdict in verdicts.values()) == 59
    for row in rows.values():
        for playing in row.values():
            assert (playing["verdict"] == "exact") is (not playing["reasons"])
    text = said(capsys, "table", "acl-quadriceps-modified-extension", "--home", str(tmp_path))
    assert "75 Hz is played as 74.07 Hz" in text


def test_check_names_files_and_ids_and_takes_a_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = ("--home", str(tmp_path))
    both = said(capsys, "check", "calf-pump-oedema", str(library.path("hand-grasp-task")), *home)
    assert "2 checked for the p24: 2 runnable, 0 refused" in both
    assert "allowed at most 50 Hz" in said(
        capsys, "check", "tens-conventional-pain", "--device", "rehastim2", *home, code=1
    )
    entry = json.loads(said(capsys, "check", "tens-conventional-pain", "--json", *home))["files"][0]
    assert entry["devices"]["rehastim2"]["verdict"] == "refused"
    assert entry["ok"] is True
    assert main(["protocols", "check", "--device", "p25", *home]) == 2


def test_a_home_that_takes_no_file_is_refused_and_is_no_wrong_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As every command that can't write: the words of the command line were right."""

    def read_only(path: Path, _data: bytes) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr("estim.cli.protocols.make_new", read_only)
    assert main(["protocols", "new", "calf-after-cast", "--home", str(tmp_path)]) == 1
    assert "calf-after-cast.toml" in capsys.readouterr().err
